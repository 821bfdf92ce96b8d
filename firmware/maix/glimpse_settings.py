# SPDX-License-Identifier: Apache-2.0
# What a node remembers without power: JSON files that are written so that a power cut at any moment leaves the old
# content or the new, never none.
import uos
from ujson import dumps, loads

# settings.json, which a person may edit, has what differs from this.
SETTINGS = {
    "model": "starfish.blob",
    "kmodel": "starfish.kmodel",  # a file, or where in flash it lies
    "line": "usb",  # of the host: "usb", or {"uart": 1, "tx": pin, "rx": pin}
    "baud": 115200,
    "modem_line": {"uart": 2, "tx": 7, "rx": 6},
    "led": [13, 12, 14],  # pins of red, green and blue, lit when low; [] without
    "key": 16,  # held at the start it leads to MicroPython's prompt
    "vflip": 0,
    "hmirror": 0,
    "card": 1,  # keep each frame's packets on /sd
    "period": 0,  # seconds from photo to photo on its own; 0: only when asked
    "payload": 0,  # most bytes of a packet; 0: what the link takes
    "budget": 0,  # bytes of a frame; 0: no limit
    "channels": 0,  # a frame ends after the symbols of so many channels; 0: all
    "modem": 0,  # 1 LoRa-E5, 2 RAK3172; 0: none, and these do not count:
    "port": 1,
    "data_rate": 255,  # 255: the modem's
    "flags": 1,  # 1 the network may change the data rate, 2 every packet acknowledged
    "region": 0,
    "source": 0,  # 0 camera, 2 test pattern
}
# state.json, which is the node's own.
STATE = {"boots": 0, "next_frame": 0}


class Store:
    # path: of the file, in a folder that can be written; the new content comes beside it first, as path + "n".
    def __init__(self, path, defaults):
        self._path = path
        self.values = dict(defaults)
        for name in (path, path + "n"):
            found = _load(name)
            if found is not None:
                for key in found:
                    if key in defaults:
                        self.values[key] = found[key]
                return

    def __getitem__(self, key):
        return self.values[key]

    # False: the disk refused; the values hold until the next start all the same.
    def change(self, **values):
        self.values.update(values)
        new = self._path + "n"
        try:
            with open(new, "w") as file:
                file.write(dumps(self.values))
            # Some file systems replace in two steps: between them only the new file is there, and whole.
            uos.rename(new, self._path)
        except OSError:
            return False
        return True


# None: not there, or cut short.
def _load(path):
    try:
        with open(path) as file:
            found = loads(file.read())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
