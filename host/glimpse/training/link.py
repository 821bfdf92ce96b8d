# SPDX-License-Identifier: Apache-2.0
"""What a link does to the symbols of a batch: the end that is never sent, and packets that are lost."""

import keras
import numpy as np
from keras import ops

from glimpse.export.blob import interleaving_stride
from glimpse.training.definition import Definition

BLOCK = 3  # channels that leave together in saliency order
CELLS = 8  # cells of the saliency map, per side of a whole photo
FEWEST, MOST = 60, 3000  # symbols of a packet: 51 bytes of dense symbols to 222 bytes of sparse ones


def ranks(definition: Definition, side: int) -> np.ndarray:
    """When each symbol of a crop leaves, as the codec's order says, with the strides that models are exported with.

    Args:
        definition: of the codec.
        side: of the latent of the crop.

    Returns:
        int [side, side, channels], a permutation of 0 .. side * side * channels - 1.
    """
    positions, channels = side * side, definition.channels
    if definition.order == "interleaved":
        count = positions * channels
        out = np.empty(count, int)
        out[np.arange(count) * interleaving_stride(side, side, channels) % count] = np.arange(count)
        return out.reshape(side, side, channels)
    if definition.order == "channel":
        within = np.empty(positions, int)
        within[np.arange(positions) * (2 * side + 1) % positions] = np.arange(positions)
        each = [c * positions + np.roll(within, c * positions * 5 // 13) for c in range(channels)]
        return np.stack(each, axis=-1).reshape(side, side, channels)
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(channels), indexing="ij")
    cell_y, cell_x = y * CELLS // 28, x * CELLS // 28  # cells are as large as in a whole photo
    across = np.where(cell_y % 2, cell_x.max() - cell_x, cell_x)
    order = np.lexsort((x.ravel(), y.ravel(), c.ravel(), across.ravel(), cell_y.ravel(), (c // BLOCK).ravel()))
    out = np.empty(order.size, int)
    out[order] = np.arange(order.size)
    return out.reshape(side, side, channels)


class Link:
    """Draws what arrives.

    Args:
        definition: of the codec.
        side: of the latent of a training crop.
        erased: share of the pictures that lose packets; their loss is uniform in 0..0.7.
        bytes_rate: probability that a single symbol is lost in those pictures (Starfish, section 4.3); None: packets.
        whole: share of the pictures whose last symbol is sent, too.
        seeds: source of randomness.
    """

    def __init__(
        self,
        definition: Definition,
        side: int,
        seeds: keras.random.SeedGenerator,
        erased: float = 0.3,
        bytes_rate: float | None = None,
        whole: float = 0.1,
    ) -> None:
        self.ranks = ranks(definition, side).astype("float32")
        self.count = self.ranks.size
        self.shape = (side, side, definition.channels)
        self.seeds, self.erased, self.bytes_rate, self.whole = seeds, erased, bytes_rate, whole
        self.tail_drop = definition.tail_drop

    def _uniform(self, shape: tuple, low: float = 0.0, high: float = 1.0):  # noqa: ANN202 - backend tensors
        return keras.random.uniform(shape, low, high, seed=self.seeds)

    def sent(self, n):  # noqa: ANN001, ANN201 - backend tensors
        """Tail drop (MCUCoder, section 3.2): 1 for symbols that are sent, [n, side, side, channels].

        The number of channels is uniform, and need not be whole: the link may end in the middle of one.
        """
        if not self.tail_drop:
            return ops.ones((n, *self.shape))
        share = self._uniform((n, 1, 1, 1), 0.02, 1.0)
        share = ops.where(self._uniform((n, 1, 1, 1)) < self.whole, ops.ones_like(share), share)
        return ops.cast(ops.convert_to_tensor(self.ranks)[None] < share * self.count, "float32")

    def arrived(self, n):  # noqa: ANN001, ANN201 - backend tensors
        """Packet loss: 1 for symbols whose packet arrives, [n, side, side, channels]."""
        hit = ops.cast(self._uniform((n, 1)) < self.erased, "float32")
        if self.bytes_rate is not None:
            kept = ops.cast(self._uniform((n, self.count)) >= self.bytes_rate * hit, "float32")
            return ops.reshape(kept, (n, *self.shape))
        rate = hit * self._uniform((n, 1), 0.0, 0.7)
        size = ops.exp(self._uniform((n, 1), float(np.log(FEWEST)), float(np.log(MOST))))
        packets = self.count // FEWEST + 2
        alive = ops.cast(self._uniform((n, packets)) >= rate, "float32")
        start = self._uniform((n, 1)) * size
        packet = ops.cast((ops.reshape(ops.convert_to_tensor(self.ranks), (1, -1)) + start) / size, "int32")
        return ops.reshape(ops.take_along_axis(alive, packet, axis=1), (n, *self.shape))
