# SPDX-License-Identifier: Apache-2.0
"""Model folders: what a model is before it becomes a blob.

A folder holds

    encoder.tflite   int8 network, input [1, height, width, 3] of scale 1/255 and zero point -128; the first output is
                     the latent, an optional second one the side output
    model.toml       [model]  name = "mcucoder"   at most 15 bytes
                              id = 3              0..31, in every packet
                              revision = 0        0..255, the lowest bit in every packet
                              patches = 2         optional: 1, 2 or 4 along each side of the photo, which is so many
                                                  times the network's input; 1 when missing
                     [codec]  bits = 5            of one symbol, 1..8
                              order = "channel"   or "interleaved"
                              stride = 325        of the permutation, coprime to its length
                              offset = 131        optional, 0 when missing
    tables.json      {"minimum": [channels numbers, the int8 latent value of symbol 0 in 1/256],
                      "step": [channels numbers, latent steps between symbols in 1/256],
                      "cumulative": [channels tables of 2^bits + 1 numbers from 0 to 4096] or null}

Other sections, keys and files belong to other readers and are passed over.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from glimpse.errors import GlimpseError
from glimpse.export.blob import CodecSpec, build_blob


class ModelSection(BaseModel):
    """[model] of model.toml."""

    name: str
    id: int
    revision: int
    patches: int = 1


class CodecSection(BaseModel):
    """[codec] of model.toml."""

    bits: int
    order: Literal["channel", "interleaved"]
    stride: int
    offset: int = 0


class ModelFile(BaseModel):
    """The part of model.toml that the blob needs."""

    model: ModelSection
    codec: CodecSection


class Tables(BaseModel):
    """tables.json."""

    minimum: list[int]
    step: list[int]
    cumulative: list[list[int]] | None = None


def _model_file(folder: Path) -> ModelFile:
    toml = folder / "model.toml"
    try:
        return ModelFile.model_validate(tomllib.loads(read_file(toml).decode()))
    except (ValidationError, ValueError) as error:
        raise GlimpseError(f"{toml} cannot be used: {_first_line(error)}") from error


def spec_from_folder(path: Path | str) -> CodecSpec:
    """The codec of a model folder; raises GlimpseError, naming the file, when it cannot be read."""
    folder = Path(path)
    tables_path = folder / "tables.json"
    described = _model_file(folder)
    try:
        tables = Tables.model_validate(json.loads(read_file(tables_path)))
    except (ValidationError, ValueError) as error:
        raise GlimpseError(f"{tables_path} cannot be used: {_first_line(error)}") from error
    model, codec = described.model, described.codec
    return CodecSpec(
        model=model.id,
        revision=model.revision,
        name=model.name,
        bits=codec.bits,
        order=codec.order,
        stride=codec.stride,
        offset=codec.offset,
        minimum=tables.minimum,
        step=tables.step,
        cumulative=tables.cumulative,
    )


def blob_from_folder(path: Path | str) -> bytes:
    """The model blob of a model folder.

    Raises GlimpseError when a file is missing or malformed or nodes cannot run the network.
    """
    folder = Path(path)
    return build_blob(read_file(folder / "encoder.tflite"), spec_from_folder(folder), patches_from_folder(folder))


def patches_from_folder(path: Path | str) -> int:
    """Patches along each side of the photo; raises GlimpseError, naming the file, when it cannot be read."""
    return _model_file(Path(path)).model.patches


def read_file(path: Path) -> bytes:
    """A file's bytes; raises GlimpseError, naming it, when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise GlimpseError(f"{path} cannot be read: {error.strerror or error}.") from error


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}."
    return f"{str(error).splitlines()[0]}."
