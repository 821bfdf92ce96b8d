# SPDX-License-Identifier: Apache-2.0
"""A photo's way over lossy links: which packets come, and what can be seen as they come."""

import numpy as np

from glimpse.decoder import PictureDecoder
from glimpse.quality import compare
from glimpse.reassemble import Assembly
from glimpse.report.results import View
from glimpse.zoo import ZooModel


def survivors(count: int, loss: float, seed: tuple[int, ...]) -> list[int]:
    """Which of `count` packets a link lets through, in sending order.

    Exactly the share `loss` is dropped (rounded, at least one packet stays), so that a demo of few packets says
    what it names.

    Args:
        count: packets sent, at least 1.
        loss: share that is dropped, 0..1.
        seed: of the random choice.
    """
    kept = max(1, count - round(count * loss))
    return sorted(np.random.default_rng(seed).permutation(count)[:kept].tolist())


def views(
    model: ZooModel,
    decoder: PictureDecoder,
    original: np.ndarray,
    packets: list[bytes],
    loss: float,
    shares: tuple[float, ...],
) -> list[View]:
    """What can be seen when given shares of the packets have come.

    Args:
        model: that made the packets.
        decoder: of this model.
        original: uint8 [height, width, 3] to compare with.
        packets: those that come, in the order in which they come; at least one.
        loss: share that was lost, to label the views.
        shares: rising, each above 0 and at most 1.

    Returns:
        One view for each share; every view holds at least one packet.
    """
    assembly = Assembly(model, decoder=decoder)
    result = []
    for share in shares:
        wanted = max(1, round(share * len(packets)))
        for packet in packets[assembly.seen : wanted]:
            assembly.add(packet)
        picture = assembly.picture()
        size = sum(map(len, packets[:wanted]))
        quality = compare(original, picture)
        result.append(View(loss, share, wanted, size, assembly.symbols_received, quality, picture))
    return result
