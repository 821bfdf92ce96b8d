# SPDX-License-Identifier: Apache-2.0
"""Telemetry and downlinks of a node on a serial line, sealed where the node has a key (docs/security.md)."""

from pathlib import Path

from glimpse.binding import MAX_PAYLOAD, control
from glimpse.binding.seal import DOWNLINK, UPLINK, ArchiveOpener, SealError, looks_sealed, sealed_room
from glimpse.errors import GlimpseError
from glimpse.keys import DeviceKey, read_key, reserve_downlink
from glimpse.targets.client import SerialNode


def open_sealed(packets: list[bytes], key: DeviceKey | None) -> list[bytes]:
    """What is in packets that came straight from a node, which is why repeats are no attack.

    Args:
        packets: as they came.
        key: the node's; None: it has none, and its packets are as they are.

    Raises:
        GlimpseError: they are sealed and there is no key, or it is another one.
    """
    if key is None:
        if any(map(looks_sealed, packets)):
            raise GlimpseError("the node seals its packets; give its key with --key")
        return packets
    opener = ArchiveOpener(key.seal(UPLINK))
    try:
        return [opener.take(packet) for packet in packets]
    except SealError as error:
        raise GlimpseError(
            f"the node's packets cannot be opened with this key ({error}); install it with glimpse key install, "
            "give the key of this node, or none"
        ) from error


class Talk:
    """Asks a node and tells it what to do.

    Args:
        node: open.
        key_file: of the node's key; None: it has none.

    Raises:
        GlimpseError: the file cannot be read.
    """

    def __init__(self, node: SerialNode, key_file: Path | None = None) -> None:
        self._node, self._key_file = node, key_file
        self._key = read_key(key_file) if key_file else None

    @property
    def sealed(self) -> bool:
        """Whether the node is asked under a key."""
        return self._key is not None

    def ask(self) -> control.Telemetry | None:
        """All that the node knows of itself; None: nothing.

        Raises:
            GlimpseError: the node fell silent, or seals with another key.
        """
        return self._understand(self._node.telemetry())

    def tell(self, *commands: control.Command) -> control.Telemetry:
        """Sends a downlink with the number after the node's last one; what the node says then.

        Raises:
            GlimpseError: the node did not do it, or seals with another key.
        """
        before = self.ask()
        last = before.answer.sequence if before and before.answer else -1
        sequence = (last + 1) % (control.MAX_SEQUENCE + 1)
        downlink = control.Downlink(sequence, commands)
        if self._key is None or self._key_file is None:
            packet = control.write_downlink(downlink, MAX_PAYLOAD)
        else:
            plain = control.write_downlink(downlink, sealed_room(MAX_PAYLOAD))
            packet = self._key.seal(DOWNLINK).close(reserve_downlink(self._key_file), plain)
        report = self._understand(self._node.downlink(packet))
        if report is None or report.answer is None or report.answer.sequence != sequence:
            raise GlimpseError(
                f"{self._node.what} did not answer downlink {sequence}; flash the firmware of this version"
            )
        if report.answer.result != "done":
            raise GlimpseError(f"{self._node.what} refused: {report.answer.sentence}")
        return report

    def _understand(self, packets: list[bytes]) -> control.Telemetry | None:
        return control.merge_telemetry(open_sealed(packets, self._key))
