# SPDX-License-Identifier: Apache-2.0
"""Decoders that are loaded when a picture is first asked for, a few at a time."""

from collections import OrderedDict

import numpy as np

from glimpse.decoder import PictureDecoder
from glimpse.zoo import ZooModel

MOST = 4  # held at a time, some megabytes each


class Decoders:
    """Decoders by model; the one unused for longest gives way."""

    def __init__(self) -> None:
        self._held: OrderedDict[ZooModel, PictureDecoder] = OrderedDict()

    def of(self, model: ZooModel) -> PictureDecoder:
        """The model's decoder, loaded when first asked for."""
        if model not in self._held:
            self._held[model] = PictureDecoder(model)
            if len(self._held) > MOST:
                self._held.popitem(last=False)
        self._held.move_to_end(model)
        return self._held[model]


class LazyDecoder:
    """Stands for a model's decoder until a picture is asked for."""

    def __init__(self, decoders: Decoders, model: ZooModel) -> None:
        self._decoders, self._model = decoders, model

    def decode(self, latent: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """See PictureDecoder.decode."""
        return self._decoders.of(self._model).decode(latent, mask)
