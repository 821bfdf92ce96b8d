# SPDX-License-Identifier: Apache-2.0
"""Weights of mcucoder as weights of limitnet that compute the same: `python -m glimpse.training.transplant RUN OUT`.

LimitNet's latent ends in ReLU. Shifted up by SHIFT steps, where ReLU does nothing, mcucoder's passes it; the decoder
sees the shift through the mask, which is 1 exactly where a shifted value stands, and takes it back there.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from glimpse.files import make_folder, write_whole
from glimpse.training import limitnet, mcucoder
from glimpse.training.rate import RateModel

SHIFT = 16.0  # steps; mcucoder's lowest level is -16
SIDE = 64  # of the networks that carry the weights; those do not depend on it


def transplant(encoder: keras.Model, decoder: keras.Model) -> tuple[keras.Model, keras.Model]:
    """LimitNet's networks with mcucoder's weights; the saliency branch is new.

    Args:
        encoder: mcucoder's.
        decoder: mcucoder's.

    Returns:
        Encoder and decoder of limitnet for crops of SIDE pixels.
    """
    out, back = limitnet.build_encoder(SIDE), limitnet.build_decoder(SIDE // 8)
    for name in ("conv1", "conv2", "conv3"):
        out.get_layer(name).set_weights(encoder.get_layer(name).get_weights())
    kernel, bias = out.get_layer("conv3").get_weights()
    out.get_layer("conv3").set_weights([kernel, bias + SHIFT])
    # The branch reads the latent: centred and scaled, it starts where the trunk's values are.
    kernel, bias = out.get_layer("saliency1").get_weights()
    out.get_layer("saliency1").set_weights([kernel / 8, bias - SHIFT / 8 * kernel.sum(axis=(0, 1, 2))])
    back.set_weights(decoder.get_weights())
    for name in ("stem", "coarse"):
        kernel, bias = back.get_layer(name).get_weights()
        channels = kernel.shape[2] // 2
        moved = kernel.copy()
        moved[:, :, channels:] -= SHIFT / 8 * kernel[:, :, :channels]  # the decoder scales latents by 1/8
        back.get_layer(name).set_weights([moved, bias])
    return out, back


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    encoder, decoder = mcucoder.build_encoder(SIDE), mcucoder.build_decoder(SIDE // 8)
    encoder.load_weights(options.run / "encoder.weights.h5")
    decoder.load_weights(options.run / "decoder.weights.h5")
    make_folder(options.out)
    moved = transplant(encoder, decoder)
    for name, network in zip(("encoder", "decoder"), moved, strict=True):
        network.save_weights(options.out / f"{name}.weights.h5")
    write_whole(options.out / "run.json", b'{"model": "limitnet"}\n')
    prices = options.run / "rate_model.weights.h5"
    if prices.is_file():
        rate = RateModel(12)
        rate(np.zeros((1, 4, 4, 12), np.float32), np.zeros((1, 4, 4, 12), np.float32))  # builds it
        keras.saving.load_weights(rate, prices)
        parameters = keras.ops.convert_to_numpy(rate.parameters)
        parameters = np.concatenate([parameters[:1] + SHIFT, parameters[1:]])  # row 0: means
        rate.parameters.assign(parameters)
        keras.saving.save_weights(rate, options.out / prices.name)
    photo = np.random.default_rng(1).random((1, SIDE, SIDE, 3), np.float32)
    before, after = (keras.ops.convert_to_numpy(x) for x in (encoder(photo), moved[0](photo)[0]))
    print(f"largest difference of the latents: {np.abs(after - SHIFT - before).max():.2g} steps")


if __name__ == "__main__":
    main()
