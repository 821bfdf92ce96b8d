# SPDX-License-Identifier: Apache-2.0
"""Nodes behind one address syntax: native, sim:cortex-m7, sim:k210, serial:/dev/ttyACM0, /dev/ttyACM0, ..."""

from glimpse.errors import UsageError
from glimpse.targets.node import Capture, CaptureStats, Node, NodeInfo
from glimpse.zoo import ZooModel

__all__ = ["Capture", "CaptureStats", "Node", "NodeInfo", "open_node"]

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
    if kind == "serial" or target.startswith("/dev/") or (kind.upper().startswith("COM") and not rest):
        from glimpse.targets.serial_port import open_serial

        return open_serial(rest if kind == "serial" else target, model)
    if kind == "maix" and rest:
        from glimpse.targets.serial_port import open_maix

        return open_maix(rest, model)
    raise UsageError(f"{target!r} is not a target; use {SYNTAX}")
