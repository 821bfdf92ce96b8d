# SPDX-License-Identifier: Apache-2.0
"""What a node remembers, through ten thousand lives with a power cut or a refusing flash at any write or erase."""

import subprocess
from pathlib import Path

from support.core_library import FIRMWARE, SANITIZERS, WARNINGS, build_sealing_program

LIVES = 10_000
SEALING_LIVES = 1_000


def test_no_failure_of_the_flash_loses_a_record_that_was_kept(tmp_path: Path) -> None:
    program = tmp_path / "settings"
    faults = [FIRMWARE / "test/faults/settings.c", FIRMWARE / "test/faults/flash.c"]
    sources = [*faults, FIRMWARE / "app/settings.c", FIRMWARE / "core/crc.c"]
    subprocess.run(["gcc", *WARNINGS, "-O1", "-g", *SANITIZERS, "-I", FIRMWARE, "-o", program, *sources], check=True)
    run = subprocess.run([program, str(LIVES), "1"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = {what: int(count) for what, count in map(str.split, run.stdout.splitlines())}
    assert min(counts.values()) > LIVES, counts


def test_no_failure_of_the_flash_makes_a_node_use_a_counter_twice(tmp_path: Path) -> None:
    faults = [FIRMWARE / "test/faults/counter.c", FIRMWARE / "test/faults/flash.c"]
    app = [FIRMWARE / "app" / name for name in ("settings.c", "counter.c", "sealing.c")]
    program = build_sealing_program(tmp_path, "counter", [*faults, *app])
    run = subprocess.run([program, str(SEALING_LIVES), "1"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    counts = {what: int(count) for what, count in map(str.split, run.stdout.splitlines())}
    assert min(counts.values()) > SEALING_LIVES, counts
