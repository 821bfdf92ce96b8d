# SPDX-License-Identifier: Apache-2.0
# What the node's packer is measured against (python -m glimpse.evaluation.k210_speed): the same packets by a loop that
# follows docs/wire-format.md and firmware/core step by step, a call for each. It is not on the node's disk.
from glimpse_crc import crc16


class PlainPacker:
    def __init__(self, model):
        self.model = model
        self.packet = bytearray(242)

    def begin(self, symbols, frame):
        # symbols: [height][width][channels]
        self.symbols = symbols
        self.frame = frame
        self.sent = 0

    def place(self, rank):
        return (rank * self.model.stride + self.model.offset) % self.model.symbols

    def class_of(self, at):
        model = self.model
        channel = at % model.channels
        y, x = divmod(at // model.channels, model.width)
        context = model.contexts[channel]
        value = activity = 0
        for other, dy, dx, value_weight, activity_weight in context.taps:
            if 0 <= y + dy < model.height and 0 <= x + dx < model.width:
                there = ((y + dy) * model.width + x + dx) * model.channels + other
                if there in self.known:
                    above = self.symbols[there] - model.contexts[other].centre
                    value += value_weight * above
                    activity += activity_weight * (16 * abs(above) - model.contexts[other].typical)
        i = len([limit for limit in context.value_limits if limit <= value])
        j = len([limit for limit in context.activity_limits if limit <= activity])
        return context.class_of[8 * i + j]

    def put(self, start, end):
        step = self.range >> 15
        narrow = step * (end - start)
        leaving = 0
        while narrow < 0x1000000:
            narrow <<= 8
            leaving += 1
        if len(self.out) + leaving + 1 > self.capacity:
            return False
        low = self.low + step * start
        if low > 0xFFFFFFFF:
            self.carry()
        self.low = low & 0xFFFFFFFF
        self.range = narrow
        for _ in range(leaving):
            self.out.append(self.low >> 24)
            self.low = self.low << 8 & 0xFFFFFFFF
        return True

    def carry(self):
        at = len(self.out) - 1
        while self.out[at] == 0xFF:
            self.out[at] = 0
            at -= 1
        self.out[at] += 1

    def finish(self):
        if self.low + self.range > 0x100000000:
            self.carry()
        elif self.low:
            self.out.append((self.low + 0xFFFFFF) >> 24)
        while self.out and self.out[-1] == 0:
            self.out = self.out[:-1]

    def raw(self, first, room):
        bits = ""
        while first < self.model.symbols and len(bits) + self.model.bits <= 8 * room:
            symbol = self.symbols[self.place(first)]
            bits += "".join(str(symbol >> i & 1) for i in range(self.model.bits - 1, -1, -1))
            first += 1
        count = len(bits) // self.model.bits
        bits += "0" * (-len(bits) % 8)
        return count, bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))

    def next(self, payload):
        model = self.model
        first = self.sent
        if first == model.symbols:
            return 0
        self.out, self.known = bytearray(), set()
        self.low, self.range, self.capacity = 0, 0xFFFFFFFF, payload - 7
        count = 0
        while first + count < model.symbols:
            if count == 127:
                self.capacity -= 1
            at = self.place(first + count)
            table = (model.contexts[at % model.channels].first_table + self.class_of(at)) * (model.levels + 1)
            symbol = self.symbols[at]
            if not self.put(model.cumulative[table + symbol], model.cumulative[table + symbol + 1]):
                break
            self.known.add(at)
            count += 1
        self.finish()
        body = (bytes((count,)) if count < 128 else bytes((0x80 | count >> 8, count & 0xFF))) + self.out
        raw, raw_body = self.raw(first, payload - 6)
        coding = 1
        if raw > count or (raw == count and len(raw_body) < len(body)):
            count, body, coding = raw, raw_body, 0
        self.sent += count
        word = 1 << 30 | model.id << 25 | self.frame << 19 | first << 5 | coding << 1 | model.revision & 1
        packet = bytes((word >> 24, word >> 16 & 0xFF, word >> 8 & 0xFF, word & 0xFF)) + body
        check = crc16(packet, len(packet))
        packet += bytes((check >> 8, check & 0xFF))
        self.packet[: len(packet)] = packet
        return len(packet)
