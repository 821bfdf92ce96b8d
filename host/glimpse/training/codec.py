# SPDX-License-Identifier: Apache-2.0
"""The training graph: encoder, quantiser noise, tail drop, packet erasure, decoder, loss."""

import keras
from keras import ops

from glimpse.training.losses import ms_ssim


@keras.saving.register_keras_serializable("glimpse")
class LossyCodec(keras.Model):
    """Encoder and decoder with the losses of the link between them.

    Training draws, for every picture anew, how many channels are sent (uniform in 1..channels, MCUCoder section
    3.2) and which packets are lost: each channel's positions fall into groups as large as a packet, and groups
    are erased with a probability that is itself uniform in 0..0.7 for half of the pictures and 0 for the rest.
    A share `whole` of the pictures keeps all channels.
    """

    def __init__(
        self,
        encoder: keras.Model | None,
        decoder: keras.Model,
        levels: int,
        mse_weight: float = 4.0,
        whole: float = 0.0,
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.whole = whole
        self.encoder, self.decoder, self.levels, self.mse_weight = encoder, decoder, levels, mse_weight
        self.seeds = keras.random.SeedGenerator(seed)
        self.psnr = keras.metrics.Mean(name="psnr")
        self.ms_ssim = keras.metrics.Mean(name="ms_ssim")

    def quantised(self, latent):  # noqa: ANN001, ANN201 - backend tensors
        """Latent rounded to whole steps in -levels/2 .. levels/2-1; gradients pass as if it were not."""
        half = self.levels // 2
        bounded = ops.clip(latent, -half - 0.49, half - 0.51)
        return bounded + ops.stop_gradient(ops.round(bounded) - bounded)

    def received(self, latent, packets: int = 11):  # noqa: ANN001, ANN201 - backend tensors
        """A random mask of what arrived, in the shape of the latent; 1 where received."""
        n, h, w, c = latent.shape
        n = ops.shape(latent)[0]
        sent = ops.floor(keras.random.uniform((n, 1, 1, 1), 1, c + 0.9999, seed=self.seeds))
        sent = ops.where(keras.random.uniform((n, 1, 1, 1), seed=self.seeds) < self.whole, float(c), sent)
        tail = ops.cast(ops.reshape(ops.arange(c, dtype="float32"), (1, 1, 1, c)) < sent, "float32")
        rate = ops.maximum(keras.random.uniform((n, 1, 1), -0.7, 0.7, seed=self.seeds), 0.0)
        alive = ops.cast(keras.random.uniform((n, c, packets), seed=self.seeds) >= rate, "float32")
        group = ops.cast(keras.random.uniform((n, h * w, c), 0, packets - 0.0001, seed=self.seeds), "int32")
        arrived = ops.take_along_axis(ops.transpose(alive, (0, 2, 1)), group, axis=1)
        return tail * ops.reshape(arrived, (-1, h, w, c))

    def call(self, photo, training: bool = False):  # noqa: ANN001, ANN201 - backend tensors
        """Photos as they look after the link (training) or from the whole latent (otherwise)."""
        # Without an encoder the input is a latent that the node has quantised.
        latent = photo if self.encoder is None else self.quantised(self.encoder(photo))
        mask = self.received(latent) if training else ops.ones_like(latent)
        return self.decoder([latent * mask, mask])

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training: bool = True):  # noqa: ANN001, ANN201
        """1 - MS-SSIM (3 scales) plus a little squared error, which holds the colours."""
        error = ops.mean(ops.square(y - y_pred), axis=(1, 2, 3))
        clipped = ops.clip(y_pred, 0.0, 1.0)
        similarity = ms_ssim(y, y_pred)
        seen = ops.mean(ops.square(y - clipped), axis=(1, 2, 3))
        self.psnr.update_state(ops.stop_gradient(-10 * ops.log(seen + 1e-8) / 2.302585))
        self.ms_ssim.update_state(ops.stop_gradient(similarity))
        return ops.mean(1 - similarity + self.mse_weight * error)

    @property
    def metrics(self) -> list:
        """Loss, PSNR in dB and 3-scale MS-SSIM."""
        return [self._loss_tracker, self.psnr, self.ms_ssim]
