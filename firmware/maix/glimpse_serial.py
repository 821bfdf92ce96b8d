# SPDX-License-Identifier: Apache-2.0
# Serial frames (docs/serial-protocol.md): COBS(payload, CRC-32) and a zero. Whole blocks are copied, never bytes.
from glimpse_crc import crc32
from ustruct import pack

MAX_MESSAGE = 1024
_CHECK_BYTES = 4
_LINE_BYTES = MAX_MESSAGE + _CHECK_BYTES + 6  # with the code bytes
_FULL = 254  # bytes of a block without a zero behind it


def encode(payload):
    data = payload + pack("<I", crc32(payload) & 0xFFFFFFFF)
    line = bytearray()
    at = 0
    while True:
        zero = data.find(b"\0", at)
        end = len(data) if zero < 0 else zero
        while end - at > _FULL:
            line.append(_FULL + 1)
            line += data[at : at + _FULL]
            at += _FULL
        line.append(end - at + 1)
        line += data[at:end]
        if zero < 0:
            line.append(0)
            return line
        if end - at == _FULL:
            line.append(1)
        at = zero + 1


class Reader:
    # Cuts what the line brings into messages; what is none is counted and dropped.
    def __init__(self):
        self.broken = 0
        self._line = bytearray(_LINE_BYTES)
        self._count = 0
        self._overlong = False
        self._payload = bytearray(_LINE_BYTES)

    # Calls take(payload) for each frame that these bytes complete; the payload lies there until the next byte.
    def feed(self, data, take):
        at = 0
        while at < len(data):
            zero = data.find(b"\0", at)
            if zero < 0:
                self._append(data[at:])
                return
            self._append(data[at:zero])
            at = zero + 1
            count, overlong = self._count, self._overlong
            self._count, self._overlong = 0, False
            if count or overlong:
                length = -1 if overlong else self._decode(count)
                if length < 0:
                    self.broken += 1
                else:
                    take(memoryview(self._payload)[:length])

    # Whether what has come since the last frame is somebody who asks for MicroPython's prompt (control C, at least
    # twice, and A or return) and no frame. Worth asking when the line has been silent.
    def wants_prompt(self):
        if not 2 <= self._count <= 64 or self._overlong:
            return False
        data = bytes(self._line[: self._count])
        return data.count(b"\x03") >= 2 and not [byte for byte in data if byte not in (1, 3, 13)]

    def _append(self, data):
        end = self._count + len(data)
        if end > _LINE_BYTES:
            self._overlong = True
        else:
            self._line[self._count : end] = data
            self._count = end

    # The payload's length, -1 for a broken frame.
    def _decode(self, count):
        line, payload = self._line, self._payload
        at = length = 0
        while at < count:
            code = line[at]
            end = at + code
            if end > count:
                return -1
            payload[length : length + code - 1] = line[at + 1 : end]
            length += code - 1
            at = end
            if code <= _FULL and at < count:
                payload[length] = 0
                length += 1
        length -= _CHECK_BYTES
        if not 0 < length <= MAX_MESSAGE:
            return -1
        check = bytes(payload[length : length + _CHECK_BYTES])
        return length if check == pack("<I", crc32(memoryview(payload)[:length]) & 0xFFFFFFFF) else -1
