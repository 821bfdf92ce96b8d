# SPDX-License-Identifier: Apache-2.0
"""Start a board that needs no hardware: an emulated one (this is what knows the emulator's command line) or native.

    python boards/platform/tools/run_board.py [--timeout SECONDS] [--scratch] BOARD PROGRAM

PROGRAM is firmware.elf with its firmware.bin beside it, or the host's program. The serial line is standard input and
output. Files of the board (camera.rgb, slot0.bin, settings_a.bin, ...) are those of the working directory, or of a
folder that is deleted afterwards with --scratch. Exits with the status of the firmware; 124 when it had not ended
after --timeout.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BOARDS = Path(__file__).resolve().parents[2]


def is_emulated(board: str) -> bool:
    """Say whether boards/`board`.json describes a machine of QEMU."""
    description = BOARDS / f"{board}.json"
    return description.is_file() and "qemu" in json.loads(description.read_text())


def command(board: str, elf: Path, *, serial: str = "stdio", modem: str | None = None) -> list[str]:
    """Return the command that runs `elf` (its .bin lies beside it) on `board`, serial line to `serial`.

    modem: the terminal of a modem on the second line; native: its environment names that (GLIMPSE_MODEM).
    """
    if board == "native":
        return [str(elf)]
    qemu = json.loads((BOARDS / f"{board}.json").read_text())["qemu"]
    line = ["qemu-system-arm", "-M", qemu["machine"], *qemu["arguments"], "-kernel", str(elf)]
    if "binary_copy_address" in qemu:  # the core fetches its vectors through another alias of its flash
        line += ["-device", f"loader,file={elf.with_suffix('.bin')},addr={qemu['binary_copy_address']}"]
    line += ["-icount", f"shift={qemu['icount_shift']}"]  # a fixed time per instruction, so that timers count them
    line += ["-display", "none", "-monitor", "none", "-serial", serial]
    line += ["-serial", modem] if modem else []
    return [*line, "-semihosting-config", "enable=on,target=native"]


def run(board: str, elf: Path, *, timeout: float | None = None, folder: Path | None = None) -> int:
    """Run in the foreground; return the firmware's exit status, 124 after `timeout` seconds."""
    if board != "native" and shutil.which("qemu-system-arm") is None:
        print("Error: qemu-system-arm is not installed; run `make setup`.", file=sys.stderr)
        return 1
    try:
        return subprocess.run(command(board, elf.resolve()), timeout=timeout, cwd=folder, check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"Error: the program had not ended after {timeout:g} seconds.", file=sys.stderr)
        return 124
    except KeyboardInterrupt:
        return 130


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Start an emulated board, or native.")
    parser.add_argument("--timeout", type=float, help="seconds after which a program that has not ended has failed")
    parser.add_argument("--scratch", action="store_true", help="keep the board's files in a temporary folder")
    parser.add_argument("board")
    parser.add_argument("elf", type=Path)
    options = parser.parse_args()
    if options.board != "native" and not is_emulated(options.board):
        names = ", ".join(sorted(path.stem for path in BOARDS.glob("*.json") if is_emulated(path.stem)))
        parser.error(f"{options.board} is not native or an emulated board ({names})")
    if not options.scratch:
        return run(options.board, options.elf, timeout=options.timeout)
    with tempfile.TemporaryDirectory(prefix="glimpse-board-") as folder:
        return run(options.board, options.elf, timeout=options.timeout, folder=Path(folder))


if __name__ == "__main__":
    sys.exit(main())
