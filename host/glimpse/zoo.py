# SPDX-License-Identifier: Apache-2.0
"""The models that come with Glimpse, and any folder of the same shape."""

import os
from functools import cached_property, lru_cache
from pathlib import Path

from glimpse.binding import Model
from glimpse.errors import GlimpseError
from glimpse.export.folder import blob_from_folder

PACKAGE = Path(__file__).resolve().parent
# A built package carries its models; a checkout is read in place.
FOLDERS = (PACKAGE / "_models", PACKAGE.parents[1] / "models")
DEFAULT = "mcucoder"


class ZooModel:
    """One model folder: network for the node, network for the host, tables.

    Args:
        folder: has model.toml, encoder.tflite, tables.json and decoder.tflite.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def blob(self) -> bytes:
        """The model blob, as a node holds it."""
        return blob_from_folder(self.folder)

    @cached_property
    def binding(self) -> Model:
        """The blob loaded into the C code in this process."""
        return Model(self.blob)

    @property
    def name(self) -> str:
        """The model's name as it stands in the blob."""
        return self.binding.name

    @cached_property
    def decoder_tflite(self) -> bytes:
        """The decoder network.

        Raises:
            GlimpseError: when the folder has none.
        """
        try:
            return (self.folder / "decoder.tflite").read_bytes()
        except OSError as error:
            raise GlimpseError(
                f"{self.folder} has no readable decoder.tflite ({error.strerror}); export the model again"
            ) from error


def names() -> list[str]:
    """Names of the models at hand, sorted."""
    return sorted({file.parent.name for folder in FOLDERS for file in folder.glob("*/model.toml")})


@lru_cache
def load(name: str = DEFAULT, archives: tuple[Path, ...] = ()) -> ZooModel:
    """A model by name, by name and revision (`mcucoder@4`), or by the path of its folder.

    Args:
        name: of the current revision, or with the revision that is meant.
        archives: folders to look for old revisions in, before the usual ones (see glimpse.archive).

    Raises:
        GlimpseError: when there is none of that name.
    """
    shipped = () if "/" in name or os.sep in name else (f / name for f in FOLDERS)  # ./mcucoder is a folder here
    for folder in (*shipped, Path(name)):
        if (folder / "model.toml").is_file():
            return ZooModel(folder)
    base, at, revision = name.rpartition("@")
    if at and revision.isascii() and revision.isdecimal() and len(revision) <= 3:
        from glimpse import archive  # which lists the zoo, so it cannot be imported the other way round

        return archive.find(base, int(revision), archives)
    raise GlimpseError(f"there is no model {name!r}; choose {' or '.join(names()) or 'a model folder'}")


def by_id(number: int) -> ZooModel:
    """The model whose packets carry this number.

    Raises:
        GlimpseError: when none has it.
    """
    for name in names():
        if load(name).binding.id == number:
            return load(name)
    raise GlimpseError(f"no model at hand has the number {number} that the packets name; give its folder with --model")
