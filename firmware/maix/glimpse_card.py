# SPDX-License-Identifier: Apache-2.0
# Each frame's packets as a .glp file on the memory card: "GLP1", then length u16 and bytes of each.
from ustruct import pack


class Card:
    # folder: of the card, None without one. A card that refuses is not asked again until the next start: pictures
    # matter more than copies.
    def __init__(self, folder, boots):
        self._folder = folder
        self._boots = boots
        self._frames = 0
        self._path = None

    def begin(self):
        self._frames += 1
        if self._folder is not None:
            self._path = "%s/%06d-%05d.glp" % (self._folder, self._boots, self._frames)
            self._write("wb", b"GLP1")

    # Opened and closed each time, so that what has been sent is there when the power goes.
    def put(self, packet):
        if self._folder is not None and self._path is not None:
            self._write("ab", pack("<H", len(packet)) + packet)

    def _write(self, mode, data):
        try:
            with open(self._path, mode) as file:
                file.write(data)
        except OSError:
            self._folder = None
