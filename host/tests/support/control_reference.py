# SPDX-License-Identifier: Apache-2.0
"""A second reading and writing of telemetry and downlink packets (docs/wire-format.md), from the text alone.

It shares nothing with the C core: bodies are cut by slicing, runs are coded on strings of 0 and 1, and the packet's
header is one number.
"""

from collections.abc import Sequence

from support.wire_reference import Rejected, crc16

TELEMETRY, DOWNLINK = 3, 4
PLAIN = 14
Run = tuple[int, int]

# name: (type, bytes of each number; a minus: with a sign), in both kinds of packet
SETTINGS = {
    "period": (16, (3,)),
    "deadline": (17, (3,)),
    "crop": (18, (1, 1, 1, 1)),
    "budget": (19, (2,)),
    "payload": (20, (1,)),
    "channels": (21, (1,)),
    "slot": (22, (1,)),
    "prior": (23, (1,)),
    "parity": (24, (1,)),
    "parity_first": (25, (1,)),
    "quiet": (26, (1,)),
}
RANGES = {
    "period": (10, 2592000),
    "deadline": (10, 2592000),
    "budget": (11, 65535),
    "payload": (11, 242),
    "channels": (1, 64),
    "slot": (1, 255),
    "prior": (1, 255),
    "parity": (1, 8),
    "parity_first": (1, 8),
    "quiet": (1, 255),
}
FIELDS = {
    TELEMETRY: {
        "answer": (8, (2, 1, 1)),
        "time": (1, (4,)),
        "age": (2, (2,)),
        "battery": (3, (2,)),
        "temperature": (4, (-2,)),
        "trigger": (5, (1,)),
        "link": (6, (1, 1, -1)),
        "node": (7, (2, 1, 1)),
    }
    | SETTINGS,
    DOWNLINK: {
        "enough": (2, ()),
        "more": (3, (2,)),
        "more to": (4, (2,)),
        "more here": (5, (1, 1, 1, 1)),
        "status": (6, ()),
        "reboot": (7, ()),
        "whole": (8, ()),
    }
    | SETTINGS,
}
HAVE = 1


# ---- packets of fields


def packet(kind: int, model: int, revision: int, frame: int, first: int, fields: Sequence[tuple[int, bytes]]) -> bytes:
    """Header, fields of (type, value), check."""
    word = 1 << 30 | model << 25 | frame << 19 | first << 5 | kind << 2 | (revision & 1)
    body = b"".join(
        bytes([number << 3 | len(value)]) + value if len(value) < 7 else bytes([number << 3 | 7, len(value)]) + value
        for number, value in fields
    )
    message = word.to_bytes(4, "big") + body
    return message + crc16(message).to_bytes(2, "big")


def split(kind: int, data: bytes) -> tuple[dict[str, int], list[tuple[int, bytes]]]:
    """Header and fields of a packet.

    Raises:
        Rejected: in the order of reasons of the specification.
    """
    if not 6 <= len(data) <= 242:
        raise Rejected("length")
    if crc16(data[:-2]) != int.from_bytes(data[-2:], "big"):
        raise Rejected("check")
    bits = f"{int.from_bytes(data[:4], 'big'):032b}"
    names = {"version": 2, "model": 5, "frame": 6, "first": 14, "kind": 3, "coding": 1, "revision": 1}
    header, at = {}, 0
    for name, width in names.items():
        header[name], at = int(bits[at : at + width], 2), at + width
    if header["version"] != 1:
        raise Rejected("version")
    if header["kind"] != kind:
        raise Rejected("kind")
    body, fields = data[4:-2], []
    if header["coding"] or (kind == DOWNLINK and not body):
        raise Rejected("body")
    while body:
        number, length, body = body[0] >> 3, body[0] & 7, body[1:]
        if length == 7:
            if not body or body[0] < 7:
                raise Rejected("body")
            length, body = body[0], body[1:]
        if length > len(body):
            raise Rejected("body")
        fields.append((number, body[:length]))
        body = body[length:]
    return header, fields


def value_of(kind: int, name: str, numbers: Sequence[int]) -> tuple[int, bytes]:
    """A known field from its numbers, as they are on the air."""
    number, sizes = FIELDS[kind][name]
    parts = (n.to_bytes(abs(size), "big", signed=size < 0) for n, size in zip(numbers, sizes, strict=True))
    return number, b"".join(parts)


def numbers_of(kind: int, number: int, value: bytes) -> tuple[str, list[int]] | None:
    """Name and numbers of a field; None for one to be skipped."""
    for name, (known, sizes) in FIELDS[kind].items():
        if known == number and len(value) == sum(map(abs, sizes)):
            numbers, at = [], 0
            for size in sizes:
                part = value[at : at + abs(size)]
                numbers.append(int.from_bytes(part, "big", signed=size < 0))
                at += abs(size)
            return (name, numbers) if _is_sound(kind, name, numbers) else None
    return None


def _is_sound(kind: int, name: str, numbers: list[int]) -> bool:
    if name in RANGES:
        least, most = RANGES[name]
        return numbers[0] == 0 or least <= numbers[0] <= most
    if name == "crop":
        top, bottom, left, right = numbers
        return bottom - top >= 31 and right - left >= 31
    if name == "more here":
        top, bottom, left, right = numbers
        return bottom >= top and right >= left
    if name in ("more to", "answer"):
        return numbers[0] < 1 << 14
    return True


# ---- runs


def _code(number: int, order: int) -> str:
    if order == PLAIN:
        return f"{number:014b}"
    binary = f"{number + (1 << order):b}"
    return "0" * (len(binary) - 1 - order) + binary


def _numbers(runs: Sequence[Run]) -> list[int]:
    numbers, end = [], -1
    for first, count in runs:
        numbers += [first - end - 1, count - 1]
        end = first + count
    return numbers


def runs_bytes(runs: Sequence[Run]) -> bytes:
    """The value of HAVE: the order that takes the fewest bits, the lowest of several."""
    texts = ["".join(_code(number, order) for number in _numbers(runs)) for order in range(PLAIN + 1)]
    order = min(range(PLAIN + 1), key=lambda order: len(texts[order]))
    text = f"{order:04b}" + texts[order]
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def runs_of(value: bytes, symbols: int) -> list[Run] | None:
    """The runs; None when malformed, or beyond the frame."""
    text = "".join(f"{byte:08b}" for byte in value)
    if not text or int(text[:4], 2) > PLAIN:
        return None
    order, text, runs, end, gap = int(text[:4], 2), text[4:], [], -1, None
    while True:
        if gap is None and len(text) < 8 and "1" not in text:
            return runs or None
        if order == PLAIN:
            zeros, width = 0, PLAIN
        else:
            zeros = len(text) - len(text.lstrip("0"))
            width = zeros + 1 + order + zeros
        if zeros == len(text) or width > len(text):
            return None
        if order + zeros > 14:
            return None
        number, text = int(text[:width], 2) - (0 if order == PLAIN else 1 << order), text[width:]
        if gap is None:
            gap = number
            continue
        first, count, gap = end + 1 + gap, number + 1, None
        if first + count > symbols:
            return None
        runs.append((first, count))
        end = first + count


def best_claim(runs: Sequence[Run], capacity: int) -> list[Run]:
    """The most runs, longest first and of equal ones the first, that fit so many bytes."""
    ranked = sorted(runs, key=lambda run: (-run[1], run[0]))
    for count in range(len(ranked), 0, -1):
        chosen = sorted(ranked[:count])
        if len(runs_bytes(chosen)) <= capacity:
            return chosen
    return []
