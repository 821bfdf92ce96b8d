# SPDX-License-Identifier: Apache-2.0
# One frame's way through the stages, with the microseconds of each.
import gc

from glimpse_order import Layout
from glimpse_packer import MAX_PAYLOAD, MIN_PAYLOAD, Packer
from glimpse_patches import Patches, Rgb565, pattern_row
from glimpse_status import ERROR_ARGUMENT, ERROR_SOURCE, ERROR_STATE, NodeError
from glimpse_symbols import Quantiser
from utime import ticks_diff, ticks_us

CAMERA = 0
UPLOAD = 1
PATTERN = 2
ACQUIRE = 0
NETWORK = 1
PACK = 3


class Frame:
    # board: see glimpse_board.Board; model: a glimpse_blob.Model.
    def __init__(self, board, model, task):
        self._board = board
        self.model = model
        layout = Layout(model)
        self.symbols = bytearray(layout.size)
        self.packer = Packer(model, layout)
        self._patches = Patches(
            model, Quantiser(model, layout), lambda image: board.forward(task, image), board.picture
        )
        self._rgb565 = Rgb565()
        self._rows = None  # of an uploaded photo, that wait for a row of patches
        self.active = False
        gc.collect()

    # coding: RAW or RANGE; payload: bytes; budget: bytes of the frame, 0: no limit; channels: as many symbols as these
    # have, 0: all. NodeError for a request that cannot be met: nothing was begun.
    def begin(self, source, coding, number, payload, budget, channels=0):
        self.active = False
        if source > PATTERN or not MIN_PAYLOAD <= payload <= MAX_PAYLOAD:
            raise NodeError(ERROR_ARGUMENT)
        self.packer.begin(self.symbols, number, coding)
        if source == CAMERA and not self._board.has_camera():
            raise NodeError(ERROR_SOURCE, "no camera")
        self.source = source
        self.number = number
        self._payload = payload
        self._left = budget or 1 << 30
        self._enough = channels * self.model.height * self.model.width or self.packer.total
        self.counts = [0, 0, 0, 0]
        self.packets = self.bytes = self.row = 0
        self.active = True

    # The whole photo from camera or pattern.
    def fetch(self):
        if self.source == CAMERA:
            since = ticks_us()
            patches = self._patches
            photo = memoryview(self._board.photo(patches.width, patches.height))
            self._count(ACQUIRE, since)
            size = 2 * patches.width * patches.rows
            for y in range(patches.side):
                self._encode(photo[y * size : (y + 1) * size], y)
            del photo
            gc.collect()
            return
        rgb = bytearray(3 * self.model.photo_width)
        for y in range(self.model.photo_height):
            since = ticks_us()
            pattern_row(rgb, self.model.photo_width, self.model.photo_height, y)
            self._count(ACQUIRE, since)
            self.put_row(rgb)

    # The next row, RGB888; True after the last.
    def put_row(self, rgb):
        patches = self._patches
        if not self.active or self.row >= patches.height:
            raise NodeError(ERROR_STATE)
        if self._rows is None:
            self._rows = bytearray(2 * patches.width * patches.rows)
        since = ticks_us()
        y, line = divmod(self.row, patches.rows)
        at = 2 * patches.width * line
        self._rgb565.put(rgb, memoryview(self._rows)[at : at + 2 * patches.width])
        self._count(ACQUIRE, since)
        self.row += 1
        if line == patches.rows - 1:
            self._encode(memoryview(self._rows), y)
        if self.row < patches.height:
            return False
        self._rows = None
        gc.collect()
        return True

    def _encode(self, rows, y):
        self._board.feed()
        since = ticks_us()
        self._patches.put(rows, self.symbols, y)
        self._count(NETWORK, since)

    # The next packet's length, 0 at the end; it lies in self.packer.packet. limit: bytes that the link takes now.
    def packet(self, limit=MAX_PAYLOAD):
        self._board.feed()
        size = min(limit, self._payload, self._left)
        if size < MIN_PAYLOAD or self.packer.sent >= self._enough:
            return 0
        since = ticks_us()
        length = self.packer.next(size)
        self._count(PACK, since)
        if length:
            self.packets += 1
            self.bytes += length
            self._left -= length
        return length

    # The last packet, of `length` bytes, did not leave.
    def failed(self, length):
        self.packer.take_back()
        self.packets -= 1
        self.bytes -= length
        self._left += length

    def _count(self, stage, since):
        self.counts[stage] += ticks_diff(ticks_us(), since)
