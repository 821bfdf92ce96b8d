# SPDX-License-Identifier: Apache-2.0
"""The training graph: encoder, quantiser, what the link drops, decoder, loss."""

from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import ops

from glimpse.training.definition import Definition
from glimpse.training.limitnet import GAIN
from glimpse.training.link import Link
from glimpse.training.losses import ms_ssim, psnr, scales_for
from glimpse.training.rate import RateModel

MSE_SCALE = 100.0  # squared errors of pictures in 0..1 are as small as 1 - MS-SSIM then


@dataclass(frozen=True)
class Objective:
    """What training makes small: a weighted sum.

    Attributes:
        ms_ssim: weight of 1 - MS-SSIM.
        mse: weight of 100 times the squared error of pictures in 0..1.
        rate: weight of one bit per pixel.
        saliency: weight of the cross-entropy between the saliency branch and its masks (LimitNet: 0.05).
        task: weight of the cross-entropy of a frozen classifier (LimitNet section 3.3.3, Starfish section 4.3).
        perceptual: weight of the squared distance of a frozen network's features (Starfish section 4.3).
        distillation: weight of the divergence of a frozen classifier's probabilities for the picture from those for
            the photo (Hinton et al. 2015, at temperature 1); unlike the task it needs no classes.
    """

    ms_ssim: float = 0.0
    mse: float = 0.0
    rate: float = 0.0
    saliency: float = 0.0
    task: float = 0.0
    perceptual: float = 0.0
    distillation: float = 0.0


@keras.saving.register_keras_serializable("glimpse")
class Codec(keras.Model):
    """Encoder and decoder with the losses of the link between them.

    Args:
        definition: of the codec.
        side: of the training crops in pixels.
        objective: what is made small.
        encoder: None when the decoder learns alone, on levels that a node has sent.
        decoder: for latents of side / 8.
        drop: "suffix": the end of the ranks is dropped. "gradual": the symbols of least score are (LimitNet section
            3.4).
        classifier: frozen Keras model of pictures [n, 224, 224, 3] in 0..1 to a dictionary: "logits" for task and
            distillation, and the maps that the perceptual distance looks at.
        erased: share of pictures that lose packets.
        bytes_rate: loss of single symbols instead (see Link).
        seed: of everything that is drawn.
    """

    def __init__(
        self,
        definition: Definition,
        side: int,
        objective: Objective,
        encoder: keras.Model | None,
        decoder: keras.Model,
        drop: Literal["suffix", "gradual"] = "suffix",
        classifier: keras.Model | None = None,
        erased: float = 0.3,
        bytes_rate: float | None = None,
        seed: int = 1,
    ) -> None:
        super().__init__()
        self.definition, self.objective, self.drop, self.side = definition, objective, drop, side
        self.encoder, self.decoder = encoder, decoder
        self.classifier = classifier
        self.rate_model = RateModel(definition.channels)
        self.seeds = keras.random.SeedGenerator(seed)
        self.link = Link(definition, side // 8, self.seeds, erased, bytes_rate)
        self.scales = scales_for(side)
        names = ["psnr", "ms_ssim", "bpp"]
        names += ["saliency"] * (objective.saliency > 0) + ["top1"] * (objective.task > 0)
        names += ["divergence", "agreement"] * (objective.distillation > 0) + ["features"] * (objective.perceptual > 0)
        self.means = {name: keras.metrics.Mean(name=name) for name in names}

    def encoded(self, photo):  # noqa: ANN001, ANN201 - backend tensors
        """Latent, and logits of the saliency or None; patches are encoded one by one and put together again."""
        g, side = self.definition.patches, self.side
        if g > 1:
            own = side // g
            tiles = ops.reshape(photo, (-1, g, own, g, own, 3))
            photo = ops.reshape(ops.transpose(tiles, (0, 1, 3, 2, 4, 5)), (-1, own, own, 3))
        out = self.encoder(photo)
        latent, logits = out if self.definition.saliency else (out, None)
        if g > 1:
            own, channels = side // g // 8, self.definition.channels
            tiles = ops.reshape(latent, (-1, g, g, own, own, channels))
            latent = ops.reshape(ops.transpose(tiles, (0, 1, 3, 2, 4, 5)), (-1, g * own, g * own, channels))
        return ops.cast(latent, "float32"), logits

    def quantised(self, latent):  # noqa: ANN001, ANN201 - backend tensors
        """Latent rounded to whole steps within the levels; gradients pass as if it were not."""
        low = self.definition.first_level
        bounded = ops.clip(latent, low - 0.49, low + self.definition.levels - 1 + 0.49)
        return bounded + ops.stop_gradient(ops.round(bounded) - bounded)

    def sent(self, latent, logits):  # noqa: ANN001, ANN201 - backend tensors
        """1 for symbols that the sender sends."""
        n = ops.shape(latent)[0]
        if self.drop != "gradual" or logits is None:
            return self.link.sent(n)
        channels = self.definition.channels
        rank = GAIN * ops.arange(channels, 0, -1, dtype="float32")
        score = ops.sigmoid(ops.cast(logits, "float32")) + ops.reshape(rank, (1, 1, 1, -1))
        keep = keras.random.uniform((n, 1), 0.02, 1.0, seed=self.seeds)
        order = ops.sort(ops.reshape(score, (n, -1)), axis=1)
        at = ops.cast((1 - keep) * (self.link.count - 1), "int32")
        threshold = ops.take_along_axis(order, at, axis=1)
        return ops.stop_gradient(ops.cast(score >= ops.reshape(threshold, (n, 1, 1, 1)), "float32"))

    def call(self, photo, training: bool = False):  # noqa: ANN001, ANN201 - backend tensors
        """What is seen after the link (training) or from all symbols (otherwise).

        Args:
            photo: [n, side, side, 3]; or, without an encoder, the levels that a node has sent and where they were
                received, [n, side/8, side/8, channels] by these names.
            training: the link drops symbols.

        Returns:
            picture [n, side, side, 3]; bits [n], of the symbols sent; logits of the saliency if there are any.
        """
        if self.encoder is None:
            levels, logits = photo["levels"], None
            sent = received = photo["received"]
        else:
            latent, logits = self.encoded(photo)
            levels = self.quantised(latent)
            sent = received = ops.ones_like(levels)
        n = ops.shape(levels)[0]
        if training and self.encoder is not None:
            sent = self.sent(levels, logits)
            received = sent * self.link.arrived(n)
        share = keras.random.uniform((n, 1, 1, 1), seed=self.seeds)
        known = ops.cast(keras.random.uniform(ops.shape(levels), seed=self.seeds) < share, "float32")
        bits = ops.sum(self.rate_model(levels, known) * sent, axis=(1, 2, 3))
        out = {"picture": self.decoder([levels * received, received]), "bits": bits}
        return out if logits is None else {**out, "logits": logits}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training: bool = True):  # noqa: ANN001, ANN201
        """The objective.

        Args:
            x: what was encoded.
            y: the photos; or, where the objective asks for more, photo, mask [n, h, w, 1] in 0..1, weight [n] (0 for
                pictures without a mask) and label [n] (-1 for pictures without one) by name.
            y_pred: what call returned.
            sample_weight: not used.
            training: not used.
        """
        goal, seen = self.objective, y_pred["picture"]
        photo = y["photo"] if isinstance(y, dict) else y
        bpp = ops.mean(y_pred["bits"]) / self.side**2
        total = goal.rate * bpp
        found: dict[str, Any] = {"bpp": bpp, "psnr": ops.mean(psnr(photo, seen))}
        similarity = ops.mean(ms_ssim(photo, seen, self.scales, thin=True))
        found["ms_ssim"] = similarity
        if goal.ms_ssim:
            total += goal.ms_ssim * (1 - similarity)
        if goal.mse:
            total += goal.mse * MSE_SCALE * ops.mean(ops.square(photo - seen))
        if goal.saliency:
            entropy = keras.losses.binary_crossentropy(y["mask"], ops.cast(y_pred["logits"], "float32"), True)
            weight = ops.reshape(y["weight"], (-1, 1, 1))
            found["saliency"] = ops.sum(entropy * weight) / (ops.sum(weight * ops.ones_like(entropy)) + 1e-6)
            total += goal.saliency * found["saliency"]
        if self.classifier is not None:
            recognised, more = self._recognition(photo, seen, y)
            total += recognised
            found |= more
        for name, value in found.items():
            self.means[name].update_state(ops.stop_gradient(value))
        return total

    def _recognition(self, photo, seen, y) -> tuple[Any, dict[str, Any]]:  # noqa: ANN001 - backend tensors
        """What the classifier makes of it: task, distillation and perceptual distance, weighted, and what was found."""
        goal, found = self.objective, {}
        compares = goal.distillation or goal.perceptual
        # Classes lie in the first half of a batch, and the classifier is the dear part.
        part = seen.shape[0] if compares or not seen.shape[0] else max(1, seen.shape[0] // 2)
        shown = self.classifier(ops.clip(seen[:part], 0.0, 1.0))
        total = 0.0
        if goal.task:
            label = y["label"][:part]
            known = ops.cast(label >= 0, "float32")
            label, count = ops.maximum(label, 0), ops.sum(known) + 1e-6
            entropy = keras.losses.sparse_categorical_crossentropy(label, shown["logits"], from_logits=True)
            total += goal.task * ops.sum(entropy * known) / count
            right = keras.metrics.sparse_categorical_accuracy(label, shown["logits"])
            found["top1"] = ops.sum(right * known) / count
        wanted = {key: ops.stop_gradient(x) for key, x in self.classifier(photo).items()} if compares else {}
        if goal.distillation:
            a, b = wanted.pop("logits"), shown["logits"]
            divergence = ops.sum(ops.softmax(a) * (ops.log_softmax(a) - ops.log_softmax(b)), axis=-1)
            found["divergence"] = ops.mean(divergence)
            found["agreement"] = ops.mean(ops.cast(ops.argmax(a, axis=-1) == ops.argmax(b, axis=-1), "float32"))
            total += goal.distillation * found["divergence"]
        if goal.perceptual:
            # Maps of every depth count alike, however large their values are.
            maps = {key: x for key, x in wanted.items() if key != "logits"}
            parts = [ops.mean(ops.square(a - shown[key])) / (ops.mean(ops.square(a)) + 1e-6) for key, a in maps.items()]
            found["features"] = sum(parts) / len(parts)
            total += goal.perceptual * found["features"]
        return total, found

    @property
    def metrics(self) -> list:
        """Loss and the means of what was found: PSNR in dB, MS-SSIM, bits per pixel, ..."""
        return [self._loss_tracker, *self.means.values()]
