# SPDX-License-Identifier: Apache-2.0
"""Emulated boards: the board's own firmware in QEMU, its camera and flash as files in a temporary folder."""

import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from glimpse import firmware
from glimpse.errors import GlimpseError, UsageError
from glimpse.targets.client import GREETING, SerialNode, Stream
from glimpse.targets.node import Capture
from glimpse.zoo import ZooModel

ENVIRONMENTS = {
    "cortex-m7": "qemu_cortex_m7",
    "cortex-m33": "qemu_cortex_m33",
    "cortex-m7-tflm": "qemu_cortex_m7_tflm",
    "cortex-m33-tflm": "qemu_cortex_m33_tflm",
}
SLOT_BYTES = 1 << 18


class ProcessStream(Stream):
    """Standard input and output of a process as a serial line."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._pump, daemon=True).start()

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
                error = self.process.stderr.read().decode(errors="replace").strip() if self.process.stderr else ""
                raise GlimpseError(
                    f"the emulator ended with status {self.process.returncode}: {error or 'no message'}"
                ) from None
            return b""

    def write(self, data: bytes) -> None:
        """To the process's standard input."""
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.read(0.1)

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:  # bytes that the process will not read any more
                continue


class SimNode(SerialNode):
    """A node in the emulator. Photos reach it as a camera's rows, not over the serial line."""

    def __init__(self, environment: str, model: ZooModel | None, folder: Path | None = None) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="glimpse-")
        self.folder = folder or Path(self._temporary.name)
        self.elf = firmware.build(environment)
        if shutil.which("qemu-system-arm") is None:
            raise GlimpseError("qemu-system-arm is not installed; run `make setup`, or use --target native")
        if model is not None and model.blob not in self.elf.read_bytes():  # not built in: as if flashed into a slot
            if len(model.blob) > SLOT_BYTES:
                raise GlimpseError(
                    f"the model has {len(model.blob)} bytes, a model slot {SLOT_BYTES}; choose a smaller model"
                )
            (self.folder / "slot0.bin").write_bytes(model.blob.ljust(SLOT_BYTES, b"\xff"))
        command = firmware.platform_tool("run_board").command(environment.removesuffix("_tflm"), self.elf)
        super().__init__(ProcessStream(command, self.folder), f"the emulated {environment}", patience=20.0)
        try:
            self.receive(GREETING)  # bytes sent to a core that has not opened its line yet are lost
            if model is not None:
                self.use_model(model.blob, model.binding.check)
        except BaseException:
            self.close()
            raise

    def capture(
        self,
        photo: np.ndarray | None,
        *,
        payload: int = 51,
        coding: str = "range",
        frame: int | None = 0,
        budget: int | None = None,
        pattern: bool = False,
        on_packet: Callable[[bytes], None] | None = None,
    ) -> Capture:
        """Encodes one frame that the emulated camera delivers; see Node.capture."""
        if photo is None and not pattern:
            raise GlimpseError("an emulated board sees what it is given; give a photo, or --pattern for a test pattern")
        if photo is not None:
            (self.folder / "camera.rgb").write_bytes(photo.tobytes())
        source = "NODE_SOURCE_PATTERN" if pattern else "NODE_SOURCE_CAMERA"
        return self._capture(source, photo, payload, coding, frame, budget, on_packet)

    def close(self) -> None:
        """Stops the emulator and removes its files."""
        super().close()
        if self._temporary:
            self._temporary.cleanup()


def open_sim(core: str, model: ZooModel) -> SimNode:
    """An emulated board by the name of its core.

    Raises:
        UsageError: there is no such board.
    """
    if core not in ENVIRONMENTS:
        raise UsageError(f"there is no emulated {core!r}; use sim:cortex-m7 or sim:cortex-m33")
    return SimNode(ENVIRONMENTS[core], model)
