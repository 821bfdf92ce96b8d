# SPDX-License-Identifier: Apache-2.0
"""What a receiver answers to what has come of a photo so far: enough, more, or more here.

A policy sees one `Look` after another at the same photo and gives a `Reply` to each. Silence means more, so that only
"enough" and "more here" cost a downlink. glimpse.evaluation.feedback_measure measures what is saved, and finds the
thresholds on training photos.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from glimpse.errors import UsageError

DOWNLINK_BYTES = 11  # of one answer on the air: the least payload of LoRaWAN that carries a kind 4 packet
LUMA = np.array([0.299, 0.587, 0.114])


class Answer(StrEnum):
    """What the receiver wants."""

    ENOUGH = "enough"
    MORE = "more"
    MORE_HERE = "more here"


@dataclass(frozen=True)
class Region:
    """A part of the latent, in its rows and columns; bottom and right are the first outside."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True)
class Reply:
    """An answer, with the region of "more here"."""

    answer: Answer
    region: Region | None = None


@dataclass(frozen=True)
class Look:
    """A photo as far as it is known.

    Attributes:
        picture: uint8 [height, width, 3].
        received: bool or 0/1 [latent height, latent width, channels], 1 where a symbol came.
        bytes: received so far.
        logits: float [classes] of a classifier; None without one.
    """

    picture: np.ndarray
    received: np.ndarray
    bytes: int
    logits: np.ndarray | None = None


class Policy(Protocol):
    """Decides after each look at one photo; made anew for the next photo."""

    def reply(self, look: Look) -> Reply:
        """What to tell the node."""
        ...


def margin(logits: np.ndarray) -> float:
    """How sure a classifier is: the first guess's logit less the second's, the logarithm of their chances' ratio."""
    second, first = np.partition(np.asarray(logits, float), -2)[-2:]
    return float(first - second)


def change_db(before: np.ndarray, after: np.ndarray) -> float:
    """PSNR of the picture before against the picture after, dB; 99 where nothing changed.

    Without an original this tells what the last bytes brought, and, as what comes later is less important, the most
    that as many bytes more can be expected to bring.

    Args:
        before: uint8 [height, width, 3].
        after: uint8 of the same shape.
    """
    error = float(np.mean((before.astype(float) - after.astype(float)) ** 2))
    return 99.0 if error == 0 else min(float(10 * np.log10(255**2 / error)), 99.0)


def region_wanted(look: Look, share: float = 0.5) -> Region | None:
    """Where more would show most: the window with the most detail whose symbols are missing.

    Detail is the mean difference of neighbouring pixels' luma over a latent position, weighted by the share of its
    symbols that have not come.

    Args:
        look: at the photo.
        share: height and width of the window as a share of the latent's.

    Returns:
        None where nothing is missing.

    Raises:
        UsageError: a share that is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise UsageError(f"a region's share of the picture is above 0 and at most 1, not {share:g}")
    missing = 1 - np.asarray(look.received, float).mean(axis=2)
    if not missing.any():
        return None
    rows, columns = missing.shape
    luma = look.picture.astype(float) @ LUMA
    detail = np.abs(np.diff(luma, axis=0, append=luma[-1:])) + np.abs(np.diff(luma, axis=1, append=luma[:, -1:]))
    where_y = np.arange(luma.shape[0]) * rows // luma.shape[0]
    where_x = np.arange(luma.shape[1]) * columns // luma.shape[1]
    worth = np.zeros((rows, columns))
    np.add.at(worth, (where_y[:, None], where_x[None, :]), detail)
    # A flat picture says nothing: then it is the missing symbols alone.
    worth = (worth + 1e-9) * missing
    height, width = max(round(rows * share), 1), max(round(columns * share), 1)
    sums = np.pad(worth.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    windows = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    top, left = (int(at) for at in np.unravel_index(np.argmax(windows), windows.shape))
    return Region(top, top + height, left, left + width)


@dataclass(frozen=True)
class ByConfidence:
    """Enough as soon as a classifier is sure, or so much has come that more would hardly help it.

    Attributes:
        least: margin from which on it is sure.
        most_bytes: that a photo may cost.
        regional: asks for more where the picture lacks most, once; else for more of everything.
        share: of the region, as for region_wanted.
    """

    least: float
    most_bytes: float
    regional: bool = False
    share: float = 0.5

    def reply(self, look: Look) -> Reply:
        """See Policy.

        Raises:
            UsageError: a look without logits.
        """
        if look.logits is None:
            raise UsageError("this policy asks a classifier; give the look its logits, or decide by change")
        if margin(look.logits) >= self.least or look.bytes >= self.most_bytes:
            return Reply(Answer.ENOUGH)
        region = region_wanted(look, self.share)
        if region is None:
            return Reply(Answer.ENOUGH)
        return Reply(Answer.MORE_HERE, region) if self.regional else Reply(Answer.MORE)


class ByChange:
    """Enough as soon as the picture no longer changes, for receivers without a classifier.

    Args:
        least_db: change_db of two successive looks from which on they are the same.
        most_bytes: that a photo may cost.
    """

    def __init__(self, least_db: float, most_bytes: float) -> None:
        self.least_db, self.most_bytes = least_db, most_bytes
        self._before: np.ndarray | None = None

    def reply(self, look: Look) -> Reply:
        """See Policy."""
        before, self._before = self._before, look.picture
        still = before is not None and change_db(before, look.picture) >= self.least_db
        done = bool(np.all(look.received)) or look.bytes >= self.most_bytes
        return Reply(Answer.ENOUGH if still or done else Answer.MORE)


class ByRegion:
    """More of one region first, as somebody asks who has seen the first packets; never enough.

    Args:
        region: of the latent.
        after: looks before it is asked for.
    """

    def __init__(self, region: Region, after: int = 2) -> None:
        self.region, self._left = region, after

    def reply(self, look: Look) -> Reply:
        """See Policy."""
        self._left -= 1
        r = self.region
        if self._left > 0 or np.all(look.received[r.top : r.bottom, r.left : r.right]):
            return Reply(Answer.MORE)
        return Reply(Answer.MORE_HERE, r)
