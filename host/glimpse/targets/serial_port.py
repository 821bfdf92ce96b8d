# SPDX-License-Identifier: Apache-2.0
"""Real boards on a serial port."""

import serial

from glimpse.errors import GlimpseError
from glimpse.targets.client import SerialNode, Stream
from glimpse.zoo import ZooModel

BAUD = 115200


class PortStream(Stream):
    """A serial port as bytes.

    Args:
        device: the port.
        baud: its speed.
        let_go: leave DTR and RTS alone, which reset a K210 board or hold it in its loader.

    Raises:
        GlimpseError: the port is not there, busy or not permitted.
    """

    def __init__(self, device: str, baud: int = BAUD, *, let_go: bool = False) -> None:
        try:
            self.port = serial.Serial(None, baud, timeout=0, write_timeout=10, exclusive=True)
            self.port.port = device
            if let_go:
                self.port.dtr = self.port.rts = False
            self.port.open()
        except (serial.SerialException, ValueError) as error:
            raise GlimpseError(f"cannot open the serial port {device}: {_why(error)}") from error
        self.device = device

    def read(self, timeout: float) -> bytes:
        """What has arrived."""
        try:
            self.port.timeout = timeout
            first = self.port.read(1)
            return first + self.port.read(self.port.in_waiting) if first else b""
        except (serial.SerialException, OSError) as error:
            raise GlimpseError(f"the serial port {self.device} went away; plug the board in and try again") from error

    def write(self, data: bytes) -> None:
        """Sends everything."""
        try:
            self.port.write(data)
        except (serial.SerialException, OSError) as error:
            raise GlimpseError(
                f"the serial port {self.device} takes no more bytes; plug the board in and try again"
            ) from error

    def close(self) -> None:
        """Lets go of the port."""
        self.port.close()


def _why(error: Exception) -> str:
    text = str(error)
    if "Permission" in text:
        return "no permission; add yourself to the group dialout (sudo usermod -aG dialout $USER) and log in again"
    if "No such file" in text:
        return "there is no such device; plug the board in, or list ports with `python -m serial.tools.list_ports`"
    if "lock" in text or "busy" in text:
        return "another program uses it; close that program"
    return f"{text}; is it a serial port?"


def open_port(device: str) -> SerialNode:
    """A board on a serial port, with whichever model it uses."""
    return SerialNode(PortStream(device), f"the node on {device}")


def open_serial(device: str, model: ZooModel) -> SerialNode:
    """A board on a serial port, with this model in use."""
    node = open_port(device)
    try:
        node.use_model(model.blob, model.binding.check)
    except BaseException:
        node.close()
        raise
    return node


def open_maix(device: str, model: ZooModel) -> SerialNode:
    """A K210 board on a serial port, which must have this model on its disk.

    Raises:
        GlimpseError: the port cannot be used, no node answers, or it runs another model.
    """
    node = SerialNode(PortStream(device, let_go=True), f"the K210 node on {device}")
    try:
        info = node.identify()
        if info.model_check != model.binding.check:
            raise GlimpseError(
                f"{node.what} runs {info.model} revision {info.revision}; use --model {info.model}, or write "
                f"{model.name} with glimpse flash --target maix:{device} --model {model.name}"
            )
    except BaseException:
        node.close()
        raise
    return node
