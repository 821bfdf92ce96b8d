# SPDX-License-Identifier: Apache-2.0
"""Photos to try things on, without a network: those that scikit-image carries in its wheel."""

from importlib.util import find_spec
from pathlib import Path

from glimpse.errors import GlimpseError

# File and name for people. All are free to use (public domain or CC0), see scikit-image's data folder.
PHOTOS = {"chelsea.png": "cat", "coffee.png": "coffee", "astronaut.png": "astronaut", "rocket.jpg": "rocket"}


def sample_photos() -> dict[str, Path]:
    """Paths of the sample photos by name.

    Raises:
        GlimpseError: scikit-image, or its photos, are not installed.
    """
    # Finding the package costs nothing; importing it would load SciPy.
    spec = find_spec("skimage")
    folders = [Path(place) / "data" for place in (spec.submodule_search_locations or [])] if spec else []
    found = {name: folder / file for folder in folders for file, name in PHOTOS.items() if (folder / file).is_file()}
    if not found:
        raise GlimpseError(
            "there are no sample photos without scikit-image; type: pip install scikit-image, or name your own photos"
        )
    return found
