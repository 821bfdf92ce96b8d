# SPDX-License-Identifier: Apache-2.0
# The node on its own: a photo each period, its packets through the modem. What has not left waits and is cut again, in
# whatever payload the modem offers then. Duty cycles are the modem's to keep.
import glimpse_modem as link
from glimpse_dialects import BY_NUMBER
from glimpse_status import ERROR_SOURCE, NodeError
from utime import ticks_diff, ticks_ms


class Field:
    # node: a glimpse_node.Node, started: its settings, frame, card and board.
    def __init__(self, node):
        self._node = node
        self._line = None
        self.begin()

    # NodeError: the board has no line for this modem.
    def check(self, modem):
        if modem:
            self._open(modem)

    def _open(self, modem):
        try:
            self._line = self._node.board.open_line(self._node.settings["modem_line"], BY_NUMBER[modem].baud)
        except (ValueError, OSError, KeyError):
            raise NodeError(ERROR_SOURCE, "no line for a modem")

    # As the settings say: with a modem, or without.
    def begin(self):
        settings = self._node.settings
        self._modem = None
        self._packet = None  # that the modem has
        self._active = False
        self._taken_at = None
        if not settings["modem"]:
            return
        self._open(settings["modem"])
        flags = settings["flags"]
        self._modem = link.Modem(
            BY_NUMBER[settings["modem"]],
            self._line,
            settings["port"],
            settings["data_rate"],
            bool(flags & 1),
            bool(flags & 2),
            self._node.board.seed(),
            ticks_ms(),
        )

    # The serial line takes the frame: what was being sent ends.
    def drop_frame(self):
        self._active = False
        self._packet = None

    def poll(self):
        if self._modem is None:
            return
        now = ticks_ms()
        event = self._modem.poll(now)
        while event is not None:
            self._take(event)
            event = self._modem.poll(now)
        if self._modem.payload():
            if self._is_time(now):
                self._take_photo(now)
            if self._active:
                self._send(ticks_ms())  # a photo takes its time

    def _take(self, event):
        kind = event[0]
        board = self._node.board
        packet = self._packet
        if kind in (link.SENT, link.ACKNOWLEDGED) and packet is not None:
            self._node.card.put(packet)
            self._packet = None
        elif kind == link.FAILED and packet is not None:
            self._node.frame.failed(len(packet))
            self._packet = None
        elif kind == link.LOST:
            board.led("lost")
        elif kind == link.JOINED:
            board.led("ready")

    # The first time at once.
    def _is_time(self, now):
        period = self._node.settings["period"]
        return period > 0 and (self._taken_at is None or ticks_diff(now, self._taken_at) >= 1000 * period)

    def _take_photo(self, now):
        node = self._node
        settings, frame = node.settings, node.frame
        self._taken_at = now
        self.drop_frame()
        node.board.led("photo")
        coding = 1 if frame.model.cumulative is not None else 0
        try:
            frame.begin(
                settings["source"],
                coding,
                node.take_number(),
                settings["payload"] or 242,
                settings["budget"],
                settings["channels"],
            )
            frame.fetch()
        except NodeError:
            node.board.led("error")
            return
        frame.active = False  # for the serial line there is none
        node.card.begin()
        self._active = True
        node.board.led("ready")

    def _send(self, now):
        frame, node = self._node.frame, self._node
        length = frame.packet(self._modem.payload())
        if not length:
            self._active = False
            node.board.led("ready")
            return
        self._packet = bytes(frame.packer.packet[:length])
        node.board.led("send")
        self._modem.send(now, self._packet)
