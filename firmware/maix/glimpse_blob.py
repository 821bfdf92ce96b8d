# SPDX-License-Identifier: Apache-2.0
# What a node needs of a model blob (docs/model-blob.md): everything but the network, which the KPU has its own file of.
# Sections are found by seeks; weights pass through the check and are never kept.
import gc
from array import array

from glimpse_crc import crc32
from glimpse_status import ERROR_CHECK, ERROR_LENGTH, ERROR_MODEL_FORMAT, ERROR_MODEL_LIMIT, ERROR_VERSION, NodeError
from ustruct import unpack, unpack_from

VERSION = 3
INTERLEAVED = 0
BY_CHANNEL = 1
_HEADER_BYTES = 64
_CODEC_BYTES = 64
_CONTEXT_BYTES = 208
_CHECKED_FROM = 16
_MAX_SYMBOLS = 16384
_MAX_MINIMUM = 1 << 20
_LIMITS = 7  # of the value, and of the activity
_MAX_TAPS = 16


class Context:
    # How the table for a symbol of one channel is chosen; the fields of glimpse_context.
    def __init__(self, record):
        self.first_table, self.typical, self.centre, self.classes, taps, self.reserved = unpack_from(
            "<HHBBBB", record, 0
        )
        self.value_limits = unpack_from("<7i", record, 8)
        self.activity_limits = unpack_from("<7i", record, 36)
        self.tap_count = taps
        # (channel, dy, dx, value weight, activity weight)
        self.taps = [unpack_from("<Bbbbb", record, 64 + 5 * i) for i in range(min(taps, _MAX_TAPS))]
        self.class_of = bytes(record[144:208])


class Model:
    # The codec record's fields, ready to use:
    # cumulative: array [tables][levels + 1], or None without entropy coding; contexts: a list, or None.
    def __init__(self, path):
        with open(path, "rb") as file:
            self._read(file)
        gc.collect()

    def _read(self, file):
        header = file.read(_HEADER_BYTES)
        if len(header) != _HEADER_BYTES:
            raise NodeError(ERROR_LENGTH, "the model blob is cut short")
        if header[:4] != b"GLPM":
            raise NodeError(ERROR_MODEL_FORMAT, "not a model blob")
        version, flags, size, self.check = unpack_from("<HHII", header, 4)
        if version != VERSION or flags:
            raise NodeError(ERROR_VERSION, "a model blob of another version")
        _verify(file, size, self.check)
        self.name = _text(header[16:32].rstrip(b"\0"))
        self.photo_height, self.photo_width = unpack_from("<HH", header, 32)
        self.patches = header[39]  # along each side
        (codec_at,) = unpack_from("<I", header, 44)
        self._size = size
        self._read_codec(file, codec_at)

    def _read_codec(self, file, at):
        record = self._section(file, at, _CODEC_BYTES)
        self.id, self.revision, self.order, self.flags, self.levels = unpack_from("<BBBBH", record, 0)
        self.height, self.width, self.channels = unpack_from("<HHB", record, 6)
        self.stride, self.offset = unpack_from("<HH", record, 12)
        minimum_at, step_at, tables_at, contexts_at = unpack_from("<4I", record, 16)
        self.symbols = self.height * self.width * self.channels
        self._check_shape()
        bits = 1
        while self.levels > 1 << bits:
            bits += 1
        self.bits = bits
        self.minimum = unpack("<%di" % self.channels, self._section(file, minimum_at, 4 * self.channels))
        self.step = unpack("<%dH" % self.channels, self._section(file, step_at, 2 * self.channels))
        self.contexts = None
        tables = self.channels
        if self.flags & 2:
            self.contexts = [
                Context(self._section(file, contexts_at + _CONTEXT_BYTES * c, _CONTEXT_BYTES))
                for c in range(self.channels)
            ]
            tables = self._check_contexts()
        self.cumulative = None
        if self.flags & 1:
            self.cumulative = self._read_tables(file, tables_at, tables)
        self._check_codec(tables)

    # Whole tables, of which the blob leaves out the ends.
    def _read_tables(self, file, at, count):
        places = self._section(file, at, 4 * count)
        levels = self.levels
        tables = array("H", bytes(2 * count * (levels + 1)))
        for i in range(count):
            start, first, last = unpack_from("<HBB", places, 4 * i)
            _demand(first <= last < levels)
            values = array("H", self._bytes(file, at + 2 * start, 2 * (last + 1 - first)))
            base = i * (levels + 1)
            for symbol in range(first):
                tables[base + symbol] = symbol
            for symbol in range(first, last + 1):
                tables[base + symbol] = values[symbol - first]
            for symbol in range(last + 1, levels + 1):
                tables[base + symbol] = (1 << 15) - (levels - symbol)
        return tables

    def _section(self, file, at, count):
        _demand(at % 4 == 0)
        return self._bytes(file, at, count)

    def _bytes(self, file, at, count):
        _demand(_HEADER_BYTES <= at and at + count <= self._size)
        file.seek(at)
        return file.read(count)

    # ---- checks: what is used without looking afterwards (docs/model-blob.md, "What a reader checks", 7)

    def _check_shape(self):
        sides = self.photo_height, self.photo_width, self.height, self.width
        _demand(self.patches in (1, 2, 4))
        _demand(min(sides) >= 1 and not [side for side in sides if side % self.patches])
        _demand(self.id <= 31 and 2 <= self.levels <= 256 and 1 <= self.channels <= 64)
        _demand(self.symbols <= _MAX_SYMBOLS and self.flags in (0, 1, 3))
        if self.order not in (INTERLEAVED, BY_CHANNEL):
            raise NodeError(ERROR_MODEL_LIMIT, "this node sends interleaved or channel by channel")

    def _check_contexts(self):
        tables = 0
        for context in self.contexts:
            _demand(context.first_table == tables and context.reserved == 0 and context.tap_count <= _MAX_TAPS)
            _demand(context.centre < self.levels and 1 <= context.classes <= 16)
            _demand(max(context.class_of) < context.classes)
            _demand(not [tap for tap in context.taps if tap[0] >= self.channels])
            for limits in (context.value_limits, context.activity_limits):
                _demand(not [i for i in range(1, _LIMITS) if limits[i] < limits[i - 1]])
            tables += context.classes
        return tables

    def _check_codec(self, tables):
        cycle = self.symbols // self.channels if self.order == BY_CHANNEL else self.symbols
        a, b = cycle, self.stride
        while b:
            a, b = b, a % b
        _demand(a == 1 and 1 <= self.stride <= cycle and self.offset < cycle)
        _demand(min(self.step) >= 1 and -_MAX_MINIMUM <= min(self.minimum) and max(self.minimum) <= _MAX_MINIMUM)
        if self.cumulative is not None:
            width = self.levels + 1
            for table in range(tables):
                last = -1
                for i in range(table * width, (table + 1) * width):
                    _demand(self.cumulative[i] > last)
                    last = self.cumulative[i]
                _demand(self.cumulative[table * width] == 0 and last == 1 << 15)


def _demand(truth):
    if not truth:
        raise NodeError(ERROR_MODEL_FORMAT, "a model blob with impossible contents")


def _text(name):
    try:
        return name.decode()
    except UnicodeError:
        raise NodeError(ERROR_MODEL_FORMAT, "a model blob with an impossible name")


def _verify(file, size, check):
    file.seek(_CHECKED_FROM)
    left = size - _CHECKED_FROM
    chunk = bytearray(1024)
    crc = 0
    while left > 0:
        view = memoryview(chunk)[: min(left, len(chunk))]
        count = file.readinto(view)
        if not count:
            raise NodeError(ERROR_LENGTH, "the model blob is cut short")
        crc = crc32(view[:count], crc)
        left -= count
    if crc & 0xFFFFFFFF != check:
        raise NodeError(ERROR_CHECK, "the model blob is damaged")
