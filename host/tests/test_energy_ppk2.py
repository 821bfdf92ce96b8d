# SPDX-License-Identifier: Apache-2.0
"""The PPK2's own package against a terminal that answers as the kit does. The package is under the GPL and part of no
extra but `ppk2`, so this runs only where somebody has installed it."""

import contextlib
import os
import struct
import threading
import time
import tty

import numpy as np
import pytest
from glimpse.energy.meters import PPK2_HERTZ, open_meter

pytest.importorskip("ppk2_api", reason="run: pip install 'glimpse-lpwan[ppk2]'")

START, STOP, METADATA = 0x06, 0x07, 0x19
VALUES = {"R": (1031.64, 101.65, 10.15, 0.94, 0.043), "GS": (1,) * 5, "GI": (1,) * 5, "O": (0,) * 5}
VALUES |= {"S": (0,) * 5, "I": (0,) * 5, "UG": (1,) * 5}
TOLD = ["Calibrated: 0", *(f"{name}{i}: {v}" for name, values in VALUES.items() for i, v in enumerate(values))]
TOLD += ["VDD: 3000", "HW: 9173", "mode: 2", "IA: 56", "END\n"]
RAW, RANGE, MARK = 5000, 3, 2


class Kit:
    """The kit's end of the line: metadata when asked, samples from start to stop."""

    def __init__(self):
        self.line, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(self.line, False)
        self.device, self.heard, self.stop = os.ttyname(theirs), bytearray(), threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        since, sent = None, 0
        while not self.stop.wait(0.002):
            with contextlib.suppress(BlockingIOError, OSError):
                heard = os.read(self.line, 100)
                self.heard += heard
                if heard[0] == METADATA:
                    self._write("\n".join(TOLD).encode())
                elif heard[-1] == START:
                    since = time.monotonic()
                elif heard[0] == STOP:
                    since = None
            if since is not None:
                count = min(int((time.monotonic() - since) * PPK2_HERTZ) - sent, 4000)
                words = (RAW | RANGE << 14 | (sent + i & 0x3F) << 18 | MARK << 24 for i in range(count))
                self._write(b"".join(struct.pack("<I", word) for word in words))
                sent += count

    def _write(self, data):
        os.set_blocking(self.line, True)
        os.write(self.line, data)
        os.set_blocking(self.line, False)


def test_the_kits_own_package_reads_what_the_kit_sends():
    kit = Kit()
    try:
        trace = open_meter(f"ppk2:{kit.device}", 3.0).record(0.3)
    finally:
        kit.stop.set()
        kit.thread.join()
    assert trace.seconds[-1] == pytest.approx(0.3, rel=0.2)
    assert set(trace.marks) == {MARK}
    assert np.ptp(trace.amperes) < 1e-3 and trace.amperes[0] > 0
    assert kit.heard[:1] == bytes([METADATA]) and kit.heard[-1] == STOP
    assert struct.pack(">BH", 0x0D, 3000) in bytes(kit.heard), "3000 mV"
