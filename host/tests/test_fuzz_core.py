# SPDX-License-Identifier: Apache-2.0
"""A million hostile inputs against the core's parsers, compiled with the address and undefined-behaviour sanitizers."""

import subprocess
from pathlib import Path

from support.core_library import FIRMWARE, WARNINGS

COUNT = 1_060_000  # 19 in 20 of them are serial frames and packets
EXPECTED = {
    "serial": {"accepted", "length", "check", "encoding"},
    "packet": {
        "accepted", "length", "check", "version", "kind", "model", "revision", "frame", "range", "body"
    },
    "codec": {"accepted", "model_format"},
}  # fmt: skip


def test_no_input_breaks_the_core_and_every_rejection_reason_occurs(tmp_path: Path) -> None:
    program = tmp_path / "fuzz_core"
    sources = [FIRMWARE / "test/fuzz/fuzz_core.c", *sorted((FIRMWARE / "core").glob("*.c"))]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    command = ["gcc", *WARNINGS, "-O2", "-g", *sanitizers, "-I", FIRMWARE, "-o", program, *sources]
    subprocess.run(command, check=True)

    run = subprocess.run([program, str(COUNT), "1"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr

    counts: dict[str, dict[str, int]] = {}
    for line in run.stdout.splitlines():
        target, reason, count = line.split()
        counts.setdefault(target, {})[reason] = int(count)
    assert {target: set(reasons) for target, reasons in counts.items()} == EXPECTED
    assert min(min(reasons.values()) for reasons in counts.values()) > 100, counts
    assert sum(counts["packet"].values()) == COUNT * 11 // 20
    assert sum(counts["codec"].values()) == COUNT // 20
