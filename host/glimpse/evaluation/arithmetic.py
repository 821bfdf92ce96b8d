# SPDX-License-Identifier: Apache-2.0
"""Adaptive binary arithmetic coding whose output can be cut after any byte.

A range coder with carry (Martin 1979; the binary form is Witten, Neal, Cleary 1987). A decoder of a cut stream stops
at the first decision that the missing bytes could still change, so that it never invents one.
"""

from collections.abc import Sequence

BITS = 48  # of the interval; 16 stay below the probability's 16 even after renormalisation
BYTE = BITS - 8
WHOLE = (1 << BITS) - 1
PROBABILITY_BITS = 16
LEAST = 8  # of 65536: no decision ever costs more than 13 bits
LIMIT = 60  # decisions after which a context forgets the oldest
PRIOR_WEIGHT = 8  # decisions that an initial probability counts for


class Cut(Exception):
    """The stream ends here: the next decision is not in it."""


class Contexts:
    """Probabilities of a set of contexts, learned on the way.

    Args:
        ones: initial probability of a 1 in each context, 0..1.
    """

    def __init__(self, ones: Sequence[float]) -> None:
        top = (1 << PROBABILITY_BITS) - LEAST
        self.ones = [min(max(round(p * (1 << PROBABILITY_BITS)), LEAST), top) for p in ones]
        self.rates = [PRIOR_WEIGHT] * len(self.ones)


class Encoder:
    """Decisions to bytes.

    Args:
        limit: bytes after which encoding stops with Cut; None: never.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._low, self._range = 0, WHOLE
        self._out = bytearray()
        self._limit = limit

    def code(self, contexts: Contexts, indices: list[int], bits: list[int]) -> list[int]:
        """Codes one bit for each context index; returns the bits.

        Raises:
            Cut: the limit is reached.
        """
        low, width, out = self._low, self._range, self._out
        ones, rates = contexts.ones, contexts.rates
        for index, bit in zip(indices, bits, strict=True):
            p, n = ones[index], rates[index]
            bound = (width >> PROBABILITY_BITS) * p
            if bit:
                width = bound
                p += ((1 << PROBABILITY_BITS) - LEAST - p) // n
            else:
                low += bound
                width -= bound
                p -= (p - LEAST) // n
            ones[index] = p
            if n < LIMIT:
                rates[index] = n + 1
            while width < 1 << BYTE:
                if low > WHOLE:
                    _carry(out)
                    low &= WHOLE
                out.append(low >> BYTE)
                low = (low << 8) & WHOLE
                width <<= 8
        self._low, self._range = low, width
        if self._limit is not None and len(out) > self._limit + BITS // 8:
            raise Cut
        return bits

    def finish(self) -> bytes:
        """All bytes, or the first `limit` of them."""
        low = self._low
        # The end of the interval that needs the fewest bytes: the rest is read as zeros.
        for keep in range(1, BITS // 8 + 1):
            step = 1 << (BITS - 8 * keep)
            value = -(-low // step) * step
            if value + step <= low + self._range or keep == BITS // 8:
                break
        if value > WHOLE:
            _carry(self._out)
            value &= WHOLE
        self._out += value.to_bytes(BITS // 8, "big")[:keep]
        return bytes(self._out if self._limit is None else self._out[: self._limit])


def _carry(out: bytearray) -> None:
    at = len(out) - 1
    while out[at] == 255:
        out[at] = 0
        at -= 1
    out[at] += 1


class Decoder:
    """Bytes to decisions.

    Args:
        data: any number of the first bytes of what an Encoder wrote.
        cuts: rising numbers of bytes, below len(data), of shorter streams whose ends are to be told.

    Attributes:
        stops: of the last call: after how many of its decisions a stream of the next cut ends, for each that ended
            in it, and at last for the whole stream.
    """

    def __init__(self, data: bytes, cuts: Sequence[int] = ()) -> None:
        self._data, self._at = data, BITS // 8
        self._code = int.from_bytes(data[: BITS // 8].ljust(BITS // 8, b"\0"), "big")
        self._range = WHOLE
        self._cuts = [*cuts, len(data)]
        self.stops: list[int] = []

    def code(self, contexts: Contexts, indices: list[int], bits: list[int] | None = None) -> list[int]:
        """One bit for each context index; fewer where the stream ends, and none at the next call.

        Raises:
            Cut: the stream had ended before.
        """
        self.stops = []
        if not self._cuts:
            raise Cut
        code, width, at, data = self._code, self._range, self._at, self._data
        ones, rates = contexts.ones, contexts.rates
        cut = self._cuts[0]
        result: list[int] = []
        for index in indices:
            p, n = ones[index], rates[index]
            bound = (width >> PROBABILITY_BITS) * p
            while at > cut and _is_open(code, bound, data[cut:at].ljust(at - cut, b"\0")):
                self.stops.append(len(result))
                self._cuts.pop(0)
                if not self._cuts:
                    return result
                cut = self._cuts[0]
            if code < bound:
                result.append(1)
                width = bound
                p += ((1 << PROBABILITY_BITS) - LEAST - p) // n
            else:
                result.append(0)
                code -= bound
                width -= bound
                p -= (p - LEAST) // n
            ones[index] = p
            if n < LIMIT:
                rates[index] = n + 1
            while width < 1 << BYTE:
                width <<= 8
                code = code << 8 | (data[at] if at < len(data) else 0)
                at += 1
        self._code, self._range, self._at = code, width, at
        return result


def _is_open(code: int, bound: int, beyond: bytes) -> bool:
    """Whether a decision depends on bytes that a cut stream has not, when the whole one has `beyond` there."""
    least = code - int.from_bytes(beyond, "big")
    return least < bound <= least + (1 << 8 * len(beyond)) - 1
