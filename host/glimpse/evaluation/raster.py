# SPDX-License-Identifier: Apache-2.0
"""The rival that LimitNet names first: an autoencoder of one rate, cut short.

Its symbols leave as they lie in memory, row by row, all channels of a place together, and nobody knows which of them
matter. What the budget does not hold is missing at the bottom of the picture. All the rest is as in the model it is
made of: network, quantiser, entropy coder, headers, and a decoder that is told which symbols came. Where that model was
trained to lose what is least important, this rival is too, and the better for it; one that never was is a model of
the plain kind, such as Starfish before its tuning for losses.
"""

from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path

from glimpse.export.blob import build_blob
from glimpse.export.folder import patches_from_folder, read_file, spec_from_folder
from glimpse.zoo import ZooModel


class RasterModel(ZooModel):
    """A model folder whose symbols leave in raster order."""

    @cached_property
    def blob(self) -> bytes:
        """The model blob with its order exchanged."""
        spec = replace(spec_from_folder(self.folder), order="interleaved", stride=1, offset=0, saliency=None)
        return build_blob(read_file(self.folder / "encoder.tflite"), spec, patches_from_folder(self.folder))


@lru_cache
def raster_model(folder: Path) -> RasterModel:
    """The rival made of a model folder.

    Raises:
        GlimpseError: the folder cannot be read.
    """
    return RasterModel(folder)
