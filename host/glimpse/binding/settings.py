# SPDX-License-Identifier: Apache-2.0
"""A node's remote settings, by name, and as the C core holds and checks them."""

from collections.abc import Mapping

from glimpse._core import ffi, lib
from glimpse.errors import GlimpseError

BUILTIN_SLOT = lib.GLIMPSE_SLOT_BUILTIN
PARITY_GROUP = lib.GLIMPSE_PARITY_GROUP
SETTING_TYPES = {
    "period": lib.GLIMPSE_SETTING_PERIOD,
    "deadline": lib.GLIMPSE_SETTING_DEADLINE,
    "crop": lib.GLIMPSE_SETTING_CROP,
    "budget": lib.GLIMPSE_SETTING_BUDGET,
    "payload": lib.GLIMPSE_SETTING_PAYLOAD,
    "channels": lib.GLIMPSE_SETTING_CHANNELS,
    "slot": lib.GLIMPSE_SETTING_SLOT,
    "prior": lib.GLIMPSE_SETTING_PRIOR,
    "parity": lib.GLIMPSE_SETTING_PARITY,
    "parity_first": lib.GLIMPSE_SETTING_PARITY_FIRST,
    "quiet": lib.GLIMPSE_SETTING_QUIET,
}
SETTINGS = tuple(SETTING_TYPES)
Setting = int | tuple[int, int, int, int]
Settings = Mapping[str, Setting]


def settings_struct(settings: Settings) -> object:
    """A `glimpse_settings *` with these settings, the others as they are by default.

    Raises:
        GlimpseError: no such setting, or a value that no node takes.
    """
    struct = ffi.new("glimpse_settings *", lib.glimpse_settings_default())
    for name, value in settings.items():
        if name not in SETTING_TYPES:
            raise GlimpseError(f"there is no setting {name}; there are {', '.join(SETTINGS)}")
        _check_setting(name, value)
        setattr(struct, name, value)
    return struct


def _check_setting(name: str, value: Setting) -> None:
    """Asks the C core whether a node would take it."""
    lengths = {"period": 3, "deadline": 3, "budget": 2}
    try:
        if name == "crop":
            text = bytes(value) if isinstance(value, tuple) and len(value) == 4 else b""
        else:
            text = int(value).to_bytes(lengths.get(name, 1), "big")
    except (TypeError, ValueError, OverflowError):
        text = b""
    memory = ffi.new("uint8_t[]", text)
    one = ffi.new("glimpse_field *", {"type": SETTING_TYPES[name], "length": len(text), "value": memory})
    probe = ffi.new("glimpse_settings *", lib.glimpse_settings_default())
    if lib.glimpse_settings_take(probe, one) != 1:
        raise GlimpseError(f"{name} {value} is out of range; docs/wire-format.md lists what a node takes")


def settings_dict(struct: object) -> dict[str, Setting]:
    """All settings in a `glimpse_settings`, by name."""
    crop = struct.crop
    numbers = {name: getattr(struct, name) for name in SETTINGS if name != "crop"}
    return numbers | {"crop": (crop.top, crop.bottom, crop.left, crop.right)}
