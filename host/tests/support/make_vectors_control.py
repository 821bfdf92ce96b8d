# SPDX-License-Identifier: Apache-2.0
"""Writes docs/vectors/wire-v1-telemetry.json and wire-v1-downlink.json from the reference implementation:
python host/tests/support/make_vectors_control.py."""

import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.control_reference import (
    DOWNLINK,
    FIELDS,
    HAVE,
    TELEMETRY,
    Run,
    numbers_of,
    packet,
    runs_bytes,
    runs_of,
    split,
    value_of,
)
from support.vector_file import vector_file
from support.wire_reference import Rejected, crc16

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "vectors"
FILES = {TELEMETRY: FOLDER / "wire-v1-telemetry.json", DOWNLINK: FOLDER / "wire-v1-downlink.json"}
SYMBOLS = 9408

# The examples of docs/wire-format.md: model 5, revision 1, frame 33.
EXAMPLE_TELEMETRY = {"battery": [3312], "trigger": [3]}
EXAMPLE_DOWNLINK = {"period": [3600], "status": []}
EXAMPLE_RUNS = [(0, 60), (90, 30), (121, 1)]


def sound(kind: int, name: str, first: int, fields: list[tuple[int, bytes]], frame: int = 33) -> dict[str, object]:
    """One packet and what it says."""
    data = packet(kind, 5, 1, frame, first, fields)
    return {"name": name, "packet": data.hex(), **reading(kind, data)}


def reading(kind: int, data: bytes) -> dict[str, object]:
    """What the reference reads in a packet: fields as [name, numbers] in the order of the packet."""
    header, fields = split(kind, data)
    known: list[object] = []
    for number, value in fields:
        if kind == DOWNLINK and number == HAVE:
            runs = runs_of(value, SYMBOLS)
            known.append(["have", runs] if runs else ["skipped", number])
        else:
            known.append(list(numbers_of(kind, number, value) or ("skipped", number)))
    return {"header": header, "fields": known}


def random_fields(random: Random, kind: int) -> list[tuple[int, bytes]]:
    """Known fields with numbers of chance in their ranges, and now and then an unknown one."""
    fields: list[tuple[int, bytes]] = []
    for name in random.sample(sorted(FIELDS[kind]), random.randint(1, 6)):
        number, sizes = FIELDS[kind][name]
        for _ in range(1000):
            value = random.randbytes(sum(map(abs, sizes)))
            if numbers_of(kind, number, value):
                fields.append((number, value))
                break
    if random.random() < 0.3:
        fields.insert(random.randint(0, len(fields)), (random.randint(25, 31), random.randbytes(random.randint(0, 12))))
    return fields or [(31, b"")]


def random_runs(random: Random, most: int) -> list[Run]:
    """Runs of ranks below SYMBOLS."""
    cuts = sorted(random.sample(range(SYMBOLS + 1), 2 * random.randint(1, most)))
    return [(first, end - first) for first, end in zip(cuts[::2], cuts[1::2], strict=True)]


def packets(kind: int) -> list[dict[str, object]]:
    """The examples, then packets of chance."""
    example = EXAMPLE_TELEMETRY if kind == TELEMETRY else EXAMPLE_DOWNLINK
    found = [sound(kind, "example", 7, [value_of(kind, name, numbers) for name, numbers in example.items()])]
    if kind == DOWNLINK:
        found.append(sound(kind, "example have", 8, [(HAVE, runs_bytes(EXAMPLE_RUNS))]))
        for number, runs in enumerate(([(0, SYMBOLS)], [(SYMBOLS - 1, 1)], [(0, 1)], [(8191, 1), (9000, 100)])):
            found.append(sound(kind, f"have {number}", number, [(HAVE, runs_bytes(runs))]))
    for seed in range(20):
        random = Random(f"control {kind} {seed}")
        fields = random_fields(random, kind)
        if kind == DOWNLINK and seed % 2:
            fields.append((HAVE, runs_bytes(random_runs(random, 12))))
        found.append(sound(kind, f"random {seed}", random.randrange(1 << 14), fields, random.randrange(64)))
    return found


def damaged(kind: int) -> list[dict[str, object]]:
    """Packets that a receiver rejects, and why."""
    example = bytes.fromhex(str(packets(kind)[0]["packet"]))

    def sealed(message: bytes) -> bytes:
        return message + crc16(message).to_bytes(2, "big")

    def with_body(body: bytes) -> bytes:
        return sealed(example[:4] + body)

    cases = {
        "shorter than header and check": example[:5],
        "longer than any payload": sealed(example[:-2] + bytes(240)),
        "one bit flipped": example[:5] + bytes([example[5] ^ 16]) + example[6:],
        "version 3": sealed(bytes([example[0] | 0xC0]) + example[1:-2]),
        "an image": sealed(example[:3] + bytes([example[3] & ~28]) + example[4:-2]),
        "coding 1": sealed(example[:3] + bytes([example[3] | 2]) + example[4:-2]),
        "a value cut short": with_body(bytes([3 << 3 | 2, 1])),
        "a length cut off": with_body(bytes([3 << 3 | 7])),
        "a short length in the long way": with_body(bytes([3 << 3 | 7, 2, 1, 2])),
        "a long value cut short": with_body(bytes([31 << 3 | 7, 9]) + bytes(8)),
    }
    if kind == DOWNLINK:
        cases["no command"] = with_body(b"")
    return [{"name": name, "packet": data.hex(), "reason": reason(kind, data)} for name, data in cases.items()]


def reason(kind: int, data: bytes) -> str:
    """Why the reference rejects it."""
    try:
        split(kind, data)
    except Rejected as rejected:
        return rejected.reason
    raise AssertionError(f"{data.hex()} is sound")


def text(kind: int) -> str:
    """The file, one vector a line."""
    about = (
        "Wire format version 1, packets of kind {}. Fields are named as in docs/wire-format.md, with their numbers as "
        "they are on the air; skipped: unknown, of another length or out of range. have: [first rank, count] of a "
        f"frame of {SYMBOLS} symbols."
    ).format(kind)
    return vector_file(about, packets=packets(kind), rejected=damaged(kind))


if __name__ == "__main__":
    for kind, file in FILES.items():
        file.write_text(text(kind))
