# SPDX-License-Identifier: Apache-2.0
"""The codecs that can be trained, by name."""

from dataclasses import replace

from glimpse.errors import UsageError
from glimpse.training import starfish
from glimpse.training.definition import PHOTO_SIDE, Definition
from glimpse.training.limitnet import LIMITNET
from glimpse.training.mcucoder import MCUCODER, MCUCODER_MSE

DEFINITIONS = {d.name: d for d in (MCUCODER, MCUCODER_MSE, LIMITNET, starfish.STARFISH)}


def definition(name: str, patches: int | None = None, levels: int | None = None) -> Definition:
    """A definition by name, with another number of patches or levels where the codec allows it.

    Args:
        name: of the codec.
        patches: in all: 1, 4 or 16; Starfish only.
        levels: bins of the quantiser, 2..256.

    Raises:
        UsageError: an unknown name, or a number that the codec cannot have.
    """
    if name not in DEFINITIONS:
        raise UsageError(f"there is no codec {name!r} to train; choose {', '.join(DEFINITIONS)}")
    found = DEFINITIONS[name]
    if patches is not None and patches != found.patches**2:
        if name != "starfish" or patches not in (1, 4, 16):
            raise UsageError(f"{name} cannot be trained on {patches} patches; only starfish has 1, 4 or 16")
        found = starfish.definition(patches={1: 1, 4: 2, 16: 4}[patches], levels=found.levels)
    if levels is not None:
        if not 2 <= levels <= 256:
            raise UsageError(f"a quantiser has 2 to 256 levels, not {levels}")
        found = replace(found, levels=levels)
    assert PHOTO_SIDE % (8 * found.patches) == 0
    return found
