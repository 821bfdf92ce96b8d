# SPDX-License-Identifier: Apache-2.0
"""Whatever a link does to packets, the assembly takes what is sound and names what is not."""

from types import SimpleNamespace

import numpy as np
import pytest
from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.errors import GlimpseError
from glimpse.quality import psnr
from glimpse.reassemble import Assembly
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_decoder import tiny_decoder

MODEL = zoo.load()


@pytest.fixture(scope="module")
def decoder() -> PictureDecoder:
    return PictureDecoder(MODEL)


def photo() -> np.ndarray:
    height, width = MODEL.binding.photo_height, MODEL.binding.photo_width
    y, x = np.mgrid[:height, :width] / 30
    return np.stack([128 + 100 * np.sin(x + y + c) for c in range(3)], axis=2).astype(np.uint8)


SYMBOLS = MODEL.binding.quantise(MODEL.binding.encode_latent(photo()))
PACKETS = MODEL.binding.pack(SYMBOLS, frame=9, coding="range", payload=51)


def assembled(packets: list[bytes]) -> Assembly:
    assembly = Assembly(MODEL)
    for packet in packets:
        assembly.add(packet)
    return assembly


def test_all_packets_bring_all_symbols():
    assembly = assembled(PACKETS)
    assert assembly.symbols_received == MODEL.binding.symbol_count
    assert (assembly.seen, assembly.used, assembly.duplicates) == (len(PACKETS), len(PACKETS), 0)
    assert assembly.frame == 9
    latent, mask = assembly.latent()
    assert latent.dtype == mask.dtype == np.float32 and (mask == 1).all()
    np.testing.assert_array_equal(latent, MODEL.binding.latent_values(SYMBOLS))


@settings(max_examples=30)
@given(st.permutations(range(len(PACKETS))), st.integers(0, len(PACKETS)))
def test_order_and_repetition_do_not_matter(order: list[int], count: int):
    chosen = [PACKETS[i] for i in order[:count]]
    once, twice = assembled(sorted(chosen)), assembled(chosen + chosen)
    np.testing.assert_array_equal(once.latent()[0], twice.latent()[0])
    np.testing.assert_array_equal(once.latent()[1], twice.latent()[1])
    assert twice.seen == 2 * count and twice.used == count and twice.duplicates == count


def test_missing_symbols_are_zero_in_latent_and_mask():
    assembly = assembled(PACKETS[1::2])
    latent, mask = assembly.latent()
    assert 0 < assembly.symbols_received < MODEL.binding.symbol_count
    assert mask.sum() == assembly.symbols_received and (latent[mask == 0] == 0).all()


def test_a_duplicate_is_seen_and_not_used():
    assembly = Assembly(MODEL)
    assert assembly.add(PACKETS[0]).used
    verdict = assembly.add(PACKETS[0])
    assert (verdict.used, verdict.reason, assembly.seen, assembly.used) == (False, "duplicate", 2, 1)
    assert not assembly.rejected


def test_another_photo_with_the_same_number_is_told_apart():
    other = MODEL.binding.pack(MODEL.binding.quantise(MODEL.binding.encode_latent(255 - photo())), frame=9)
    assembly = assembled([*PACKETS[:20], *other[:20]])
    assert assembly.rejected["conflict"] >= 18
    latent, mask = assembly.latent()
    np.testing.assert_array_equal(latent, MODEL.binding.latent_values(SYMBOLS) * mask)


def test_the_first_sound_packet_decides_the_frame():
    other = MODEL.binding.pack(SYMBOLS, frame=10, payload=51)
    broken = bytes([PACKETS[0][0] ^ 1]) + PACKETS[0][1:]
    assembly = assembled([broken, other[0], PACKETS[0], other[1]])
    assert assembly.frame == 10 and assembly.used == 2
    assert dict(assembly.rejected) == {"check": 1, "frame": 1}
    assert Assembly(MODEL, frame=9).add(other[0]).reason == "frame"


@given(st.binary(max_size=260))
def test_any_bytes_are_judged_and_change_nothing(data: bytes):
    assembly = assembled(PACKETS[:1])
    before = assembly.latent()
    verdict = assembly.add(data)
    assert not verdict.used and verdict.reason and verdict.sentence
    np.testing.assert_array_equal(assembly.latent()[0], before[0])


def test_the_picture_gets_better_with_packets(decoder: PictureDecoder):
    original = photo()
    assembly = Assembly(MODEL, decoder=decoder)
    nothing = assembly.picture()
    assert nothing.shape == original.shape and nothing.dtype == np.uint8
    levels = [psnr(original, nothing)]
    for part in np.array_split(np.arange(len(PACKETS)), 3):
        for index in part:
            assembly.add(PACKETS[index])
        levels.append(psnr(original, assembly.picture()))
    assert levels[-1] > levels[0] + 3
    np.testing.assert_array_equal(assembly.picture(), Assembly.picture(assembled(PACKETS)))


def fake(blob: bytes) -> SimpleNamespace:
    return SimpleNamespace(name="tiny", decoder_tflite=blob)


@pytest.mark.parametrize("first", ["latent", "mask"])
def test_inputs_are_told_apart_by_name_in_either_order(first: str):
    second = "mask" if first == "latent" else "latent"
    decoder = PictureDecoder(fake(tiny_decoder((f"serving_default_{first}:0", f"serving_default_{second}:0"))))
    latent = np.full((28, 28, 12), 0.75, np.float32)
    picture = decoder.decode(latent, np.full_like(latent, 0.25))  # this network shows latent - mask
    assert picture.shape == (56, 56, 3) and (picture == 128).all()
    assert (decoder.decode(latent * 9, latent * 0) == 255).all() and (decoder.decode(latent * 0, latent) == 0).all()
    with pytest.raises(GlimpseError, match="takes latents of shape"):
        decoder.decode(latent[:5], latent[:5])


@pytest.mark.parametrize("blob", [b"", b"not a network" * 9, tiny_decoder(("one", "two"))])
def test_files_that_are_no_decoder_are_refused(blob: bytes):
    with pytest.raises(GlimpseError, match=r"decoder of model tiny .* export the model again"):
        PictureDecoder(fake(blob))


def test_the_decoder_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture):
    PictureDecoder(MODEL)
    assert capfd.readouterr() == ("", "")
