# SPDX-License-Identifier: Apache-2.0
"""Nodes behind one address syntax: native, sim:cortex-m7, sim:k210, serial:/dev/ttyACM0, /dev/ttyACM0, ..."""

from typing import TYPE_CHECKING

from glimpse.errors import UsageError
from glimpse.targets.node import Capture, CaptureStats, Node, NodeInfo
from glimpse.zoo import ZooModel

if TYPE_CHECKING:
    from glimpse.targets.client import SerialNode

__all__ = ["Capture", "CaptureStats", "Node", "NodeInfo", "open_node", "open_running"]

SYNTAX = (
    "native, sim:cortex-m7, sim:cortex-m33, sim:k210, serial:/dev/ttyACM0, maix:/dev/ttyUSB0 (a K210) or a device path"
)


def open_node(target: str, model: ZooModel) -> Node:
    """A node that runs `model`, ready to capture; close it, or use it as a context manager.

    Args:
        target: an address; see SYNTAX.
        model: the model that the node must use; a node that holds another one is told to.

    Raises:
        UsageError: not an address.
        GlimpseError: the node cannot be had; the sentence says why.
    """
    kind, _, rest = target.partition(":")
    if target == "native":
        from glimpse.targets.native import NativeNode

        return NativeNode(model)
    if kind == "sim":
        from glimpse.targets.sim import open_sim

        return open_sim(rest, model)
    if _is_serial(target):
        from glimpse.targets.serial_port import open_serial

        return open_serial(_device(target), model)
    if kind == "maix" and rest:
        from glimpse.targets.serial_port import open_maix

        return open_maix(rest, model)
    raise UsageError(f"{target!r} is not a target; use {SYNTAX}")


def open_running(target: str) -> "SerialNode":
    """A node on a serial line, real or emulated, that uses whichever model it has; close it, or use it in a `with`.

    Raises:
        UsageError: not an address, or one without a serial line.
        GlimpseError: the node cannot be had; the sentence says why.
    """
    kind, _, rest = target.partition(":")
    if kind == "sim":
        from glimpse.targets.sim import open_sim

        return open_sim(rest, None)
    if _is_serial(target):
        from glimpse.targets.serial_port import open_port

        return open_port(_device(target))
    raise UsageError(
        f"{target!r} keeps no settings; name a board or an emulated one: serial:/dev/ttyACM0, sim:cortex-m7"
    )


def _is_serial(target: str) -> bool:
    kind, _, rest = target.partition(":")
    return kind == "serial" or target.startswith("/dev/") or (kind.upper().startswith("COM") and not rest)


def _device(target: str) -> str:
    return target.removeprefix("serial:")
