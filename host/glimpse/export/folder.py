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
                     [codec]  bits = 5            of one raw symbol, 1..8
                              levels = 32         optional, values of a symbol: 2^bits when missing
                              order = "channel"   or "interleaved" or "saliency"
                              stride = 325        of the permutation, coprime to its length; not by saliency
                              offset = 131        optional, 0 when missing
                     [saliency] with order = "saliency" only
                              map = [8, 8]        rows and columns of the map, at most the latent's
                              bits = 5            of a cell's level
                              gain = 0.2          what a channel less counts against a saliency of 0..1, as a part of it
                              block = 3           channels that are sent together; their blocks times cells: at most 256
                              tolerance = 0.02    saliency that a packet must win to start amid symbols that wait
    tables.json      {"minimum": [channels numbers, the int8 latent value of symbol 0 in 1/256],
                      "step": [channels numbers, latent steps between symbols in 1/256],
                      "cumulative": [tables of levels + 1 numbers from 0 to 32768, channel 0 first] or null,
                      "contexts": optional, [channels objects with the fields of glimpse.export.blob.ContextSpec],
                      "saliency": with order "saliency" only, [256 numbers 0..255, for side outputs -128..127]}

Other sections, keys and files belong to other readers and are passed over.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from glimpse.errors import GlimpseError
from glimpse.export.blob import CodecSpec, ContextSpec, SaliencySpec, build_blob


class ModelSection(BaseModel):
    """[model] of model.toml."""

    name: str
    id: int
    revision: int
    patches: int = 1


class CodecSection(BaseModel):
    """[codec] of model.toml."""

    bits: int = Field(ge=1, le=8)
    levels: int | None = None
    order: Literal["channel", "interleaved", "saliency"]
    stride: int = 0
    offset: int = 0


class SaliencySection(BaseModel):
    """[saliency] of model.toml."""

    map: tuple[int, int]
    bits: int = Field(5, ge=1, le=8)
    gain: float = 0.2
    block: int
    tolerance: float


class ModelFile(BaseModel):
    """The part of model.toml that the blob needs."""

    model: ModelSection
    codec: CodecSection
    saliency: SaliencySection | None = None


class Context(BaseModel):
    """One channel's entry of "contexts" in tables.json."""

    centre: int
    typical: int
    classes: int
    taps: list[tuple[int, int, int, int, int]]
    value_limit: list[int]
    activity_limit: list[int]
    class_of: list[int]


class Tables(BaseModel):
    """tables.json."""

    minimum: list[int]
    step: list[int]
    cumulative: list[list[int]] | None = None
    contexts: list[Context] | None = None
    saliency: list[int] | None = None


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
        levels=_levels(codec, folder / "model.toml"),
        order=codec.order,
        stride=codec.stride,
        offset=codec.offset,
        minimum=tables.minimum,
        step=tables.step,
        cumulative=tables.cumulative,
        contexts=tables.contexts and [ContextSpec(**context.model_dump()) for context in tables.contexts],
        saliency=_saliency(described, tables, folder) if codec.order == "saliency" else None,
    )


def _levels(codec: CodecSection, toml: Path) -> int:
    levels = 1 << codec.bits if codec.levels is None else codec.levels
    if not (1 << codec.bits) // 2 < levels <= 1 << codec.bits:
        raise GlimpseError(f"{toml} cannot be used: {levels} levels are not what symbols of {codec.bits} bits have.")
    return levels


def _saliency(described: ModelFile, tables: Tables, folder: Path) -> SaliencySpec:
    section = described.saliency
    if section is None or tables.saliency is None:
        raise GlimpseError(f'{folder} cannot be used: order "saliency" needs [saliency] and tables.json\'s "saliency".')
    highest = (1 << section.bits) - 1
    return SaliencySpec(
        rows=section.map[0],
        columns=section.map[1],
        bits=section.bits,
        block=section.block,
        gain=round(section.gain * highest * 256),
        tolerance=round(section.tolerance * highest * 256),
        curve=tables.saliency,
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
