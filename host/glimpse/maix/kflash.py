# SPDX-License-Identifier: Apache-2.0
"""Programs a K210 board's flash with kflash, a program of its own."""

import importlib.util
import queue
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from glimpse.errors import GlimpseError, UsageError
from glimpse.progress import progress
from glimpse.targets.serial_port import PortStream

BOARDS = ("dan", "bit", "bit_mic", "goE", "goD", "maixduino", "trainer", "kd233")
"""kflash's names for how a board is brought into its loader. dan: Maix Dock and most others with one USB chip."""
DEFAULT_BOARD = "dan"
DEFAULT_BAUD = 1_500_000
SILENCE = 120.0
"""Seconds without a word after which kflash is stopped: on a write that is never answered it tries for ever."""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DONE = re.compile(r"(\d+(?:\.\d+)?)%")


def command() -> list[str]:
    """How kflash is started.

    Raises:
        GlimpseError: it is not installed.
    """
    if importlib.util.find_spec("kflash") is None:
        raise GlimpseError("kflash is not installed; run pip install 'glimpse-lpwan[maix]'")
    return [sys.executable, "-m", "kflash"]


def check_board(board: str) -> str:
    """The board by kflash's name.

    Raises:
        UsageError: kflash knows no such board.
    """
    if board not in BOARDS:
        raise UsageError(f"kflash knows no board {board!r}; use --board {', '.join(BOARDS[:-1])} or {BOARDS[-1]}")
    return board


def program(port: str, package: bytes, board: str = DEFAULT_BOARD, baud: int = DEFAULT_BAUD) -> None:
    """Writes a package to the flash of the board on this port, and starts the board.

    Args:
        port: a serial port.
        package: a .kfpkg.
        board: one of BOARDS.
        baud: speed of the writing.

    Raises:
        UsageError: there is no such board.
        GlimpseError: kflash is missing, the port is missing, busy or not permitted, no board answers, or it failed.
    """
    start = command()
    check_board(board)
    PortStream(port, let_go=True).close()  # what is wrong with a port, in a sentence
    with tempfile.TemporaryDirectory(prefix="glimpse-") as folder:
        file = Path(folder) / "node.kfpkg"  # kflash knows a package by its name
        file.write_bytes(package)
        # -n: no colours, which would stand in the middle of its sentences
        said, status = _run([*start, "-n", "-p", port, "-b", str(baud), "-B", board, str(file)])
    if status:
        raise GlimpseError(_sentence(port, said))


def _run(words: list[str]) -> tuple[list[str], int]:
    """Lines that it said, the last one last, and its exit status."""
    lines: queue.Queue[str | None] = queue.Queue()
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        # Universal newlines: its progress bar writes over itself, and each time is a line here.
        thread = threading.Thread(target=_hear, args=(process, lines), daemon=True)
        thread.start()
        said: list[str] = []
        try:
            with progress("waiting for the board's loader", 100) as task:
                shown = 0.0
                while (line := lines.get(timeout=SILENCE)) is not None:
                    if percent := _DONE.search(line):
                        value = float(percent[1])
                        task.advance(value - shown)
                        task.say("loading the programmer" if "ISP" in line else "programming the flash")
                        shown = value
                    else:
                        said.append(line)
        except queue.Empty:
            said.append(f"it said nothing for {SILENCE:g} s")
            process.kill()
        except BaseException:
            process.kill()
            raise
        status = process.wait()
    return said, status


def _hear(process: subprocess.Popen[str], lines: "queue.Queue[str | None]") -> None:
    assert process.stdout
    for line in process.stdout:
        if text := _ESCAPES.sub("", line).strip():
            lines.put(text)
    lines.put(None)


def _sentence(port: str, said: list[str]) -> str:
    """Why kflash gave up, in its own words where they say something."""
    last = next((line for line in reversed(said) if re.search(r"[A-Za-z]{3}", line)), "it said nothing")
    if "Greeting fail" in last or "No valid Kendryte" in last:
        return (
            f"no K210 answers on {port}; check the cable, name another board with --board (bit, goE, maixduino, ...), "
            "or hold the BOOT button while you start"
        )
    reason = re.sub(r"^\[\w+\]\s*", "", last).rstrip(". ")
    return f"kflash could not program the board on {port}: {reason}; try again, with --baud 115200 if the cable is long"
