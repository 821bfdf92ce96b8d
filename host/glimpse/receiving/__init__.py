# SPDX-License-Identifier: Apache-2.0
"""The receiver: packets of many nodes and frames in, pictures and counters out (docs/receiving.md)."""

from glimpse.receiving.frame import Frame
from glimpse.receiving.kinds import Handler, Opener, Refused
from glimpse.receiving.limits import Limits
from glimpse.receiving.receiver import Kept, Receiver, Reception
from glimpse.receiving.tally import Tally

__all__ = ["Frame", "Handler", "Kept", "Limits", "Opener", "Receiver", "Reception", "Refused", "Tally"]
