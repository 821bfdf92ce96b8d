# SPDX-License-Identifier: Apache-2.0
"""What int8 on the node costs in quality, against the same networks in floating point."""

from pathlib import Path
from typing import Any

import numpy as np

from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.export.package import patches_of
from glimpse.quality import compare, to_db
from glimpse.training.definition import PHOTO_SIDE, Definition

ALLOWED_DB = 0.1  # beyond it the encoder wants quantisation-aware training


def float_levels(encoder: Any, definition: Definition, photo: np.ndarray) -> np.ndarray:
    """Whole quantiser steps of the float encoder, float32 [h, w, c].

    Args:
        encoder: Keras model of one patch.
        definition: of the codec.
        photo: uint8 [224, 224, 3].
    """
    g, channels = definition.patches, definition.channels
    out = encoder(patches_of(photo[None], g).astype(np.float32) / 255, training=False)
    tiles = np.asarray(out[0] if isinstance(out, (list, tuple)) else out)
    own = tiles.shape[1]
    latent = tiles.reshape(g, g, own, own, channels).transpose(0, 2, 1, 3, 4).reshape(g * own, g * own, channels)
    low = definition.first_level
    return np.clip(np.rint(latent), low, low + definition.levels - 1).astype(np.float32)


def int8_cost(folder: Path, weights: Path, definition: Definition, photos: np.ndarray) -> dict[str, Any]:
    """Mean quality of whole frames with either encoder and the same decoder.

    Args:
        folder: of the model, exported.
        weights: folder of the training that it came from.
        definition: of the codec.
        photos: uint8 [n, 224, 224, 3] that took no part in training.

    Returns:
        photos, float {psnr_db, ms_ssim, ms_ssim_db}, int8 {the same}, cost_db (PSNR), cost_ms_ssim_db,
        symbols_changed (share).
    """
    encoder = definition.build_encoder(PHOTO_SIDE // definition.patches)
    encoder.load_weights(weights / "encoder.weights.h5")
    model = zoo.ZooModel(folder)
    decoder = PictureDecoder(model)
    found: dict[str, list] = {"float": [], "int8": []}
    changed = []
    for photo in photos:
        wanted = float_levels(encoder, definition, photo)
        sent = model.binding.latent_values(model.binding.quantise(model.binding.encode_latent(photo)))
        changed.append(float(np.mean(np.rint(sent) != wanted)))
        for name, levels in (("float", wanted), ("int8", sent)):
            quality = compare(photo, decoder.decode(levels, np.ones_like(levels)))
            found[name].append((quality.psnr_db, quality.ms_ssim))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    table = {
        name: {"psnr_db": round(float(p), 3), "ms_ssim": round(float(m), 5), "ms_ssim_db": round(to_db(float(m)), 3)}
        for name, (p, m) in means.items()
    }
    return {
        "photos": len(photos),
        **table,
        "cost_db": round(table["float"]["psnr_db"] - table["int8"]["psnr_db"], 3),
        "cost_ms_ssim_db": round(table["float"]["ms_ssim_db"] - table["int8"]["ms_ssim_db"], 3),
        "symbols_changed": round(float(np.mean(changed)), 4),
    }
