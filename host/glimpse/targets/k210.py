# SPDX-License-Identifier: Apache-2.0
"""The emulated K210 node: firmware/maix under MicroPython's WebAssembly port, its KPU in glimpse.kmodel's simulator.

The node's files run unchanged; stubs answer MaixPy's own modules (firmware/maix/sim). Its photos are those of its
board, RGB565, so packets differ from those of the same photo in 24 bits.
"""

import os
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from glimpse import firmware
from glimpse.errors import GlimpseError
from glimpse.files import make_folder
from glimpse.kmodel import from_tflite, layout
from glimpse.kmodel.simulator import Simulator
from glimpse.targets.client import GREETING, SerialNode
from glimpse.targets.node import Capture
from glimpse.targets.process import ProcessStream
from glimpse.zoo import ZooModel

BLOB, KMODEL = "starfish.blob", "starfish.kmodel"
"""The names that the node's default settings have (firmware/maix/glimpse_settings.py)."""
CARRIER = Path(".deps") / "micropython"
"""Of MicroPython, in the checkout."""
_CAMERA, _LOAD, _FORWARD = 1, 2, 3  # firmware/maix/sim/stubs/asking.py


def to_rgb565(photo: np.ndarray) -> np.ndarray:
    """What a K210's camera and image.Image hold of a photo.

    Args:
        photo: uint8 [height, width, 3].

    Returns:
        uint8 [height, width, 2]: the byte with red first, each colour rounded to 5 or 6 bits as MaixPy's tables do.
    """
    red, green, blue = ((photo[..., c].astype(np.uint16) * most + 127) // 255 for c, most in enumerate((31, 63, 31)))
    return np.stack((red << 3 | green >> 3, (green & 7) << 5 | blue), axis=-1).astype(np.uint8)


def seen_photo(photo: np.ndarray) -> np.ndarray:
    """The photo as a K210 encodes it: through RGB565 and back.

    Args:
        photo: uint8 [height, width, 3].

    Returns:
        uint8 [height, width, 3].
    """
    pixels = to_rgb565(photo).astype(np.uint16)
    red, blue = pixels[..., 0] >> 3, pixels[..., 1] & 31
    green = (pixels[..., 0] & 7) << 3 | pixels[..., 1] >> 5
    planes = [(2 * 255 * value + most) // (2 * most) for value, most in ((red, 31), (green, 63), (blue, 31))]
    return np.stack(planes, axis=-1).astype(np.uint8)


@lru_cache(maxsize=8)
def kmodel_of(folder: Path) -> bytes:
    """The kmodel of a model folder: the one that lies there, or written from its int8 encoder.

    Raises:
        GlimpseError: the K210 cannot run the network, or there is none.
    """
    kept = folder / "encoder.kmodel"
    try:
        return kept.read_bytes() if kept.is_file() else from_tflite.write((folder / "encoder.tflite").read_bytes())
    except OSError as error:
        raise GlimpseError(f"{folder} has no readable network ({error.strerror}); export the model again") from error


@lru_cache(maxsize=8)
def _simulator(folder: Path) -> Simulator:
    return Simulator(layout.parse(kmodel_of(folder)))


def accelerator_latent(model: ZooModel, photo: np.ndarray) -> np.ndarray:
    """What a K210's accelerator makes of a photo, by the simulator.

    Args:
        model: one that a K210 can run.
        photo: uint8 [height, width, 3], in 24 bits.

    Returns:
        int8 [height, width, channels], as quantised and packed by the node.
    """
    simulator, side = _simulator(model.folder), model.binding.patches
    planes = seen_photo(photo).transpose(2, 0, 1)
    rows = [np.split(row, side, axis=2) for row in np.split(planes, side, axis=1)]
    parts = [[simulator.run(np.ascontiguousarray(patch)) for patch in row] for row in rows]
    whole = np.concatenate([np.concatenate(row, axis=2) for row in parts], axis=1).transpose(1, 2, 0)
    return (whole.astype(np.int16) - 128).astype(np.int8)


def write_disk(folder: Path, model: ZooModel | None) -> None:
    """Puts the node's files into a folder that is its disk; settings and frame counter stay.

    Args:
        folder: made if it is not there.
        model: whose blob and kmodel come with them; None: those stay, too.
    """
    make_folder(folder)
    for file in sorted((firmware.root() / "firmware" / "maix").glob("*.py")):
        shutil.copyfile(file, folder / file.name)
    if model:
        (folder / BLOB).write_bytes(model.blob)
        (folder / KMODEL).write_bytes(kmodel_of(model.folder))


def command(disk: Path, card: Path | None, modem: str | None, pipes: Sequence[int]) -> list[str]:
    """The words that start the runtime (firmware/maix/sim/runtime.mjs).

    Args:
        disk: /flash.
        card: /sd; None: there is none.
        modem: terminal of the second serial line; None: nothing is there.
        pipes: file descriptors for requests to camera and KPU, and for answers.

    Raises:
        GlimpseError: Node.js or MicroPython is missing.
    """
    root = firmware.root()
    node, carrier = shutil.which("node"), root / CARRIER
    if node is None:
        raise GlimpseError("Node.js, which runs the emulated K210, is not installed; run `make setup`")
    if not (carrier / "micropython.mjs").is_file():
        raise GlimpseError("MicroPython for the emulated K210 is missing; run `make setup`")
    runtime = root / "firmware" / "maix" / "sim" / "runtime.mjs"
    return [node, str(runtime), str(carrier), str(disk), str(card or "-"), modem or "-", *map(str, pipes)]


class Peripherals:
    """Camera and KPU of an emulated node, at the other end of two pipes.

    Args:
        disk: where /flash is, for the KPU to load from.
        card: where /sd is.

    Attributes:
        photo: uint8 [height, width, 3] that the camera sees; None: there is no camera.
        executions: of the KPU so far.
    """

    def __init__(self, disk: Path, card: Path | None = None) -> None:
        self.disk, self.card = disk, card
        self.photo: np.ndarray | None = None
        self.executions = 0
        self.tasks: list[Simulator] = []
        self._requests, self.requests = os.pipe()  # ours, the node's
        self.answers, self._answers = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Once the node's process has its ends: closes them here and answers."""
        os.close(self.requests)
        os.close(self.answers)
        self._thread.start()

    def close(self) -> None:
        """After the node's process has ended."""
        self._thread.join(timeout=5)
        os.close(self._answers)

    def _serve(self) -> None:
        actions = {_CAMERA: self._camera, _LOAD: self._load, _FORWARD: self._forward}
        with os.fdopen(self._requests, "rb") as requests:
            while len(head := requests.read(5)) == 5:
                kind, count = struct.unpack("<BI", head)
                try:
                    answer = actions[kind](requests.read(count))
                    data = struct.pack("<i", len(answer)) + answer
                except GlimpseError as error:
                    text = str(error).encode()
                    data = struct.pack("<i", -len(text)) + text
                try:
                    while data:
                        data = data[os.write(self._answers, data) :]
                except BrokenPipeError:
                    return

    def _camera(self, body: bytes) -> bytes:
        width, height = struct.unpack("<HH", body)
        if self.photo is None:
            raise GlimpseError("no camera")
        if (width, height) == (1, 1):  # only asks whether there is one
            return bytes(2)
        if self.photo.shape != (height, width, 3):
            raise GlimpseError(f"the camera sees {self.photo.shape}, not {width} x {height}")
        return to_rgb565(self.photo).tobytes()

    def _load(self, body: bytes) -> bytes:
        drive, _, name = body.decode().strip("/").partition("/")
        folder = self.card if drive == "sd" else self.disk
        try:
            data = (folder / Path(name).name).read_bytes() if folder else b""
        except OSError as error:
            raise GlimpseError(f"no {name}") from error
        self.tasks.append(Simulator(layout.parse(data, name)))
        return bytes((len(self.tasks) - 1,))

    def _forward(self, body: bytes) -> bytes:
        number, width, height = struct.unpack_from("<BHH", body)
        self.executions += 1
        planes = np.frombuffer(body, np.uint8, offset=5).reshape(3, height, width)
        output = self.tasks[number].run(planes)
        return (b"B" if output.dtype == np.uint8 else b"f") + output.tobytes()


class K210Node(SerialNode):
    """A K210 node in the emulator. Photos reach it through its camera, not over the serial line.

    Args:
        model: that lies on its disk; None: whichever is there.
        folder: its disk; None: a temporary one. What the node writes stays there.
        card: its memory card; None: none.
        modem: the terminal of a modem on its second line; None: nothing is there.
        prepared: the disk has all files already.
        patience: seconds without a byte before it counts as silent.
    """

    def __init__(
        self,
        model: ZooModel | None,
        folder: Path | None = None,
        card: Path | None = None,
        modem: str | None = None,
        prepared: bool = False,
        patience: float = 20.0,
    ) -> None:
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="glimpse-")
        self.folder = folder or Path(self._temporary.name)
        if not prepared:
            write_disk(self.folder, model)
        self.peripherals = Peripherals(self.folder, card)
        pipes = (self.peripherals.requests, self.peripherals.answers)
        try:
            stream = ProcessStream(command(self.folder, card, modem, pipes), self.folder, pipes)
        finally:
            self.peripherals.start()
        super().__init__(stream, "the emulated K210", patience)
        try:
            self.receive(GREETING)
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
        self.peripherals.photo = photo
        source = "NODE_SOURCE_PATTERN" if pattern else "NODE_SOURCE_CAMERA"
        return self._capture(source, photo, payload, coding, frame, budget, on_packet)

    def close(self) -> None:
        """Stops the node and removes its files."""
        super().close()
        self.peripherals.close()
        if self._temporary:
            self._temporary.cleanup()


def run_script(script: str, files: dict[str, bytes], wanted: Sequence[str], seconds: float = 60.0) -> list[bytes]:
    """Runs a program in the place of main.py, beside the node's own modules.

    Args:
        script: MicroPython.
        files: that it finds on the disk.
        wanted: names of the files that it leaves there.
        seconds: after which it counts as stuck.

    Returns:
        The wanted files; what it prints comes last.

    Raises:
        GlimpseError: it failed; the sentence has what it said.
    """
    with tempfile.TemporaryDirectory(prefix="glimpse-") as folder:
        disk = Path(folder)
        write_disk(disk, None)
        (disk / "main.py").write_text(script)
        for name, data in files.items():
            (disk / name).write_bytes(data)
        # Nobody plays camera and KPU; a program that asks ends.
        run = subprocess.run(
            command(disk, disk, None, (0, 0)), input=b"", capture_output=True, timeout=seconds, check=False
        )
        if run.returncode:
            raise GlimpseError(f"the program on MicroPython failed: {run.stderr.decode(errors='replace')[-1000:]}")
        return [(disk / name).read_bytes() for name in wanted] + [run.stderr]
