# SPDX-License-Identifier: Apache-2.0
# Serial lines, watchdog and reset. A reset is an exit that the runtime answers with a new start.
import sys

from uctypes import addressof
from utime import ticks_diff, ticks_ms

import host

PWRON_RESET = 0
WDT_RESET = 1
SOFT_RESET = 3


def reset():
    sys.exit("reset")


def reset_cause():
    return {"power": PWRON_RESET, "reset": SOFT_RESET, "watchdog": WDT_RESET}[host.cause]


def unique_id():
    return b"emulated"


class UART:
    UART1, UART2, UART3, UARTHS = 0, 1, 2, 3
    _repl = None

    def __init__(self, number, *words, **more):
        self._line = 0 if number in (UART.UARTHS, UART.UART1) else 1
        if self._line >= host.line_count():
            raise ValueError("[MAIXPY]UART: nothing is there")

    @staticmethod
    def repl_uart():
        if UART._repl is None:
            UART._repl = UART(UART.UARTHS)
        return UART._repl

    def init(self, *words, **more):
        pass

    def deinit(self):
        pass

    def any(self):
        return host.line_any(self._line)

    def readinto(self, buffer, count=None):
        return host.line_read(self._line, addressof(buffer), len(buffer) if count is None else count) or None

    def read(self, count=256):
        buffer = bytearray(count)
        return bytes(buffer[: host.line_read(self._line, addressof(buffer), count)]) or None

    def write(self, data):
        data = bytearray(data)
        return host.line_write(self._line, addressof(data), len(data))


class WDT:
    # Bites when it is fed too late, which is when it would have bitten.
    def __init__(self, id=0, timeout=5000, callback=None, context=None):
        self._timeout = timeout
        self._fed = ticks_ms()

    def feed(self):
        now = ticks_ms()
        if ticks_diff(now, self._fed) > self._timeout:
            sys.exit("watchdog")
        self._fed = now

    def stop(self):
        self._timeout = 1 << 29
