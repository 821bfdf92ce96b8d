# SPDX-License-Identifier: Apache-2.0
"""The K210 node's packets are the C core's, byte for byte: MicroPython makes both from the same latents."""

import struct
import zlib
from random import Random

import numpy as np
import pytest
from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.targets.k210 import run_script
from support.core_library import CoreLibrary
from support.micropython import needs_micropython, packed
from support.random_codecs import random_codec
from support.wire_reference import Codec, Context

pytestmark = needs_micropython

RAW, RANGE = 0, 1
PAYLOADS = (11, 51, 115, 222, 242)


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return CoreLibrary(tmp_path_factory.mktemp("core"))


def context_record(context: Context, first: int) -> bytes:
    taps = b"".join(struct.pack("<Bbbbb", *tap) for tap in context.taps)
    return struct.pack(
        "<HHBBBB7i7i80s64s", first, context.typical, context.centre, context.classes, len(context.taps), 0,
        *context.value_limit, *context.activity_limit, taps, bytes(context.class_of),
    )  # fmt: skip


def tables_without_ends(tables: tuple[tuple[int, ...], ...]) -> bytes:
    """Every other one lies there whole, as it may."""
    places, values = b"", b""
    for number, table in enumerate(tables):
        often = [symbol for symbol in range(len(table) - 1) if table[symbol + 1] - table[symbol] > 1]
        first, last = (often[0], often[-1]) if number % 2 else (0, len(table) - 2)
        places += struct.pack("<HBB", 2 * len(tables) + len(values) // 2, first, last)
        values += struct.pack(f"<{last + 1 - first}H", *table[first : last + 1])
    return places + values


def blob_of(codec: Codec) -> bytes:
    """A blob as docs/model-blob.md says, without a network: the K210 has its own file of that."""
    sections = bytearray()

    def add(data: bytes) -> int:
        at = 128 + len(sections)
        sections.extend(data + bytes(-len(data) % 4))
        return at

    minimum = add(struct.pack(f"<{codec.channels}i", *codec.minimum))
    step = add(struct.pack(f"<{codec.channels}H", *codec.step))
    tables = contexts = flags = 0
    if codec.cumulative:
        flags |= 1
        tables = add(tables_without_ends(codec.cumulative))
    if codec.contexts:
        flags |= 2
        firsts = [sum(c.classes for c in codec.contexts[:i]) for i in range(codec.channels)]
        contexts = add(b"".join(map(context_record, codec.contexts, firsts)))
    record = struct.pack(
        "<BBBBHHHBBHHIIII32x", codec.model, codec.revision, codec.order, flags, codec.levels, codec.height,
        codec.width, codec.channels, 0, codec.stride, codec.offset, minimum, step, tables, contexts,
    )  # fmt: skip
    body = struct.pack("<16sHHBbbBII16x", b"random", codec.height, codec.width, 1, 0, -1, 1, 128, 64)
    content = body + record + bytes(sections)
    return struct.pack("<4sHHII", b"GLPM", 3, 0, 16 + len(content), zlib.crc32(content)) + content


def plan(frame: int, coding: int, payloads: list[int], patches: list[np.ndarray]) -> bytes:
    """patches: int8 [height, width, channels] each."""
    planes = b"".join((patch.astype(np.int16) + 128).astype(np.uint8).transpose(2, 0, 1).tobytes() for patch in patches)
    return struct.pack("<BBH", frame, coding, len(payloads)) + bytes(payloads) + planes


def test_random_codecs(core):
    random, cases, expected = Random(4), [], []
    while len(cases) < 60:
        codec = random_codec(random, 400)
        if codec.order == 2:
            continue
        shape = (codec.height, codec.width, codec.channels)
        spread = random.choice([3, 30, 128])
        latent = np.array([random.randint(-spread, spread - 1) for _ in range(codec.symbols)], np.int8).reshape(shape)
        coding = RANGE if codec.cumulative and random.random() < 0.8 else RAW
        payloads = [random.choice(PAYLOADS) for _ in range(random.randint(1, 6))]
        frame = random.randrange(64)
        cases.append((blob_of(codec), plan(frame, coding, payloads, [latent])))
        symbols = core.quantise(codec, latent.tobytes())
        sizes = payloads + [payloads[-1]] * codec.symbols
        expected.append(core.pack(codec, symbols, frame, coding, sizes))
    assert packed(cases) == expected


@pytest.fixture(scope="module")
def starfish():
    return zoo.load("starfish")


def quarters(latent: np.ndarray) -> list[np.ndarray]:
    rows, columns = latent.shape[0] // 2, latent.shape[1] // 2
    return [latent[y : y + rows, x : x + columns] for y in (0, rows) for x in (0, columns)]


@pytest.mark.parametrize("coding", ["raw", "range"])
def test_random_latents_of_the_shipped_model(starfish, coding):
    rng = np.random.default_rng(5)
    cases, expected = [], []
    plans = [[payload] for payload in PAYLOADS] + [[51, 51, 11, 242, 115, 11, 222]]
    for number, payloads in enumerate(plans):
        scale = (1, 5, 20, 60)[number % 4]
        latent = np.clip(rng.laplace(0, scale, starfish.binding.latent_shape), -128, 127).astype(np.int8)
        frame = number * 11 % 64
        cases.append((starfish.blob, plan(frame, ("raw", "range").index(coding), payloads, quarters(latent))))
        symbols = starfish.binding.quantise(latent)
        expected.append(starfish.binding.pack(symbols, frame=frame, coding=coding, payload=payloads))
    assert packed(cases) == expected


def test_what_did_not_leave_is_cut_again_for_another_payload(starfish):
    latent = np.random.default_rng(6).integers(-40, 40, starfish.binding.latent_shape).astype(np.int8)
    ((first, second, taken_back, *rest),) = packed(
        [(starfish.blob, plan(1, RANGE, [115, 242, 0, 51], quarters(latent)))]
    )
    symbols = starfish.binding.quantise(latent)
    assert taken_back == b"" and len(second) > 51
    assert [first, *rest] == starfish.binding.pack(symbols, frame=1, payload=[115, 51])


READ = """
from glimpse_blob import Model
from glimpse_order import Layout
from glimpse_status import NodeError
with open("count", "rb") as file:
    count = file.read()[0]
with open("statuses", "wb") as out:
    for number in range(count):
        try:
            Layout(Model("%d.blob" % number))
            out.write(b"\\0")
        except NodeError as error:
            out.write(bytes((error.status & 0xFF,)))
"""


def test_a_broken_blob_is_refused_and_never_an_accident(starfish):
    """Cut short, damaged, of another version; fields of header and codec record spoilt under a check that holds."""
    sound = starfish.blob
    codec_at = int.from_bytes(sound[44:48], "little")
    random = Random(7)
    spoilt = [b"", sound[:40], sound[:-4], sound[:1000], b"GLPX" + sound[4:], sound[:4] + b"\2\0" + sound[6:]]
    spoilt.append(sound[:5000] + bytes((sound[5000] ^ 4,)) + sound[5001:])
    for number in range(120):
        data = bytearray(sound)
        if number == 0:
            data[codec_at + 2] = 2  # ordered by saliency, which this node cannot do
        else:
            at = random.choice([random.randrange(16, 64), codec_at + random.randrange(32)])
            data[at] ^= 1 << random.randrange(8)
        data[12:16] = zlib.crc32(data[16:]).to_bytes(4, "little")
        spoilt.append(bytes(data))
    files = {f"{number}.blob": data for number, data in enumerate([sound, *spoilt])}
    statuses, _ = run_script(READ, {**files, "count": bytes((len(files),))}, ["statuses"])
    assert statuses[0] == 0
    length, check, version, form, limit = (256 + status for status in (-4, -5, -7, -14, -15))
    assert list(statuses[1:9]) == [length, length, length, length, form, version, check, limit]
    assert form in statuses[9:] and set(statuses[9:]) <= {0, form, limit}


def test_a_program_that_fails_says_so(starfish):
    with pytest.raises(GlimpseError, match="ZeroDivisionError"):
        run_script("print(1 // 0)", {}, [])
