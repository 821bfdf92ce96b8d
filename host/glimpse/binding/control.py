# SPDX-License-Identifier: Apache-2.0
"""What goes between a node and its receiver besides pictures: downlinks, telemetry and the settings in both."""

from glimpse.binding.downlink import (
    MAX_SEQUENCE,
    Command,
    Downlink,
    Enough,
    Have,
    More,
    MoreHere,
    MoreTo,
    Reboot,
    Set,
    Status,
    Unknown,
    read_downlink,
    write_downlink,
)
from glimpse.binding.settings import (
    BUILTIN_SLOT,
    SETTINGS,
    Setting,
    Settings,
)
from glimpse.binding.telemetry import (
    RESET_CAUSES,
    RESULTS,
    TRIGGERS,
    Answer,
    Telemetry,
    merge_telemetry,
    read_telemetry,
    write_telemetry,
)

__all__ = [
    "BUILTIN_SLOT",
    "MAX_SEQUENCE",
    "RESET_CAUSES",
    "RESULTS",
    "SETTINGS",
    "TRIGGERS",
    "Answer",
    "Command",
    "Downlink",
    "Enough",
    "Have",
    "More",
    "MoreHere",
    "MoreTo",
    "Reboot",
    "Set",
    "Setting",
    "Settings",
    "Status",
    "Telemetry",
    "Unknown",
    "merge_telemetry",
    "read_downlink",
    "read_telemetry",
    "write_downlink",
    "write_telemetry",
]
