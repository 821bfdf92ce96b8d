# SPDX-License-Identifier: Apache-2.0
"""kflash as it is, on a pseudo-terminal, which has no DTR and RTS to pull, and in a hurry."""

import time
from types import SimpleNamespace

import serial

for line in ("_update_dtr_state", "_update_rts_state"):
    setattr(serial.Serial, line, lambda port: None)

import kflash  # noqa: E402

# Its waits for a chip's loader are a tenth as long.
kflash.time = SimpleNamespace(time=lambda: time.time() * 10, sleep=lambda seconds: time.sleep(seconds / 10))
kflash.main()
