# SPDX-License-Identifier: Apache-2.0
"""How many bits the symbols will cost, as a differentiable term of the loss."""

import keras
import numpy as np
from keras import ops

NEIGHBOURHOOD = 5
_FLOOR = 1e-5  # probability that no symbol falls below: the integer tables have a least frequency, too


@keras.saving.register_keras_serializable("glimpse")
class RateModel(keras.layers.Layer):
    """Logistic distributions of the symbols, given neighbours of the same channel that the same packet carries.

    A stand-in in training for the integer contexts of the range coder (docs/wire-format.md): which neighbours are known
    is drawn at random for every picture, because a packet may hold a few symbols of a channel or all of them.
    """

    def __init__(self, channels: int, **keywords: object) -> None:
        super().__init__(dtype="float32", **keywords)
        self.channels = channels
        shape = (NEIGHBOURHOOD, NEIGHBOURHOOD, channels, 1)
        near = keras.initializers.Constant(-1.0)
        self.mean_weights = self.add_weight(shape=shape, initializer=near, name="mean_weights")
        self.spread_weights = self.add_weight(shape=shape, initializer=near, name="spread_weights")
        # Per channel: mean and log scale without neighbours; trust in them; offset and slope of the scale with them.
        self.parameters = self.add_weight(shape=(5, channels), initializer="zeros", name="parameters")

    def call(self, levels, known):  # noqa: ANN001, ANN201 - backend tensors
        """Bits of every symbol.

        Args:
            levels: [n, h, w, channels] whole quantiser steps.
            known: same shape, 1 where a symbol may serve as context.

        Returns:
            [n, h, w, channels].
        """
        hole = np.ones((NEIGHBOURHOOD, NEIGHBOURHOOD, 1, 1), "float32")
        hole[NEIGHBOURHOOD // 2, NEIGHBOURHOOD // 2] = 0  # a symbol is not its own neighbour
        hole = ops.convert_to_tensor(hole)

        def around(x, weights):  # noqa: ANN001, ANN202 - backend tensors
            return ops.depthwise_conv(x, ops.softplus(weights) * hole, padding="same")

        rows = ops.convert_to_tensor(self.parameters)
        mean0, scale0, trust, offset, slope = (ops.reshape(rows[i], (1, 1, 1, -1)) for i in range(5))
        seen = around(known, self.mean_weights)
        weight = seen / (seen + ops.exp(trust))
        mean = mean0 + weight * (around((levels - mean0) * known, self.mean_weights) / (seen + 1e-3))
        wide = around(known, self.spread_weights)
        spread = around(ops.abs(levels - mean0) * known, self.spread_weights) / (wide + 1e-3)
        log_scale = (1 - weight) * scale0 + weight * (offset + ops.softplus(slope) * ops.log(spread + 0.1))
        inverse = ops.exp(-ops.clip(log_scale, -3.0, 4.0))
        distance = ops.abs(levels - mean)  # both tails alike: the difference of two small numbers stays exact
        mass = ops.sigmoid((0.5 - distance) * inverse) - ops.sigmoid((-0.5 - distance) * inverse)
        return -ops.log(ops.maximum(mass, 0.0) + _FLOOR) / 0.6931472

    def get_config(self) -> dict:
        """Keras serialisation."""
        return {**super().get_config(), "channels": self.channels}
