# SPDX-License-Identifier: Apache-2.0
"""Quantiser steps and entropy tables, learned from training photos."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from glimpse.binding import FREQUENCY_TOTAL, Model
from glimpse.export.blob import build_blob
from glimpse.export.contexts import fit
from glimpse.export.folder import patches_from_folder, spec_from_folder
from glimpse.export.frequencies import frequencies
from glimpse.files import write_whole


def lowest_levels(latents: np.ndarray, scale: float, zero: int, count: int) -> list[int]:
    """Where each channel's levels should start so that as little as possible is clipped.

    Args:
        latents: int8 [n, height, width, channels] of training photos.
        scale: of the latent tensor, in trained quantiser steps.
        zero: its zero point.
        count: levels of a symbol.

    Returns:
        For each channel the level of symbol 0 in steps, at most 0, which makes the squared clipping error least.
    """
    levels = []
    for values in np.moveaxis((latents.astype(np.float32) - zero) * scale, -1, 0):
        seen, often = np.unique(np.rint(values), return_counts=True)
        starts = np.arange(1 - count, 1)
        errors = [(often * (seen - np.clip(seen, k, k + count - 1)) ** 2).sum() for k in starts]
        # Among equals the one nearest to the middle, so that a rare value on either side is met.
        nearest = np.argsort(np.abs(starts + count // 2), kind="stable")
        levels.append(int(min(starts[nearest], key=lambda k: errors[k + count - 1])))
    return levels


def quantiser_steps(scale: float, zero: int, lowest: list[int]) -> tuple[list[int], list[int]]:
    """The integer quantiser of an int8 latent whose float value is scale * (q - zero).

    Args:
        scale: of the latent tensor, in trained quantiser steps.
        zero: its zero point.
        lowest: for each channel the level of symbol 0.

    Returns:
        (minimum, step): for each channel, value of symbol 0 and width of a step in 1/256 of an int8 step.
    """
    step = max(1, round(256 / scale))
    return [256 * zero + level * step for level in lowest], [step] * len(lowest)


def cumulative_table(counts: np.ndarray) -> list[int]:
    """Cumulative frequencies of one channel: from 0 to FREQUENCY_TOTAL, each symbol at least 1.

    Args:
        counts: [symbols] how often each symbol was seen.
    """
    return [0, *np.cumsum(frequencies(counts)).tolist()]


def cumulative_tables(symbols: np.ndarray, levels: int) -> list[list[int]]:
    """Cumulative frequencies for each channel of symbols [n, height, width, channels]."""
    return [cumulative_table(np.bincount(symbols[..., c].ravel(), minlength=levels)) for c in range(symbols.shape[-1])]


def mean_bits(symbols: np.ndarray, tables: list[list[int]]) -> list[float]:
    """Bits a symbol for each channel, when coded with these tables, one for each channel."""
    out = []
    for c, table in enumerate(tables):
        cost = -np.log2(np.diff(table) / FREQUENCY_TOTAL)
        out.append(float(cost[symbols[..., c].ravel()].mean()))
    return out


def write_tables(
    folder: Path, photos: np.ndarray, *, latents: np.ndarray | None = None, with_contexts: bool = True
) -> None:
    """Learns a model's entropy tables and writes them into its tables.json; quantiser and network stay as they are.

    Args:
        folder: of the model: encoder.tflite, model.toml, and tables.json with at least "minimum" and "step".
        photos: uint8 [n, photo height, photo width, 3], of the training split; a few hundred will do.
        latents: what the encoder makes of them, where the caller knows it already, int8 [n, height, width, channels].
        with_contexts: tables chosen by the symbols around; else one table for each channel.

    Raises:
        GlimpseError: the folder is not a model.
    """
    path = folder / "tables.json"
    spec = replace(spec_from_folder(folder), cumulative=None, contexts=None)
    model = Model(build_blob((folder / "encoder.tflite").read_bytes(), spec, patches_from_folder(folder)))
    if latents is None:
        latents = np.stack([model.encode_latent(photo) for photo in photos])
    symbols = np.stack([model.quantise(latent) for latent in latents])
    tables = json.loads(path.read_text()) | {"cumulative": cumulative_tables(symbols, model.levels)}
    tables.pop("contexts", None)
    if with_contexts:
        contexts, tables["cumulative"] = fit(symbols, model.order(), model.levels, model.centre)
        tables["contexts"] = [asdict(context) for context in contexts]
    write_whole(path, (json.dumps(tables) + "\n").encode())
