# SPDX-License-Identifier: Apache-2.0
"""A second implementation of the parity packets of docs/wire-format.md, that the C core and glimpse.parity are held to.

It shares nothing with them: products come from logarithms, the list is text of zeros and ones, and lost words are
found by Lagrange's way (the inverse of Cauchy's matrix in closed form) instead of by elimination.
"""

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from math import ceil, log2

from support.wire_reference import crc16

POWERS = [1]
while len(POWERS) < 255:
    POWERS.append(POWERS[-1] << 1 ^ (0x11D if POWERS[-1] & 0x80 else 0))
LOGS = {power: exponent for exponent, power in enumerate(POWERS)}


class MalformedError(Exception):
    """A parity packet that no sender makes."""


def times(a: int, b: int) -> int:
    return POWERS[(LOGS[a] + LOGS[b]) % 255] if a and b else 0


def over(a: int, b: int) -> int:
    return POWERS[(LOGS[a] - LOGS[b]) % 255] if a else 0


def product(values: Sequence[int]) -> int:
    return reduce(times, values, 1)


def factor(index: int, number: int) -> int:
    return over(1, (128 + index) ^ number)


def scaled(scale: int, word: bytes) -> bytes:
    return bytes(times(scale, value) for value in word)


def plus(*words: bytes) -> bytes:
    size = max(map(len, words))
    return bytes(
        reduce(lambda a, b: a ^ b, column) for column in zip(*(w.ljust(size, b"\0") for w in words), strict=True)
    )


def first_of(packet: bytes) -> int:
    return int.from_bytes(packet[:4], "big") >> 5 & 0x3FFF


def word_of(packet: bytes) -> bytes:
    header = int.from_bytes(packet[:4], "big")
    kind, coding = header >> 2 & 7, header >> 1 & 1
    return (
        bytes([len(packet)])
        + (first_of(packet) << 2 | kind << 1 | coding).to_bytes(2, "big")
        + packet[-2:]
        + packet[4:-2]
    )


def run_of(packet: bytes) -> int:
    body = packet[4:-2]
    if packet[3] >> 2 & 7 == 1:
        return max(1, len(body) // 8)
    if not packet[3] >> 1 & 1 or body[0] == 0:
        return len(body)
    return min(16383, body[0] if body[0] < 128 or len(body) == 1 else (body[0] & 127) << 8 | body[1])


def parity_packets(packets: Sequence[bytes], count: int) -> list[bytes]:
    """The first `count` parity packets of a group, for packets in the order of sending."""
    firsts = [first_of(packet) for packet in packets]
    shift = min(map(run_of, packets)).bit_length() - 1
    order = sorted(range(len(packets)), key=lambda number: firsts[number])
    places = [firsts[number] >> shift for number in order]
    assert len(set(places)) == len(places)

    def listed(rice: int) -> str:
        gaps = [b - a - 1 for a, b in pairwise(places)]
        return "".join("1" * (gap >> rice) + "0" + binary(gap & (1 << rice) - 1, rice) for gap in gaps)

    rice = min(range(8), key=lambda r: len(listed(r)))
    scattered = order != sorted(order)
    bits = ceil(log2(len(packets)))
    numbers = "".join(binary(number, bits) for number in order) if scattered else ""
    header = int.from_bytes(packets[0][:4], "big") & ~(0x3FFF << 5 | 15 << 1)
    header |= firsts[order[0]] << 5 | 2 << 2 | scattered << 1
    result = []
    for index in range(count):
        text = (
            binary(index, 4) + binary(len(packets) - 1, 5) + binary(shift, 4) + binary(rice, 3) + listed(rice) + numbers
        )
        text += "0" * (-len(text) % 8)
        word = plus(*(scaled(factor(index, number), word_of(packet)) for number, packet in enumerate(packets)))
        message = header.to_bytes(4, "big") + int(text, 2).to_bytes(len(text) // 8, "big") + word
        result.append(message + crc16(message).to_bytes(2, "big"))
    return result


def binary(value: int, bits: int) -> str:
    return format(value, f"0{bits}b") if bits else ""


def read(packet: bytes) -> tuple[int, int, list[int], list[int], bytes]:
    """(index, shift, places, numbers, word) of a sound parity packet."""
    header, body = int.from_bytes(packet[:4], "big"), packet[4:-2]
    bits = iter("".join(binary(byte, 8) for byte in body))

    def take(count: int) -> int:
        text = "".join(next(bits, "") for _ in range(count))
        if len(text) < count:
            raise MalformedError
        return int(text, 2) if count else 0

    index, members, shift, rice = take(4), take(5) + 1, take(4), take(3)
    if shift > 13:
        raise MalformedError
    places = [(header >> 5 & 0x3FFF) >> shift]
    while len(places) < members:
        ones = 0
        while take(1):
            ones += 1
        places.append(places[-1] + 1 + (ones << rice) + take(rice))
    if places[-1] >= 16384 >> shift:
        raise MalformedError
    numbers = list(range(members))
    if header >> 1 & 1:
        numbers = [take(ceil(log2(members))) for _ in range(members)]
        if sorted(numbers) != list(range(members)) or numbers == sorted(numbers):
            raise MalformedError
    rest = "".join(bits)
    spare, word = rest[: len(rest) % 8], rest[len(rest) % 8 :]
    if "1" in spare or len(word) < 6 * 8:
        raise MalformedError
    return index, shift, places, numbers, body[len(body) - len(word) // 8 :]


def lost_words(indices: Sequence[int], numbers: Sequence[int], words: Sequence[bytes]) -> list[bytes]:
    """Words of the packets with these numbers, from as many parity words less what all others put into them."""
    x = [128 + index for index in indices]
    result = []
    for number in numbers:
        others = [other for other in numbers if other != number]
        parts = []
        for xi, word in zip(x, words, strict=True):
            above = product([xj ^ number for xj in x] + [xi ^ y for y in numbers])
            below = product([xi ^ xj for xj in x if xj != xi] + [number ^ y for y in others])
            parts.append(scaled(over(above, times(below, xi ^ number)), word))
        result.append(plus(*parts))
    return result
