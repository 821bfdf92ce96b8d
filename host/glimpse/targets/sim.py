# SPDX-License-Identifier: Apache-2.0
"""Emulated boards: the board's own firmware in QEMU, its camera and flash as files in a temporary folder."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from glimpse import firmware
from glimpse.errors import GlimpseError, UsageError
from glimpse.targets.client import GREETING, SerialNode
from glimpse.targets.node import Capture
from glimpse.targets.process import ProcessStream
from glimpse.zoo import ZooModel

ENVIRONMENTS = {
    "cortex-m7": "qemu_cortex_m7",
    "cortex-m33": "qemu_cortex_m33",
    "cortex-m7-tflm": "qemu_cortex_m7_tflm",
    "cortex-m33-tflm": "qemu_cortex_m33_tflm",
}


class SimNode(SerialNode):
    """A node in the emulator. Photos reach it as a camera's rows, not over the serial line.

    Args:
        environment: of platformio.ini.
        model: that it must run: built in, or sent to it; None: whichever it has.
        folder: for its files; None: a temporary one.
        built_in: the folder of the model that its image is built with; None: the standard one.
        modem: the terminal of a modem on its second line; None: nothing is there.
    """

    def __init__(
        self,
        environment: str,
        model: ZooModel | None,
        folder: Path | None = None,
        built_in: Path | None = None,
        modem: str | None = None,
    ) -> None:
        self.elf = firmware.build(environment, built_in)
        if shutil.which("qemu-system-arm") is None:
            raise GlimpseError("qemu-system-arm is not installed; run `make setup`, or use --target native")
        command = firmware.platform_tool("run_board").command(environment.removesuffix("_tflm"), self.elf, modem=modem)
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="glimpse-")
        self.folder = folder or Path(self._temporary.name)
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


def open_sim(core: str, model: ZooModel | None) -> SerialNode:
    """An emulated board by the name of its core, with that model built in; None: the standard one.

    Raises:
        UsageError: there is no such board.
    """
    if core == "k210":
        from glimpse.targets.k210 import K210Node

        return K210Node(model)
    if core not in ENVIRONMENTS:
        raise UsageError(f"there is no emulated {core!r}; use sim:cortex-m7, sim:cortex-m33 or sim:k210")
    return SimNode(ENVIRONMENTS[core], model, built_in=model and model.folder)
