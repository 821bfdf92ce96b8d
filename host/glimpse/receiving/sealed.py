# SPDX-License-Identifier: Apache-2.0
"""Packets of nodes that share a key with the receiver (docs/security.md)."""

from collections.abc import Callable

from glimpse.binding import WIRE_VERSION
from glimpse.binding.seal import DOWNLINK, SEALED_VERSION, UPLINK, Seal, SealError
from glimpse.binding.seal import Opener as SealOpener
from glimpse.keys import DeviceKey
from glimpse.receiving.kinds import Opener, Refused

UNSEALED, NO_KEY = "unsealed", "key"


class Keys:
    """The nodes' keys: what they seal is opened once, and what is not sealed is refused of a node that has a key.

    Args:
        took: called with (node, next counter) after every packet that was opened, before it is acted on. Whoever keeps
            the counter over restarts, and gives it to `add`, takes no packet again after one.

    Attributes:
        openers: for a Receiver.
    """

    def __init__(self, took: Callable[[str, int], None] = lambda node, next: None) -> None:
        self._took = took
        self._nodes: dict[str, tuple[DeviceKey, SealOpener]] = {}
        self.openers: dict[int, Opener] = {WIRE_VERSION: self._plain, SEALED_VERSION: self._sealed}

    def add(self, node: str, key: DeviceKey, next: int = 0) -> None:
        """Gives a node a key, in the place of the one before.

        Args:
            node: as the network names it.
            key: of the device that the node is.
            next: counter from which on packets are taken; 0 for a new key.
        """
        self._nodes[node] = key, SealOpener(key.seal(UPLINK), next)

    def knows(self, node: str) -> bool:
        """Whether the node has a key."""
        return node in self._nodes

    def downlink(self, node: str) -> Seal | None:
        """What closes packets to the node; None without a key. The caller keeps the counter."""
        return self._nodes[node][0].seal(DOWNLINK) if node in self._nodes else None

    def counts(self, node: str) -> dict[str, int]:
        """A node's packets so far: accepted, failed (MAC), replayed, malformed; empty without a key."""
        return self._nodes[node][1].counts if node in self._nodes else {}

    def _plain(self, node: str, packet: bytes) -> bytes:
        if node in self._nodes:
            raise Refused(UNSEALED, f"{node} seals its packets, and this one is not sealed")
        return packet

    def _sealed(self, node: str, packet: bytes) -> bytes:
        if node not in self._nodes:
            raise Refused(NO_KEY, f"sealed, and there is no key of {node}", keep=True)
        try:
            opened = self._nodes[node][1].take(packet)
        except SealError as error:
            raise Refused(error.reason, str(error)) from error
        self._took(node, opened.next)
        return opened.packet
