# SPDX-License-Identifier: Apache-2.0
# Range coding with contexts (docs/wire-format.md, "Coding range"). One loop does it all: on this interpreter a call
# costs as much as the arithmetic of a symbol.
from array import array


class RangeCoder:
    # Made once for a model. Afterwards it allocates nothing that stays.
    def __init__(self, model, layout):
        self._cumulative = model.cumulative
        self._width = model.levels + 1
        self._channels = model.channels
        self._places = layout.places
        # A symbol and one, where the packet has brought it; 0 elsewhere.
        self._known = bytearray(layout.size) if model.levels < 256 else array("H", bytes(2 * layout.size))
        self._nothing = bytes(layout.size) if model.levels < 256 else array("H", bytes(2 * layout.size))
        self._shift = self._half = 1
        self._contexts = self._prepare(model, layout)

    # For each channel (first table, taps, class_of, value limits, activity limits). A tap is (distance in memory, what
    # each symbol adds, at index symbol + 1), and that is value and activity in one number: value << shift, plus
    # activity. A sum begins with `half`, so that its lower part is never negative, and the activity limits count
    # from there. Equal tables are shared.
    def _prepare(self, model, layout):
        if model.contexts is None:
            return [(c * self._width, None, None, None, None) for c in range(model.channels)]
        self._shift = self._bits_of_activity(model, layout)
        self._half = 1 << (self._shift - 1)
        shared = {}
        prepared = []
        for channel, context in enumerate(model.contexts):
            first = context.first_table * self._width
            if context.classes == 1:
                prepared.append((first, None, None, None, None))
                continue
            taps = []
            for other, dy, dx, value_weight, activity_weight in layout.taps[channel]:
                near = model.contexts[other]
                key = (near.centre, near.typical, value_weight, activity_weight)
                if key not in shared:
                    shared[key] = self._additions(model.levels, key)
                taps.append((dy * layout.row + dx * model.channels + other - channel, shared[key]))
            activities = tuple(limit + self._half for limit in context.activity_limits)
            prepared.append((first, taps, context.class_of, context.value_limits, activities))
        return prepared

    # Enough for the largest sum of a channel and its sign.
    def _bits_of_activity(self, model, layout):
        largest = 0
        for taps in layout.taps:
            total = 0
            for other, _, _, _, weight in taps:
                near = model.contexts[other]
                furthest = 16 * max(near.centre, model.levels - 1 - near.centre)
                total += abs(weight) * max(near.typical, furthest - near.typical)
            largest = max(largest, total)
        bits = 2
        while largest >= 1 << (bits - 1):
            bits += 1
        return bits

    def _additions(self, levels, key):
        centre, typical, value_weight, activity_weight = key
        additions = [0]
        for symbol in range(levels):
            activity = activity_weight * (16 * abs(symbol - centre) - typical)
            additions.append((value_weight * (symbol - centre) << self._shift) + activity)
        return array("i" if max(additions) < 1 << 31 and min(additions) >= -1 << 31 else "q", additions)

    # Codes at most `run` symbols from rank `first` on into packet[at:at + capacity], the count's bytes included.
    # Returns (symbols, bytes). At least one symbol always fits.
    def put(self, symbols, first, run, packet, at, capacity):
        places, cumulative, contexts, known = self._places, self._cumulative, self._contexts, self._known
        channels, width, shift, half = self._channels, self._width, self._shift, self._half
        mask = (1 << shift) - 1
        known[:] = self._nothing
        start = at + 1  # one byte of the count; from the 128th symbol on there is room for the second
        limit = at + capacity
        out = start
        low = 0
        wide = 0xFFFFFFFF
        for rank in range(first, first + run):
            if rank - first == 127:
                limit -= 1
            place = places[rank]
            table, taps, class_of, values, activities = contexts[place % channels]
            if taps is not None:
                total = half
                for ahead, additions in taps:
                    near = known[place + ahead]
                    if near:
                        total += additions[near]
                value = total >> shift
                activity = total & mask
                i = 4 if values[3] <= value else 0
                if values[i + 1] <= value:
                    i += 2
                if values[i] <= value:
                    i += 1
                j = 4 if activities[3] <= activity else 0
                if activities[j + 1] <= activity:
                    j += 2
                if activities[j] <= activity:
                    j += 1
                table += class_of[i << 3 | j] * width
            symbol = symbols[place]
            table += symbol
            below = cumulative[table]
            step = wide >> 15
            narrow = step * (cumulative[table + 1] - below)
            end = out
            while narrow < 0x1000000:
                narrow <<= 8
                end += 1
            if end >= limit:
                rank -= 1  # that one waits
                break
            wide = narrow
            low += step * below
            if low > 0xFFFFFFFF:
                low &= 0xFFFFFFFF
                _carry(packet, out)
            while out < end:
                packet[out] = low >> 24
                low = (low & 0xFFFFFF) << 8
                out += 1
            known[place] = symbol + 1
        # Of all numbers in the interval the one with the fewest bytes.
        if low + wide > 0x100000000:
            _carry(packet, out)
        elif low:
            packet[out] = (low + 0xFFFFFF) >> 24
            out += 1
        while out > start and not packet[out - 1]:
            out -= 1
        count = rank + 1 - first
        if count < 128:
            packet[at] = count
            return count, out - at
        packet[at + 2 : out + 1] = bytes(packet[at + 1 : out])
        packet[at] = 0x80 | count >> 8
        packet[at + 1] = count & 0xFF
        return count, out + 1 - at


# The whole interval lies below 1, so a carry always ends at a byte that is there.
def _carry(packet, at):
    while True:
        at -= 1
        if packet[at] != 0xFF:
            packet[at] += 1
            return
        packet[at] = 0
