# SPDX-License-Identifier: Apache-2.0
# Requests to whoever plays camera and KPU (host/glimpse/targets/k210.py has the same numbers).
from uctypes import addressof

import host

CAMERA = 1  # width u16, height u16 -> RGB565; refused: no camera
LOAD = 2  # path -> number u8
FORWARD = 3  # number u8, width u16, height u16, planes -> type code B or f, and what the KPU gives


def ask(kind, data, error):
    count = host.ask(kind, addressof(data), len(data))
    if count < 0:
        raise error(host.why())
    answer = bytearray(count)
    if count:
        host.fetch(addressof(answer))
    return answer
