# SPDX-License-Identifier: Apache-2.0
"""`glimpse export`: trained weights to a model folder that nodes and receivers use; or a model to a K210's kmodel.

JSON: out, model, revision, replaced (the revision that stood there, or null), kept (where its copy is, or null),
blob_bytes, float_drift (quantiser steps), frame_bytes {payload: of a whole frame}, int8 {photos, float, int8, cost_db,
cost_ms_ssim_db, symbols_changed} (null without a decoder). With --kmodel: see glimpse.commands.export_kmodel.
"""

import importlib.util
import json as json_module
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from glimpse.archive import keep, read_revision
from glimpse.commands.export_kmodel import export_kmodel, renew
from glimpse.commands.options import JsonOption
from glimpse.errors import GlimpseError, UsageError
from glimpse.files import make_folder, write_json, write_whole


class Part(StrEnum):
    """What of a model folder is written."""

    ENCODER = "encoder"
    DECODER = "decoder"
    BOTH = "both"


def export(
    weights: Annotated[Path, typer.Argument(help="Folder of a training; a model with --kmodel.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option(help="Its photos: they calibrate int8 and the tables.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Model folder to write; a file with --kmodel.", show_default=False),
    ] = None,
    part: Annotated[Part, typer.Option(help="The decoder alone after it was tuned.")] = Part.BOTH,
    photos: Annotated[int, typer.Option(min=8, help="Training photos to count symbols on.")] = 1000,
    header: Annotated[Path | None, typer.Option(help="C header to write as well.")] = None,
    archive: Annotated[
        Path | None, typer.Option(help="Folder that keeps the revision that is replaced.", show_default=False)
    ] = None,
    kmodel: Annotated[bool, typer.Option("--kmodel", help="A model's encoder for the K210.")] = False,
    nncase: Annotated[bool, typer.Option("--nncase", help="The kmodel by nncase instead of directly.")] = False,
    dequantize: Annotated[bool, typer.Option("--dequantize", help="The kmodel gives floats.")] = False,
    json: JsonOption = None,
) -> None:
    """Weights to int8 TFLite, tables, model.toml and decoder, with a report of what int8 cost."""
    if kmodel:
        if header is not None or archive is not None:
            raise UsageError("--header and --archive are for the export of a training; leave them out with --kmodel")
        export_kmodel(str(weights), out, nncase, dequantize, data, json)
        return
    if nncase or dequantize:
        raise UsageError("--nncase and --dequantize say how a kmodel is made; add --kmodel")
    if data is None or out is None:
        raise UsageError("exporting a training needs --data PHOTOS and --out FOLDER")
    for package, name in (("keras", "Keras"), ("tensorflow", "TensorFlow")):
        if importlib.util.find_spec(package) is None:
            raise GlimpseError(f"exporting needs {name}; type: pip install 'glimpse-lpwan[train]'")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    settings = _settings(weights)
    from glimpse import zoo
    from glimpse.export import package
    from glimpse.export.header import write_header
    from glimpse.export.int8_report import ALLOWED_DB, int8_cost
    from glimpse.training.data import load_squares
    from glimpse.training.definition import PHOTO_SIDE
    from glimpse.training.registry import definition
    from glimpse.training.split import split_files

    codec = definition(settings["model"], settings.get("patches"), settings.get("levels"))
    try:
        training, validation = split_files(data)
    except FileNotFoundError as error:
        raise GlimpseError(f"{error}; name the folder of the training's photos with --data") from error
    numbers: dict[str, Any] = {"out": str(out), "model": codec.name, "replaced": None, "kept": None}
    old = read_revision(out) if part is not Part.DECODER else None
    if old is not None:
        numbers["replaced"] = old.revision
        numbers["kept"] = str(keep(out, archive)) if archive is not None else None
    try:
        if part is not Part.DECODER:
            chosen = load_squares(training[:: max(1, len(training) // photos)], PHOTO_SIDE)
            numbers |= package.write_encoder(codec, weights, chosen, out)
            renew(out)
        if part is not Part.ENCODER:
            package.write_decoder(codec, weights, out)
    except (OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise GlimpseError(f"{weights} cannot be exported: {reason}; name the folder of a finished training") from error
    model = zoo.ZooModel(out)
    numbers |= {"revision": model.binding.revision, "blob_bytes": len(model.blob), "int8": None}
    if (out / "decoder.tflite").is_file() and (weights / "encoder.weights.h5").is_file():
        held = load_squares(validation[:: max(1, len(validation) // 100)], PHOTO_SIDE)
        numbers["int8"] = int8_cost(out, weights, codec, held)
        make_folder(out / "results")
        write_whole(out / "results" / "int8.json", (json_module.dumps(numbers["int8"], indent=1) + "\n").encode())
    if header is not None:
        write_header(out, header)
    _tell(numbers, ALLOWED_DB, to_stderr=json == "-")
    if json is not None:
        write_json(json, numbers)


def _settings(weights: Path) -> dict[str, Any]:
    file = weights / "run.json"
    try:
        return dict(json_module.loads(file.read_text()))
    except (OSError, ValueError) as error:
        raise GlimpseError(f"{weights} is not the folder of a training (no readable run.json); train first") from error


def _tell(numbers: dict[str, Any], allowed: float, to_stderr: bool) -> None:
    lines = [f"{numbers['out']}: {numbers['model']} revision {numbers['revision']}, {numbers['blob_bytes']:,} bytes"]
    if numbers["kept"]:
        lines.append(f"  revision {numbers['replaced']} is kept in {numbers['kept']}, where receivers find it")
    elif numbers["replaced"] is not None:
        lines.append(
            f"  it replaced revision {numbers['replaced']}, without which its packets cannot be decoded: get it back "
            "from version control if nodes still send them, and export with --archive DIR from now on to keep it"
        )
    for payload, size in numbers.get("frame_bytes", {}).items():
        lines.append(f"  a whole frame in packets of {payload} bytes: {size:,} bytes on average")
    if numbers["int8"]:
        cost = numbers["int8"]
        lines.append(
            f"  int8 costs {cost['cost_db']:.3f} dB and {cost['cost_ms_ssim_db']:.3f} dB of MS-SSIM "
            f"on {cost['photos']} held-out photos"
        )
        if cost["cost_db"] > allowed or cost["cost_ms_ssim_db"] > allowed:
            lines.append("  that is more than 0.1 dB: tune the decoder on what the node sends (glimpse train --node)")
    typer.echo("\n".join(lines), err=to_stderr)
