# SPDX-License-Identifier: Apache-2.0
"""A node that a test may restart, cut off and reprogram, behind one face for emulated and real ones."""

import re
import shlex
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from glimpse import binding, firmware
from glimpse.errors import GlimpseError, UsageError
from glimpse.firmware import BOARDS
from glimpse.hil.wire import Wire
from glimpse.targets.client import SerialNode
from glimpse.targets.sim import ENVIRONMENTS, SimNode
from glimpse.zoo import ZooModel

OFF_SECONDS = 2.0  # capacitors


COUNTS, DOWNLINKS, STACK = "exact counts", "downlinks", "a measured stack"


class NoPowerSwitchError(GlimpseError):
    """Nothing can take the node's power away."""


class Device(ABC):
    """A node and what surrounds it.

    Args:
        target: its address.
        model: that it is to run.

    Attributes:
        node: while it is open.
        wire: of the node; it stays after the node was closed.
        emulated: it costs nothing to let it work for long.
        lacks: what nodes of this kind cannot do, of COUNTS, DOWNLINKS and STACK.
        k210: its network runs on a K210's accelerator.
    """

    emulated = False
    lacks: frozenset[str] = frozenset((COUNTS,))
    k210 = False

    def __init__(self, target: str, model: ZooModel) -> None:
        self.target, self.model = target, model
        self.node: SerialNode | None = None
        self.wires: list[Wire] = []

    def open(self) -> SerialNode:
        """Connects to the node, which keeps running what it ran; its model is chosen."""
        node = self._connect()
        self.wires.append(Wire(node.stream))
        node.stream = self.wires[-1]
        self.node = node
        return node

    @abstractmethod
    def _connect(self) -> SerialNode: ...

    @abstractmethod
    def cut_power(self) -> SerialNode:
        """Takes the power away in the middle of whatever it does, gives it back, and connects again.

        Raises:
            NoPowerSwitchError: nobody can.
        """

    def packets(self, photo: np.ndarray | None, **options: object) -> list[bytes]:
        """What the node's packets must be, from the same codec in this process; a K210's from the simulated
        accelerator's latent, which is not quite the C code's.

        Args:
            photo: uint8 [height, width, 3]; None: the test pattern.
            options: payload, coding, frame, budget, as of Node.capture.
        """
        if self.k210:
            from glimpse.targets.k210 import accelerator_latent

            model = self.model.binding
            seen = binding.pattern(model.photo_width, model.photo_height) if photo is None else photo
            return model.pack(model.quantise(accelerator_latent(self.model, seen)), **options)
        from glimpse.targets.native import NativeNode

        return NativeNode(self.model).capture(photo, pattern=photo is None, **options).packets

    def flash(self) -> None:  # noqa: B027 - an emulated board starts with the firmware of today
        """Programs the board."""

    def close(self) -> None:
        """Lets go."""
        if self.node is not None:
            self.node.close()
            self.node = None


class EmulatedDevice(Device):
    """An emulated board whose flash lies in `folder`."""

    emulated = True
    lacks = frozenset()

    def __init__(self, target: str, model: ZooModel, folder: Path) -> None:
        super().__init__(target, model)
        self.folder = folder

    def _connect(self) -> SerialNode:
        environment = ENVIRONMENTS[self.target.removeprefix("sim:")]
        return SimNode(environment, self.model, folder=self.folder, built_in=self.model.folder)

    def cut_power(self) -> SerialNode:
        """Kills the emulator; its flash is as it was at that moment."""
        self.close()
        return self.open()


class K210Device(EmulatedDevice):
    """The emulated K210, whose disk is `folder`; its accelerator is simulated, its clock the host's."""

    lacks = frozenset((COUNTS, DOWNLINKS, STACK))
    k210 = True

    def _connect(self) -> SerialNode:
        from glimpse.targets.k210 import K210Node

        return K210Node(self.model, folder=self.folder)


class BoardDevice(Device):
    """A board on a serial port.

    Args:
        target: its address.
        model: that it is to run.
        board: an environment of platformio.ini, to program it; None: it is programmed.
        power: a command that is called with `off` and `on`; None: there is no switch.
    """

    def __init__(self, target: str, model: ZooModel, board: str | None, power: str | None) -> None:
        super().__init__(target, model)
        self.board, self.power = board, power
        self.k210 = target.startswith("maix:")
        if self.k210:
            self.lacks = K210Device.lacks

    def _connect(self) -> SerialNode:
        from glimpse.targets import open_node

        return open_node(self.target, self.model)

    def cut_power(self) -> SerialNode:
        """Calls the switch."""
        if self.power is None:
            raise NoPowerSwitchError("no power switch; name a command with --power, it is called with off and on")
        self.close()
        for word in ("off", "on"):
            try:
                subprocess.run([*shlex.split(self.power), word], check=True, timeout=60)
            except (OSError, subprocess.SubprocessError) as error:
                raise GlimpseError(f"the power switch failed: {error}") from error
            time.sleep(OFF_SECONDS)
        return self.open()

    def flash(self) -> None:
        """Programs the board through its debug probe."""
        if self.k210 or self.board is None:
            raise UsageError(_why_not_flashed(self.target))
        firmware.program(self.board, self.model.folder)


def _is_port(target: str) -> bool:
    kind, _, rest = target.partition(":")
    return bool(kind in ("serial", "maix") and rest) or bool(re.match(r"/dev/.|(?i:com)\d+$", target))


def _why_not_flashed(target: str) -> str:
    if target.startswith("maix:"):
        return f"--flash is not for K210 boards; run glimpse flash --target {target} first"
    return f"say which board hangs on {target}: --board {' or --board '.join(BOARDS)}"


def check_target(target: str) -> None:
    """Before anything is opened.

    Raises:
        UsageError: no address of a node that can be tested so.
    """
    core = target.removeprefix("sim:") if target.startswith("sim:") else None
    if core not in (*ENVIRONMENTS, "k210") and not _is_port(target):
        raise UsageError(
            f"{target!r} cannot be tested; use sim:cortex-m7, sim:cortex-m33, sim:k210, serial:/dev/ttyACM0 or "
            "maix:/dev/ttyUSB0"
        )


def check_tools(targets: list[str], board: str | None, *, flash: bool, power: str | None) -> None:
    """What is to be done to boards can be meant, before anything is opened.

    Args:
        targets: addresses that check_target lets pass.
        board: an environment of platformio.ini; None: not said.
        flash: boards are to be programmed.
        power: the command of a power switch; None: there is none.

    Raises:
        UsageError: an unknown board, --flash that does not say which board, no such program.
    """
    if board is not None and board not in BOARDS:
        raise UsageError(f"there is no board {board!r}; use --board {' or --board '.join(BOARDS)}")
    for target in targets:
        if flash and _is_port(target) and (board is None or target.startswith("maix:")):
            raise UsageError(_why_not_flashed(target))
    if power is not None:
        try:
            words = shlex.split(power)
        except ValueError:
            words = []
        if not words or shutil.which(words[0]) is None:
            raise UsageError(f"--power {power!r} is no command; name a program that can be called with off and on")


def open_device(
    target: str, model: ZooModel, folder: Path, board: str | None = None, power: str | None = None
) -> Device:
    """The device behind an address, not yet connected.

    Raises:
        UsageError: no address of a node that can be tested so.
    """
    check_target(target)
    if target == "sim:k210":
        return K210Device(target, model, folder)
    if target.startswith("sim:"):
        return EmulatedDevice(target, model, folder)
    return BoardDevice(target, model, board, power)
