# SPDX-License-Identifier: Apache-2.0
"""A program's standard input and output as a serial line."""

import contextlib
import queue
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from glimpse.errors import GlimpseError
from glimpse.targets.client import Stream


class ProcessStream(Stream):
    """Standard input and output of a process as a serial line.

    Args:
        command: its words.
        folder: that it runs in.
        pipes: more file descriptors that it inherits.
    """

    def __init__(self, command: list[str], folder: Path, pipes: Sequence[int] = ()) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would stop the process when full
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            start_new_session=True,
            pass_fds=tuple(pipes),
        )
        self.arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.pump = threading.Thread(target=self._pump, daemon=True)
        self.pump.start()

    def _pump(self) -> None:
        stdout = self.process.stdout
        while stdout and (data := stdout.read1(65536)):
            self.arrived.put(data)

    def read(self, timeout: float) -> bytes:
        """What the process printed."""
        try:
            return self.arrived.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            if self.process.poll() is not None and self.arrived.empty():
                raise self._ended() from None
            return b""

    def _ended(self) -> GlimpseError:
        status = self.process.wait()
        self.errors.seek(0)
        message = self.errors.read().decode(errors="replace").strip() or "no message"
        return GlimpseError(f"the emulator ended with status {status}: {message}")

    def write(self, data: bytes) -> None:
        """To the process's standard input."""
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        self.pump.join(timeout=1)
        with contextlib.suppress(BrokenPipeError):  # bytes that the process will not read any more
            self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()
