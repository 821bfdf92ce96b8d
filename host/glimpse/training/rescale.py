# SPDX-License-Identifier: Apache-2.0
"""The same networks in other quantiser steps: `python -m glimpse.training.rescale MODEL RUN OUT --steps 2,1.5,1.25`.

A step is 1 in training, and how wide that is follows from the last layer's weights: divided by a number for each
channel, its levels are so many times wider apart. Wider steps for the channels that leave first are worth it where a
link ends early: most of the error is then in what never came, and the bits of a fine step would have brought more of
that. The decoder takes the same numbers back, so nothing is lost but what the coarser rounding costs; training goes on
from there.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np

from glimpse.errors import GlimpseError, UsageError
from glimpse.files import make_folder, write_whole
from glimpse.training.definition import Definition
from glimpse.training.rate import RateModel
from glimpse.training.registry import definition

SIDE = 64  # of the networks that carry the weights; those do not depend on it


def rescale(encoder: keras.Model, decoder: keras.Model, steps: np.ndarray) -> None:
    """Makes steps wider in place.

    Args:
        encoder: of mcucoder, mcucoder-mse or limitnet.
        decoder: of the same.
        steps: float32 [channels], how many old steps a new one is wide.
    """
    kernel, bias = encoder.get_layer("conv3").get_weights()
    encoder.get_layer("conv3").set_weights([kernel / steps, bias / steps])
    reading = [(decoder, "stem"), (decoder, "coarse")]
    reading += [(encoder, layer.name) for layer in encoder.layers if layer.name == "saliency1"]
    for network, name in reading:
        kernel, bias = network.get_layer(name).get_weights()
        kernel = kernel.copy()
        kernel[:, :, : len(steps)] *= steps[:, None]  # behind them the decoder reads the mask, which has no unit
        network.get_layer(name).set_weights([kernel, bias])


def rescale_prices(rate: RateModel, steps: np.ndarray) -> None:
    """The rate model for the wider steps: a distribution is as many times narrower, counted in them."""
    mean, scale, trust, offset, slope = keras.ops.convert_to_numpy(rate.parameters)
    wider = np.log(steps)
    narrower = np.log1p(np.exp(slope)) - 1  # the spread of the neighbours, which it is scaled by, is narrower itself
    rate.parameters.assign(np.stack([mean / steps, scale - wider, trust, offset + narrower * wider, slope]))


def steps_of(text: str, channels: int) -> np.ndarray:
    """The numbers of "2,1.5,1.25"; the last one holds for all channels that follow.

    Raises:
        UsageError: not numbers, none above 0, or too many.
    """
    try:
        steps = [float(number) for number in text.split(",")]
    except ValueError:
        steps = []
    if not 1 <= len(steps) <= channels or not all(0 < step < 100 for step in steps):
        raise UsageError(f"--steps takes up to {channels} numbers, one for each channel, such as 2,1.5,1.25")
    return np.array(steps + steps[-1:] * (channels - len(steps)), np.float32)


def run(d: Definition, weights: Path, out: Path, steps: np.ndarray) -> None:
    """From a folder of weights into another.

    Raises:
        UsageError: a codec whose encoder is not the trunk.
        GlimpseError: weights that are missing.
    """
    encoder, decoder = d.build_encoder(SIDE), d.build_decoder(SIDE // 8)
    if encoder.get_layer("conv3").filters != d.channels:  # of another network than the trunk
        raise UsageError(f"steps of {d.name} are set when it is trained: glimpse train {d.name} --levels N")
    try:
        encoder.load_weights(weights / "encoder.weights.h5")
        decoder.load_weights(weights / "decoder.weights.h5")
    except (OSError, ValueError) as error:
        raise GlimpseError(f"{weights} holds no weights of {d.name}; name the folder of a training") from error
    rescale(encoder, decoder, steps)
    make_folder(out)
    encoder.save_weights(out / "encoder.weights.h5")
    decoder.save_weights(out / "decoder.weights.h5")
    prices = weights / "rate_model.weights.h5"
    if prices.is_file():
        rate, nothing = RateModel(d.channels), np.zeros((1, 4, 4, d.channels), np.float32)
        rate(nothing, nothing)  # builds it
        keras.saving.load_weights(rate, prices)
        rescale_prices(rate, steps)
        keras.saving.save_weights(rate, out / prices.name)
    write_whole(out / "run.json", (json.dumps({"model": d.name, "steps": steps.tolist()}) + "\n").encode())


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="mcucoder, mcucoder-mse or limitnet")
    parser.add_argument("run", type=Path, help="folder of weights, such as models/limitnet/checkpoint")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", required=True, help="how many old steps a new one is wide, by channel")
    options = parser.parse_args()
    try:
        d = definition(options.model)
        run(d, options.run, options.out, steps_of(options.steps, d.channels))
    except GlimpseError as error:
        parser.exit(2 if isinstance(error, UsageError) else 1, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
