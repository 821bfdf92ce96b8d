# SPDX-License-Identifier: Apache-2.0
"""Photos as people have them, turned into the pixels that a model takes."""

import io
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes, write_whole

Fit = Literal["crop", "squash", "pad"]

# Still pictures only: some of Pillow's other readers start helper programs or open further files.
READ_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "QOI", "TGA", "TIFF", "WEBP")
WRITE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".ppm": "PPM"}
# Uncompressed 16-bit pictures of the largest cameras stay below it.
MAX_PHOTO_BYTES = 1 << 30


def load_photo(path: Path | str) -> Image.Image:
    """Reads a photo upright, whatever its format, orientation and colour mode.

    Transparent places come out white. Of several pictures in one file (GIF, TIFF) the first is taken.

    Args:
        path: a picture file in one of READ_FORMATS.

    Returns:
        The picture in mode RGB, 8 bits a channel.

    Raises:
        GlimpseError: missing, unreadable, not a picture, damaged, or with more pixels than Pillow trusts.
    """
    path = Path(path)
    data = read_bytes(path, "photo", MAX_PHOTO_BYTES)
    try:
        with warnings.catch_warnings():
            # Odd tags deserve no lines on a terminal; what cannot be decoded raises all the same.
            warnings.simplefilter("ignore")
            return _decode(data)
    except UnidentifiedImageError as error:
        raise GlimpseError(_not_a_picture(path, data)) from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise GlimpseError(f"{path} has more than {limit} million pixels; make it smaller first") from error
    except MemoryError as error:
        raise GlimpseError(f"{path} does not fit in memory; make it smaller first") from error
    except Exception as error:  # hostile bytes make Pillow's decoders raise nearly anything
        raise GlimpseError(f"{path} is damaged ({_short(error)}); get a fresh copy of the photo") from error


def _decode(data: bytes) -> Image.Image:
    Image.init()
    formats = [name for name in READ_FORMATS if name in Image.OPEN]
    with Image.open(io.BytesIO(data), formats=formats) as image:
        image.load()
        return _to_rgb(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block is no reason to refuse sound pixels
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        alpha = image.convert("RGBA")
        white = Image.new("RGBA", alpha.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, alpha).convert("RGB")
    return image.convert("RGB")


def _to_eight_bits(grey: np.ndarray) -> np.ndarray:
    """Integers above 255 mean 16 bits; floating point means 0..1 unless values say otherwise."""
    values = np.nan_to_num(grey.astype(np.float64))
    top = values.max(initial=0)
    if grey.dtype.kind == "f":
        scale = 255.0 if top <= 1 else 255.0 / top
    else:
        scale = 255 / 65535 if grey.dtype.itemsize == 2 or top > 255 else 1.0
    return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)


def _not_a_picture(path: Path, data: bytes) -> str:
    if not data:
        return f"{path} is empty; give a photo"
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return f"{path} is a HEIC photo, which cannot be read here; save or share it as JPEG first"
    return f"{path} is not a picture that can be read; give a JPEG, PNG, WebP or TIFF file"


def _short(error: Exception) -> str:
    text = str(error).split("\n")[0] or type(error).__name__
    return text[:80]


def fit_photo(image: Image.Image, width: int, height: int, fit: Fit = "crop") -> np.ndarray:
    """Brings a photo to the size that a model takes, enlarging it where it is smaller.

    Args:
        image: any size, mode RGB.
        width: of the result in pixels.
        height: of the result in pixels.
        fit: "crop" keeps the middle, "squash" keeps everything and changes the proportions, "pad" keeps
            everything between grey bars.

    Returns:
        uint8 [height, width, 3].

    Raises:
        GlimpseError: an unknown fit.
    """
    if fit == "squash":
        return _resized(image, width, height, (0.0, 0.0, float(image.width), float(image.height)))
    if fit == "crop":
        scale = max(width / image.width, height / image.height)
        kept_width, kept_height = width / scale, height / scale
        left, top = (image.width - kept_width) / 2, (image.height - kept_height) / 2
        return _resized(image, width, height, (left, top, left + kept_width, top + kept_height))
    if fit == "pad":
        scale = min(width / image.width, height / image.height)
        inner_width, inner_height = (max(1, round(side * scale)) for side in image.size)
        result = np.full((height, width, 3), 128, np.uint8)
        top, left = (height - inner_height) // 2, (width - inner_width) // 2
        inner = _resized(image, inner_width, inner_height, (0.0, 0.0, float(image.width), float(image.height)))
        result[top : top + inner_height, left : left + inner_width] = inner
        return result
    raise GlimpseError(f"'{fit}' is not a way to fit a photo; take crop, squash or pad")


def _resized(image: Image.Image, width: int, height: int, box: tuple[float, float, float, float]) -> np.ndarray:
    left, top, right, bottom = box
    inside = (max(left, 0.0), max(top, 0.0), min(right, image.width), min(bottom, image.height))
    small = image.resize((width, height), Image.Resampling.LANCZOS, box=inside, reducing_gap=3.0)
    return np.array(small, dtype=np.uint8)


def check_picture_name(path: Path) -> None:
    """Refuses file names whose ending does not name a format that can be written.

    Raises:
        GlimpseError: an unknown or missing ending.
    """
    if path.suffix.lower() not in WRITE_FORMATS:
        endings = ", ".join(sorted(WRITE_FORMATS))
        raise GlimpseError(f"cannot tell the picture format from the name {path.name}; end it in one of {endings}")


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Writes a picture in the format that the file's ending names, whole or not at all.

    Args:
        path: a name that check_picture_name accepts.
        picture: uint8 [height, width, 3].

    Raises:
        GlimpseError: the ending is unknown or the file cannot be written.
    """
    check_picture_name(path)
    write_whole(path, encode_picture(picture, WRITE_FORMATS[path.suffix.lower()]))


def encode_picture(picture: np.ndarray, format: str, quality: int = 92) -> bytes:
    """The bytes of a picture file.

    Args:
        picture: uint8 [height, width, 3].
        format: one of the values of WRITE_FORMATS.
        quality: 1..100 where the format loses something.
    """
    options = {"quality": quality} if format in ("JPEG", "WEBP") else {}
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format, **options)
    return buffer.getvalue()
