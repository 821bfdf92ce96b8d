# SPDX-License-Identifier: Apache-2.0
# Cuts a frame's symbols into image packets that each decode alone (docs/wire-format.md).
from glimpse_crc import crc16
from glimpse_range import RangeCoder
from glimpse_status import ERROR_ARGUMENT, NodeError

WIRE_VERSION = 1
MIN_PAYLOAD = 11
MAX_PAYLOAD = 242
MAX_FRAME = 63
RAW = 0
RANGE = 1
_HEADER_BYTES = 4
_OVERHEAD_BYTES = 6


class Packer:
    # Made once for a model; `begin` for each frame. packet: the last one made, in place.
    def __init__(self, model, layout):
        self._model = model
        self._places = layout.places
        self._coder = RangeCoder(model, layout) if model.cumulative is not None else None
        self.packet = bytearray(MAX_PAYLOAD)
        self.total = model.symbols
        self.sent = model.symbols

    # symbols: as a Layout lays them out, each below the model's levels; they stay as they are until all is sent.
    def begin(self, symbols, frame, coding):
        if not 0 <= frame <= MAX_FRAME or coding not in (RAW, RANGE) or (coding == RANGE and self._coder is None):
            raise NodeError(ERROR_ARGUMENT)
        self._symbols = symbols
        self._frame = frame
        self._coding = coding
        self.sent = self._last = 0

    # The next packet, of at most `payload` bytes: its length, 0 when every symbol has been sent.
    def next(self, payload):
        if not MIN_PAYLOAD <= payload <= MAX_PAYLOAD:
            raise NodeError(ERROR_ARGUMENT)
        first = self.sent
        if first == self.total:
            return 0
        run = self.total - first
        room = payload - _OVERHEAD_BYTES
        bits = self._model.bits
        raw = min(run, room * 8 // bits)
        count, length, coding = raw, (raw * bits + 7) // 8, RAW
        if self._coding == RANGE:
            coded, coded_length = self._coder.put(self._symbols, first, run, self.packet, _HEADER_BYTES, room)
            if coded > raw or (coded == raw and coded_length <= length):
                count, length, coding = coded, coded_length, RANGE
        if coding == RAW:
            self._put_raw(first, count, bits)
        self.sent = first + count
        self._last = count
        return self._close(first, coding, length)

    # The last packet was not sent: its symbols wait again. Once for each packet.
    def take_back(self):
        self.sent -= self._last
        self._last = 0

    # The run ends only with the last symbol, so no spare bits are left that more symbols could fill.
    def _put_raw(self, first, count, bits):
        packet, places, symbols = self.packet, self._places, self._symbols
        at = _HEADER_BYTES
        waiting = held = 0
        for rank in range(first, first + count):
            waiting = waiting << bits | symbols[places[rank]]
            held += bits
            while held >= 8:
                held -= 8
                packet[at] = waiting >> held & 0xFF
                at += 1
            waiting &= (1 << held) - 1
        if held:
            packet[at] = waiting << (8 - held)

    def _close(self, first, coding, body):
        packet, model = self.packet, self._model
        frame = self._frame
        packet[0] = WIRE_VERSION << 6 | model.id << 1 | frame >> 5
        packet[1] = (frame & 31) << 3 | first >> 11
        packet[2] = first >> 3 & 0xFF
        packet[3] = (first & 7) << 5 | coding << 1 | model.revision & 1  # kind 0: image
        end = _HEADER_BYTES + body
        check = crc16(packet, end)
        packet[end] = check >> 8
        packet[end + 1] = check & 0xFF
        return end + 2
