# SPDX-License-Identifier: Apache-2.0
"""What a node remembers, through ten thousand lives with a power cut or a refusing flash at any write or erase."""

import subprocess
from pathlib import Path

from support.core_library import FIRMWARE, WARNINGS

LIVES = 10_000


def test_no_failure_of_the_flash_loses_a_record_that_was_kept(tmp_path: Path) -> None:
    program = tmp_path / "settings"
    core = [FIRMWARE / "core" / f"{name}.c" for name in ("crc", "field", "setting")]
    sources = [FIRMWARE / "test/faults/settings.c", FIRMWARE / "app/settings.c", *core]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", *WARNINGS, "-O1", "-g", *sanitizers, "-I", FIRMWARE, "-o", program, *sources], check=True)
    run = subprocess.run([program, str(LIVES), "1"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = {what: int(count) for what, count in map(str.split, run.stdout.splitlines())}
    assert min(counts.values()) > LIVES, counts
