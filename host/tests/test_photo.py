# SPDX-License-Identifier: Apache-2.0
"""Photos as people have them: every mode, orientation and kind of damage."""

import io
import os
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from glimpse.errors import GlimpseError
from glimpse.photo import fit_photo, load_photo, save_picture
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

RED = (250, 10, 20)


def rgb(width: int = 40, height: int = 30) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), (0, 0, 255))
    image.paste(RED, (0, 0, width // 2, height))
    return image


def saved(folder: Path, image: Image.Image, name: str, **options: object) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


def test_a_phone_photo_is_turned_upright_by_its_exif_tag(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned; shown after a quarter turn clockwise
    path = saved(tmp_path, rgb(), "phone.jpg", exif=exif, quality=95)
    upright = load_photo(path)
    assert upright.size == (30, 40)
    assert upright.getpixel((15, 3))[0] > 200, "the left of the stored picture is the top of the shown one"


def test_a_twelve_megapixel_photo_becomes_the_models_size(tmp_path: Path):
    path = saved(tmp_path, rgb(4000, 3000), "large.jpg")
    assert fit_photo(load_photo(path), 224, 224).shape == (224, 224, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_colour_mode_becomes_rgb(tmp_path: Path, mode: str):
    if mode == "LA":
        image = rgb().convert("L").convert("LA")
    elif mode in ("I;16", "I", "F"):
        grey = np.asarray(rgb().convert("L"))
        kinds = {"I;16": grey.astype(np.uint16) * 257, "I": grey.astype(np.int32) * 257, "F": grey / np.float32(255)}
        image = Image.fromarray(kinds[mode])
    else:
        image = rgb().convert(mode)
    loaded = load_photo(saved(tmp_path, image, "photo.tiff"))
    assert loaded.mode == "RGB"
    # Means of both halves: palettes and bilevel pictures are dithered.
    halves = [
        np.asarray(picture.convert("L"), float).reshape(30, 2, 20).mean(axis=(0, 2)) for picture in (loaded, rgb())
    ]
    assert np.abs(halves[0] - halves[1]).max() < 8


def test_sixteen_bit_png_keeps_its_brightness(tmp_path: Path):
    path = saved(tmp_path, Image.fromarray(np.full((20, 20), 0x8080, np.uint16)), "deep.png")
    assert load_photo(path).getpixel((5, 5)) == (128, 128, 128)


def test_transparent_places_come_out_white(tmp_path: Path):
    path = saved(tmp_path, Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "clear.png")
    assert load_photo(path).getpixel((4, 4)) == (255, 255, 255)
    palette = Image.new("P", (8, 8), 0)
    assert load_photo(saved(tmp_path, palette, "clear.gif", transparency=0)).getpixel((4, 4)) == (255, 255, 255)


def test_crop_keeps_the_middle_squash_keeps_all_pad_adds_bars():
    wide = rgb(400, 100)
    cropped, squashed, padded = (fit_photo(wide, 100, 100, fit).astype(int) for fit in ("crop", "squash", "pad"))
    for picture in (cropped, squashed):
        assert np.abs(picture[:, 5] - RED).max() < 3 and np.abs(picture[:, 95] - (0, 0, 255)).max() < 3
    assert (padded[:30] == 128).all() and (padded[70:] == 128).all()
    assert np.abs(padded[50, 10] - RED).max() < 3


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["crop", "squash", "pad"]))
def test_any_size_becomes_the_wanted_size(width: int, height: int, fit: str):
    picture = fit_photo(Image.new("RGB", (width, height), RED), 48, 32, fit)
    assert picture.shape == (32, 48, 3) and picture.dtype == np.uint8
    if fit != "pad":
        assert np.abs(picture.astype(int) - RED).max() <= 1


def test_a_single_pixel_and_an_extreme_strip_are_enlarged():
    assert fit_photo(Image.new("RGB", (1, 1), RED), 224, 224).shape == (224, 224, 3)
    for fit in ("crop", "squash", "pad"):
        assert fit_photo(Image.new("RGB", (1, 9000), RED), 224, 224, fit).shape == (224, 224, 3)


def test_an_unknown_fit_is_an_error():
    with pytest.raises(GlimpseError, match="crop, squash or pad"):
        fit_photo(rgb(), 10, 10, "stretch")  # type: ignore[arg-type]


@cache
def jpeg() -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG that promises 60000 x 60000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty; give a photo"),
        (b"Dear diary, today I sent no packets.\n", "is not a picture that can be read; give a JPEG"),
        (jpeg()[:3000], "is damaged"),
        (bomb(), "more than 178 million pixels; make it smaller"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC photo, .* JPEG first"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
    ],
    ids=["empty", "text", "truncated", "bomb", "heic", "postscript"],
)
def test_files_that_are_no_sound_photo_say_so(tmp_path: Path, data: bytes, words: str):
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(GlimpseError, match=words):
        load_photo(path)


@given(st.data())
def test_damaged_photos_load_or_raise_a_sentence_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, data):
    sound = bytearray(jpeg())
    for _ in range(data.draw(st.integers(1, 8))):
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "hurt.jpg"
    path.write_bytes(sound)
    try:
        assert load_photo(path).mode == "RGB"
    except GlimpseError as error:
        assert "\n" not in str(error)


def test_places_without_a_photo_say_what_they_are(tmp_path: Path):
    with pytest.raises(GlimpseError, match="is a folder; give one photo"):
        load_photo(tmp_path)
    with pytest.raises(GlimpseError, match="there is no such file"):
        load_photo(tmp_path / "missing.png")
    with pytest.raises(GlimpseError, match="not a regular file"):
        load_photo("/dev/null")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; run as a plain user")
def test_an_unreadable_photo_says_how_to_allow_reading(tmp_path: Path):
    path = saved(tmp_path, rgb(), "mine.png")
    path.chmod(0)
    with pytest.raises(GlimpseError, match="permission denied; allow reading"):
        load_photo(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp", "a.bmp", "a.ppm"])
def test_pictures_are_written_in_the_format_of_their_ending(tmp_path: Path, name: str):
    save_picture(tmp_path / name, np.full((16, 16, 3), 90, np.uint8))
    assert np.abs(np.asarray(load_photo(tmp_path / name), int) - 90).max() <= 2


def test_an_unknown_ending_names_the_known_ones(tmp_path: Path):
    with pytest.raises(GlimpseError, match=r"\.bmp, \.jpeg, \.jpg, \.png"):
        save_picture(tmp_path / "picture.docx", np.zeros((4, 4, 3), np.uint8))
    assert not list(tmp_path.iterdir())
