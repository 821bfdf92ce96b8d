# SPDX-License-Identifier: Apache-2.0
"""Rivals that are streams of bytes: what the beginning of one shows."""

import numpy as np

from glimpse.evaluation import jpeg, wavelet
from glimpse.evaluation.curves import MOST_DB
from glimpse.quality import Reference

CURVE_POINTS = 14  # cuts of a wavelet stream

Seen = tuple[float, float]  # MS-SSIM, PSNR in dB


class Judge:
    """Compares pictures with one photo.

    Args:
        photo: uint8 [height, width, 3].
    """

    def __init__(self, photo: np.ndarray) -> None:
        self._reference = Reference(photo)

    def see(self, picture: np.ndarray) -> Seen:
        """What a picture of the photo's shape is worth."""
        quality = self._reference.compare(picture)
        return quality.ms_ssim, min(quality.psnr_db, MOST_DB)


def stream_curve(name: str, photo: np.ndarray, judge: Judge, most: int) -> tuple[list[int], list[Seen]]:
    """Numbers of a stream's first bytes, from 0 on, and what they show.

    Args:
        name: one of loss_plan.STREAMS.
        photo: uint8 [height, width, 3].
        judge: of that photo.
        most: bytes of the longest beginning.
    """
    height, width = photo.shape[:2]
    cuts = np.unique(np.rint(np.geomspace(40, most, CURVE_POINTS)).astype(int)).tolist()
    if name == "wavelet":
        data = wavelet.encode(photo, most)
        cuts = [0, *(cut for cut in cuts if cut < len(data)), len(data)]
        return cuts, [judge.see(picture) for picture in wavelet.decode_cuts(data, cuts, height, width)]
    data = jpeg.encode(photo, jpeg.PROGRESSIVE_QUALITY, progressive=True, optimize=True)
    sizes, best = [0], [judge.see(np.full_like(photo, 128))]
    for size in (size for size in jpeg.cuts_of(data, height * width) if size <= most):
        picture = jpeg.decode_cut(data[:size])
        seen = best[-1] if picture is None else judge.see(picture)
        sizes.append(size)
        best.append(max(best[-1], seen))  # a receiver shows no cut that looks worse
    return sizes, best
