# SPDX-License-Identifier: Apache-2.0
"""What a node remembers, through thousands of lives with a power cut or a refusing flash at any write or erase."""

import subprocess
from pathlib import Path

from support.core_library import FIRMWARE, WARNINGS
from support.networks import CMSIS_NN

CORE = FIRMWARE / "core"


def lives(folder: Path, program: str, sources: list[Path], count: int) -> dict[str, int]:
    """Builds firmware/test/faults/PROGRAM.c with the sanitizers and runs it; how often each thing happened."""
    target = folder / program
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    include = ["-I", FIRMWARE, "-isystem", CMSIS_NN / "Include"]
    every = [FIRMWARE / "test/faults" / f"{program}.c", FIRMWARE / "app/settings.c", *sources]
    subprocess.run(["gcc", *WARNINGS, "-O1", "-g", *sanitizers, *include, "-o", target, *every], check=True)
    run = subprocess.run([target, str(count), "1"], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return {what: int(number) for what, number in map(str.split, run.stdout.splitlines())}


def test_no_failure_of_the_flash_loses_a_record_that_was_kept(tmp_path: Path) -> None:
    counts = lives(tmp_path, "settings", [CORE / f"{name}.c" for name in ("crc", "field", "setting")], 10_000)
    assert min(counts.values()) > 10_000, counts


def test_a_downlink_is_done_once_and_whole_whatever_the_flash_does(tmp_path: Path) -> None:
    counts = lives(tmp_path, "remote", [FIRMWARE / "app/remote.c", *sorted(CORE.glob("*.c"))], 2000)
    assert min(counts.values()) > 2000, counts
