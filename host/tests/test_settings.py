# SPDX-License-Identifier: Apache-2.0
"""What a node remembers, through thousands of lives with a power cut or a refusing flash at any write or erase, and
through one life with a power cut at every write and erase in turn."""

import subprocess
from pathlib import Path

from support.core_library import FIRMWARE, SANITIZERS, WARNINGS, build_sealing_program
from support.networks import CMSIS_NN

FAULTS, APP = FIRMWARE / "test" / "faults", FIRMWARE / "app"


def counts(program: Path, *words: str) -> dict[str, int]:
    """Runs a program of firmware/test/faults: no life breaks a promise. How often each thing happened."""
    run = subprocess.run([program, *words], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return {what: int(number) for what, number in map(str.split, run.stdout.splitlines())}


def lives(program: Path, count: int) -> None:
    """Random lives: each thing happens in many of them."""
    seen = counts(program, str(count), "1")
    assert min(seen.values()) > count // 2, seen


def cut_everywhere(program: Path) -> None:
    """The same life again and again, with the power cut at each write and erase in turn."""
    seen = counts(program, "every")
    assert min(seen.values()) > 0, seen


def build(folder: Path, name: str, sources: list[Path]) -> Path:
    """FAULTS/NAME.c over app/settings.c, with the sanitizers on."""
    program = folder / name
    headers = ["-I", FIRMWARE, "-isystem", CMSIS_NN / "Include"]
    every = [FAULTS / f"{name}.c", FAULTS / "flash.c", APP / "settings.c", *sources]
    subprocess.run(["gcc", *WARNINGS, "-O1", "-g", *SANITIZERS, *headers, "-o", program, *every], check=True)
    return program


def test_no_failure_of_the_flash_loses_a_record_that_was_kept(tmp_path: Path) -> None:
    core = [FIRMWARE / "core" / f"{name}.c" for name in ("crc", "field", "setting")]
    program = build(tmp_path, "settings", core)
    lives(program, 10_000)
    cut_everywhere(program)


def test_a_downlink_is_done_once_and_whole_whatever_the_flash_does(tmp_path: Path) -> None:
    lives(
        build(tmp_path, "remote", [APP / "remote.c", APP / "trial.c", *sorted((FIRMWARE / "core").glob("*.c"))]), 2000
    )


def test_no_failure_of_the_flash_makes_a_node_use_a_counter_twice(tmp_path: Path) -> None:
    app = [APP / name for name in ("settings.c", "counter.c", "sealing.c")]
    program = build_sealing_program(tmp_path, "counter", [FAULTS / "counter.c", FAULTS / "flash.c", *app])
    lives(program, 1000)
    cut_everywhere(program)


def test_no_failure_of_the_flash_puts_too_much_on_the_air_in_an_hour_or_a_day(tmp_path: Path) -> None:
    program = build(tmp_path, "duty", [APP / "duty.c", *sorted((FIRMWARE / "core").glob("*.c"))])
    lives(program, 300)
    cut_everywhere(program)
