# SPDX-License-Identifier: Apache-2.0
"""The receiver: packets of many nodes and frames in, pictures and counters out (docs/receiving.md)."""

from glimpse.receiving.frame import Frame
from glimpse.receiving.kinds import Handler, Opener, Refused
from glimpse.receiving.limits import Limits
from glimpse.receiving.receiver import Receiver
from glimpse.receiving.reception import Kept, Reception
from glimpse.receiving.sealed import Keys
from glimpse.receiving.state import State
from glimpse.receiving.tally import Tally

__all__ = [
    "Frame",
    "Handler",
    "Kept",
    "Keys",
    "Limits",
    "Opener",
    "Receiver",
    "Reception",
    "Refused",
    "State",
    "Tally",
]
