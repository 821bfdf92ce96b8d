# SPDX-License-Identifier: Apache-2.0
"""What everybody makes of one received picture: the eye's measures, a classifier, a detector."""

from dataclasses import dataclass

import numpy as np

from glimpse.evaluation.classify import Classifier, perceptual_distance
from glimpse.evaluation.detect import Detector, Judged, judge
from glimpse.quality import Reference


@dataclass(frozen=True)
class Seen:
    """Attributes as in curves.Row."""

    psnr_db: float
    ms_ssim: float
    top1: float | None = None
    top1_ten: float | None = None
    perceptual: float | None = None
    found: Judged | None = None


class Viewer:
    """Judges pictures of one photo; equal pictures (one JPEG with two kinds of Huffman tables) only once.

    Args:
        photo: uint8 [height, width, 3].
        folder: the photo's class folder, for the classifier.
        classifier: None: no accuracy.
        detector: None: no detection.
    """

    def __init__(
        self, photo: np.ndarray, folder: str, classifier: Classifier | None = None, detector: Detector | None = None
    ) -> None:
        self.folder, self.classifier, self.detector = folder, classifier, detector
        self._reference = Reference(photo)
        self._truth = detector.truth(photo) if detector else []
        self._original = classifier.look(photo) if classifier else None
        self._known: dict[bytes, Seen] = {}

    def see(self, picture: np.ndarray) -> Seen:
        """What a picture is worth.

        Args:
            picture: uint8, of the photo's shape.
        """
        key = picture.tobytes()
        if key not in self._known:
            quality = self._reference.compare(picture)
            top1 = ten = distance = None
            if self.classifier and self._original:
                look = self.classifier.look(picture)
                top1, ten = self.classifier.right(look.scores, self.folder)
                distance = perceptual_distance(self._original, look)
            found = judge(self.detector.find(picture), self._truth) if self.detector else None
            self._known[key] = Seen(quality.psnr_db, quality.ms_ssim, top1, ten, distance, found)
        return self._known[key]
