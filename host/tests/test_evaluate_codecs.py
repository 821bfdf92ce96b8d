# SPDX-License-Identifier: Apache-2.0
"""Classical codecs and models as the evaluation sees them: what is counted, what can be cut."""

import io
from functools import lru_cache

import numpy as np
import pytest
from glimpse import zoo
from glimpse.binding import OVERHEAD_BYTES
from glimpse.errors import GlimpseError, UsageError
from glimpse.evaluation import classical, jpeg
from glimpse.evaluation.codec import Coded, packet_bytes
from glimpse.evaluation.learned import GlimpseModel, model_named, packets_of, thinned
from glimpse.evaluation.loss import loss_rows
from glimpse.evaluation.variant import split_name
from glimpse.evaluation.view import Viewer
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import psnr
from glimpse.reassemble import Assembly
from glimpse.samples import sample_photos
from PIL import Image

SMALL = ("jpeg", "jpeg-optimised", "jpeg-headerless", "jpeg-optimised-headerless", "progressive-packets")


@lru_cache
def photo(side: int = 224, name: str = "coffee") -> np.ndarray:
    return fit_photo(load_photo(sample_photos()[name]), side, side)


def test_constant_jpeg_headers_are_those_of_the_standard():
    """SOI, APP0, two DQT, SOF0, four DHT of annex K, SOS, EOI: 625 bytes; optimised files keep their own DHT."""
    tables = 4 * (2 + 2 + 1) + 2 * (16 + 12) + 2 * (16 + 162)
    rest = 2 + 18 + 2 * (2 + 2 + 1 + 64) + 19 + 14 + 2
    assert jpeg.constant_bytes(224, 224, 50, False) == rest + tables
    assert jpeg.constant_bytes(224, 224, 50, True) == rest


def test_a_headerless_file_is_the_file_less_its_headers():
    whole, bare = (list(jpeg.Jpeg(headers=headers).points(photo())) for headers in (True, False))
    assert {a.bytes - b.bytes for a, b in zip(whole, bare, strict=True)} == {625}
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(whole, bare, strict=True))
    assert bare[0].bytes > 100


def test_segments_of_hostile_bytes():
    data = jpeg.encode(photo(64), 50)
    parts = list(jpeg.segments(data))
    assert parts[0] == (0xD8, 0, 2) and parts[-1][0] == 0xDA
    for cut in range(0, parts[-1][2], 7):
        with pytest.raises(ValueError):
            list(jpeg.segments(data[:cut]))
    with pytest.raises(ValueError, match="no JPEG marker"):
        list(jpeg.segments(b"not a JPEG file"))


def test_a_progressive_file_is_a_picture_after_any_byte():
    data = jpeg.encode(photo(64), 50, progressive=True, optimize=True)
    pictures = [jpeg.decode_cut(data[:size]) for size in range(0, len(data) + 1, 11)]
    start = next(i for i, picture in enumerate(pictures) if picture is not None)
    assert start > 0 and all(picture is not None and picture.shape == (64, 64, 3) for picture in pictures[start:])
    assert np.array_equal(jpeg.decode_cut(data), jpeg.decode(data))


def test_progressive_points_never_get_worse_and_count_packet_headers():
    bare = list(classical.make("progressive", 50).points(photo()))
    levels = [psnr(photo(), point.picture) for point in bare]
    assert levels == sorted(levels) and levels[-1] > levels[0] + 5
    packed = list(classical.make("progressive-packets", 50).points(photo()))
    expected = [point.bytes + OVERHEAD_BYTES * -(-point.bytes // (50 - OVERHEAD_BYTES)) for point in bare]
    assert [point.bytes for point in packed] == expected


def test_packet_bytes():
    assert packet_bytes(0, 50, 6) == 0
    assert [packet_bytes(size, 50, 6) for size in (1, 44, 45, 88)] == [7, 50, 57, 100]


@pytest.mark.parametrize("name", ["webp", "jpeg2000", "avif"])
def test_formats_of_pillow_count_the_whole_file(name: str):
    try:
        codec = classical.make(name, 222)
    except GlimpseError as error:
        pytest.skip(str(error))
    codec.settings = [codec.settings[0], codec.settings[-1]]
    low, high = codec.points(photo(96))
    assert low.bytes < high.bytes and psnr(photo(96), low.picture) < psnr(photo(96), high.picture)
    buffer = io.BytesIO()
    Image.fromarray(photo(96)).save(buffer, codec.format, **codec.settings[0][1])
    assert low.bytes == len(buffer.getvalue())


def test_a_pillow_without_a_format_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(classical.features, "check", lambda name: False)
    with pytest.raises(GlimpseError, match="is left out: this Pillow was built without it"):
        classical.make("avif", 222)


def test_unknown_baselines_are_named():
    with pytest.raises(UsageError, match="no baseline 'gif'; choose from jpeg, "):
        classical.make("gif", 222)
    for name in ("progressive:0", "progressive:96", "jpeg:50"):
        with pytest.raises(UsageError):
            classical.make(name, 222)
    assert classical.make("progressive:30", 222).name == "progressive:30"


def test_every_baseline_keeps_its_name():
    assert [classical.make(name, 100).name for name in SMALL] == list(SMALL)


def test_a_model_is_looked_at_after_every_packet():
    model = zoo.load()
    packets = packets_of(model, photo(), 222)
    points = list(GlimpseModel(model, 222, 4).points(photo()))
    assert [point.setting for point in points] == [f"{n} packets" for n in thinned(len(packets), 4)]
    assert points[0].bytes == len(packets[0]) and points[-1].bytes == sum(map(len, packets))
    levels = [psnr(photo(), point.picture) for point in points]
    assert levels[-1] > levels[0] + 2


def test_losses_are_drawn_by_seed_and_the_lost_bytes_count():
    model = GlimpseModel(zoo.load(), 51, 1)
    none, some, again, other = (model.lossy(photo(), *draw) for draw in ((0, 1), (0.4, 1), (0.4, 1), (0.4, 2)))
    assert none.bytes == some.bytes == other.bytes
    assert np.array_equal(some.picture, again.picture) and not np.array_equal(some.picture, other.picture)
    assert psnr(photo(), some.picture) < psnr(photo(), none.picture)


def test_every_photo_loses_packets_of_its_own_and_models_the_same_ones():
    class Recorder:
        name = "a"

        def __init__(self):
            self.seeds = []

        def lossy(self, photo, loss, seed):
            self.seeds.append(seed)
            return Coded("", 1, photo)

    def seeds(image: str) -> list[int]:
        model = Recorder()
        list(loss_rows(model, photo(), image, (0.1,), 2, Viewer(photo(), "")))
        return model.seeds

    assert seeds("x.png") == seeds("x.png")
    assert len({*seeds("x.png"), *seeds("y.png")}) == 4


@pytest.mark.parametrize(("count", "points"), [(1, 1), (1, 5), (10, None), (40, 6), (40, 1), (7, 2)])
def test_thinning_keeps_the_first_and_the_last(count: int, points: int | None):
    kept = thinned(count, points)
    assert kept == sorted(set(kept)) and kept[-1] == count and (kept[0] == 1 or points == 1)
    assert len(kept) <= (count if points is None else max(points, 1))


def test_variants_need_a_model_with_saliency():
    with pytest.raises(UsageError, match="does not order by saliency"):
        model_named("mcucoder:ranks", 222)


def test_variants_of_a_model_and_what_none_is():
    assert (model_named("limitnet", 51).name, model_named("limitnet", 51).gain) == ("limitnet", None)
    ranks, gain = model_named("limitnet:ranks", 51), model_named("limitnet:gain=0.2", 51)
    assert (ranks.name, ranks.steered, gain.name, gain.steered, gain.gain) == (
        "limitnet:ranks",
        False,
        "limitnet:gain=0.2",
        True,
        0.2,
    )
    for wrong in (
        "limitnet:0.2",
        "limitnet:gain=",
        "limitnet:gain=nan",
        "limitnet:gain",
        "limitnet:rank",
        "limitnet:Raster",
    ):
        with pytest.raises(UsageError, match=r"NAME:gain=0\.2"):
            model_named(wrong, 51)
    assert split_name("mcucoder@4:gain=1") == ("mcucoder@4", "gain=1") and split_name("a:b/c") == ("a:b/c", "")


def test_an_old_revision_is_no_variant():
    now = zoo.load("limitnet").binding.revision
    assert (model_named(f"limitnet@{now}", 51).name, model_named(f"limitnet@{now}", 51).gain) == (
        f"limitnet@{now}",
        None,
    )
    with pytest.raises(GlimpseError, match="there is no limitnet@250"):
        model_named("limitnet@250", 51)


@pytest.mark.parametrize("name", ["limitnet", "mcucoder"])
def test_cut_short_means_that_the_bottom_of_the_picture_is_missing(name: str):
    """The same network and the same symbols, row by row."""
    own, cut = model_named(name, 222, 1), model_named(f"{name}:raster", 222, 3)
    coder = cut.model.binding
    packets = packets_of(cut.model, photo(), 222)
    assembly = Assembly(cut.model, decoder=cut._decoder)
    for packet in packets[: len(packets) // 2]:
        assembly.add(packet)
    there = assembly.received.ravel()
    assert 0 < assembly.symbols_received < coder.symbol_count
    assert there[: assembly.symbols_received].all() and not there[assembly.symbols_received :].any()
    *_, whole = cut.points(photo())
    assert np.array_equal(whole.picture, next(own.points(photo())).picture) and cut.name == f"{name}:raster"
