# SPDX-License-Identifier: Apache-2.0
"""What others measured of a codec that is not here, such as SSDV, set beside a contact.

The file is a CSV table with a line for each photo, setting and loss, and these columns; others are passed over:

    photo         its name
    pkt_len       bytes of a packet, headers included
    bytes         of the whole picture, all packets together
    loss          chance of losing a packet, 0..1
    msssim_mean   MS-SSIM 0..1, the mean over what was drawn
    psnr_mean     PSNR in dB, too
    codec         optional; without it the file's name is the codec's

A sender within a contact takes the setting that shows most of those that fit. Who knows photo and loss
beforehand can do no better, so the figures flatter it.
"""

import csv
import io
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes

MOST_TABLE_BYTES = 16 << 20
COLUMNS = ("pkt_len", "bytes", "loss", "msssim_mean", "psnr_mean")


@dataclass(frozen=True)
class Line:
    """One photo in one setting at one loss; fields as in the file."""

    codec: str
    photo: str
    payload: int
    bytes: int
    loss: float
    ms_ssim: float
    psnr_db: float


def read_table(path: Path) -> list[Line]:
    """What was measured.

    Raises:
        GlimpseError: unreadable, empty, a column or a number missing or out of range.
    """
    text = read_bytes(path, "table", MOST_TABLE_BYTES)
    try:
        lines = [_line(row, path.stem) for row in csv.DictReader(io.StringIO(text.decode("utf-8-sig")))]
    except (KeyError, TypeError, ValueError, OverflowError, csv.Error) as error:
        columns = ", ".join(("photo", *COLUMNS))
        raise GlimpseError(f"{path} is no table of measurements; give a CSV file with {columns}") from error
    if not lines:
        raise GlimpseError(f"{path} has no lines; give a table of measurements")
    return lines


def _line(row: dict[str, str], stem: str) -> Line:
    payload, size, loss, similarity, psnr = (float(row[name]) for name in COLUMNS)
    sound = payload >= 1 and size >= 1 and 0 <= loss <= 1 and 0 <= similarity <= 1 and math.isfinite(psnr)
    if not sound or not row["photo"]:
        raise ValueError("out of range")
    return Line(row.get("codec") or stem, row["photo"], int(payload), int(size), loss, similarity, psnr)


def within(lines: list[Line], payloads: tuple[int, ...], most: int) -> list[dict[str, Any]]:
    """What a contact shows of each codec at each loss, averaged over the photos that have a setting that fits.

    Args:
        lines: of the table.
        payloads: of ours; each meets the nearest that was measured.
        most: bytes that the contact carries.

    Returns:
        Dictionaries {codec, payload (of ours), pkt_len (of theirs), loss, photos, of (photos that were measured),
        bytes, ms_ssim, psnr_db}, by rising loss; nothing where no photo fits.
    """
    result = []
    for codec in dict.fromkeys(line.codec for line in lines):
        own = [line for line in lines if line.codec == codec]
        for payload in payloads:
            size = min({line.payload for line in own}, key=lambda each: abs(math.log(each / payload)))
            for loss in sorted({line.loss for line in own}):
                groups: dict[str, list[Line]] = defaultdict(list)
                for line in own:
                    if (line.payload, line.loss) == (size, loss):
                        groups[line.photo].append(line)
                fitting = [[line for line in group if line.bytes <= most] for group in groups.values()]
                best = [max(group, key=lambda line: line.ms_ssim) for group in fitting if group]
                if best:
                    result.append(
                        {
                            "codec": codec,
                            "payload": payload,
                            "pkt_len": size,
                            "loss": loss,
                            "photos": len(best),
                            "of": len(groups),
                            "bytes": float(np.mean([line.bytes for line in best])),
                            "ms_ssim": float(np.mean([line.ms_ssim for line in best])),
                            "psnr_db": float(np.mean([line.psnr_db for line in best])),
                        }
                    )
    return result
