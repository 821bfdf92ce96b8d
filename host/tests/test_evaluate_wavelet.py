# SPDX-License-Identifier: Apache-2.0
"""The embedded wavelet coder and its arithmetic coder: any prefix is a picture, and nothing is invented."""

from functools import lru_cache

import numpy as np
import pytest
from glimpse.errors import GlimpseError
from glimpse.evaluation import lifting, wavelet
from glimpse.evaluation.arithmetic import Contexts, Cut, Decoder, Encoder
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import psnr
from glimpse.samples import sample_photos
from hypothesis import given, settings
from hypothesis import strategies as st

SIDE = 96


@lru_cache
def photo() -> np.ndarray:
    return fit_photo(load_photo(sample_photos()["cat"]), SIDE, SIDE)


@lru_cache
def stream() -> bytes:
    return wavelet.encode(photo(), 6000)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 64), (77, 101)])
def test_the_transform_is_undone_by_its_inverse(height: int, width: int):
    plane = np.random.default_rng(1).normal(0, 50, (height, width))
    bands = lifting.transform(plane, 5)
    assert sum(band.size for band in bands.values()) == plane.size
    np.testing.assert_allclose(lifting.inverse(bands, 5), plane, atol=1e-9)


def test_a_plane_of_one_value_has_no_details():
    bands = lifting.transform(np.full((64, 96), 7.0), 5)
    assert all(np.abs(band).max() < 1e-9 for (name, _), band in bands.items() if name != "ll")
    assert bands["ll", 5] == pytest.approx(7.0 * 32, rel=1e-6)


def test_one_coefficient_weighs_about_the_same_in_every_band():
    norms = [lifting.norm(name, level) for level in range(1, 6) for name in (*lifting.BANDS, "ll")]
    assert min(norms) > 0.8 and max(norms) < 1.25


def test_more_bytes_make_a_better_picture_at_every_cut():
    cuts = [2, 20, 60, 150, 400, 1000, 2500, 6000]
    levels = [psnr(photo(), picture) for picture in wavelet.decode_cuts(stream(), cuts, SIDE, SIDE)]
    assert levels == sorted(levels) and len(set(levels)) == len(levels)
    assert levels[3] > levels[0] + 6


def test_many_cuts_at_once_are_the_single_cuts():
    cuts = [0, 1, 2, 3, 7, 8, 9, 100, 101, 102, 103, 1500]
    for cut, picture in zip(cuts, wavelet.decode_cuts(stream(), cuts, SIDE, SIDE), strict=True):
        assert np.array_equal(picture, wavelet.decode(stream()[:cut], SIDE, SIDE)), cut


def test_a_limited_stream_is_a_prefix_and_as_long_as_allowed():
    assert len(stream()) == 6000
    assert wavelet.encode(photo(), 500) == stream()[:500]
    assert [len(wavelet.encode(photo(), limit)) for limit in (0, 1, 2, 3)] == [0, 1, 2, 3]


def test_the_whole_stream_leaves_next_to_nothing():
    whole = wavelet.encode(photo())
    assert psnr(photo(), wavelet.decode(whole, SIDE, SIDE)) > 55
    assert len(whole) < photo().size


@pytest.mark.parametrize("value", [0, 128, 255])
def test_photos_without_content(value: int):
    flat = np.full((64, 64, 3), value, np.uint8)
    data = wavelet.encode(flat)
    assert len(data) < 80
    assert np.abs(wavelet.decode(data, 64, 64).astype(int) - flat).max() <= 1


def test_nothing_received_is_grey():
    assert np.array_equal(wavelet.decode(b"", 64, 64), np.full((64, 64, 3), 128, np.uint8))


def test_a_photo_too_small_is_refused():
    with pytest.raises(GlimpseError, match="at least 64 pixels"):
        wavelet.encode(np.zeros((63, 200, 3), np.uint8))


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_some_picture(data: bytes):
    assert wavelet.decode(data, 64, 64).shape == (64, 64, 3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=400), st.data())
def test_decisions_come_back_and_a_cut_gives_a_true_prefix(decisions: list[tuple[int, bool]], data: st.DataObject):
    indices, bits = [index for index, _ in decisions], [int(bit) for _, bit in decisions]
    start = [0.5, 0.01, 0.99, 0.3, 0.0]
    encoder = Encoder()
    encoder.code(Contexts(start), indices, bits)
    written = encoder.finish()
    assert Decoder(written).code(Contexts(start), indices) == bits
    cut = data.draw(st.integers(0, len(written)))
    decoder = Decoder(written, [cut] if cut < len(written) else [])
    assert decoder.code(Contexts(start), indices) == bits
    shorter = Decoder(written[:cut])
    got = shorter.code(Contexts(start), indices)
    assert got == bits[: len(got)]
    if cut < len(written) and decoder.stops:
        assert decoder.stops[0] == len(got)
    if len(got) < len(bits):
        with pytest.raises(Cut):
            shorter.code(Contexts(start), [0])


def test_a_rare_decision_costs_what_theory_says():
    random = np.random.default_rng(3)
    bits = (random.random(20_000) < 0.02).astype(int).tolist()
    encoder = Encoder()
    encoder.code(Contexts([0.5]), [0] * len(bits), bits)
    entropy = -(0.02 * np.log2(0.02) + 0.98 * np.log2(0.98)) * len(bits) / 8
    assert len(encoder.finish()) < 1.1 * entropy
