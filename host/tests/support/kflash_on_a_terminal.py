# SPDX-License-Identifier: Apache-2.0
"""kflash as it is, on a pseudo-terminal, which has no DTR and RTS to pull."""

import serial

for line in ("_update_dtr_state", "_update_rts_state"):
    setattr(serial.Serial, line, lambda port: None)

import kflash  # noqa: E402

kflash.main()
