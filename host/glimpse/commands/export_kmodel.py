# SPDX-License-Identifier: Apache-2.0
"""`glimpse export MODEL --kmodel`: a model's encoder as the file that a K210 loads.

JSON: out, model, revision, way ("direct" or "nncase"), dequantize, bytes, weights_bytes, main_memory_bytes,
kpu_memory_bytes, executions (a photo), layers [{in, out (channels, height, width), kernel, pool}].
"""

from pathlib import Path
from typing import Any

import typer

from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.files import check_place, write_json, write_whole
from glimpse.kmodel.from_tflite import write
from glimpse.kmodel.layout import ConvLayer, Kmodel, parse
from glimpse.kmodel.registers import LINE, lines_of


def export_kmodel(
    model: str, out: Path | None, nncase: bool, dequantize: bool, data: Path | None, json: str | None
) -> None:
    """Writes the kmodel of a model and says what it takes.

    Args:
        model: name of a model, or its folder.
        out: file to write; None: encoder.kmodel in the model's folder.
        nncase: compile with nncase instead of writing directly.
        dequantize: end with a layer that gives floats.
        data: folder of photos that calibrate nncase; None: the sample photos.
        json: argument of --json.

    Raises:
        GlimpseError: no such model, the KPU cannot run it, nncase cannot be had, or the file cannot be written.
    """
    source = zoo.load(model)
    place = out or source.folder / "encoder.kmodel"
    check_place(place)
    try:
        tflite = (source.folder / "encoder.tflite").read_bytes()
    except OSError as error:
        raise GlimpseError(f"{source.folder} has no readable encoder.tflite; export the model again") from error
    if nncase:
        from glimpse.kmodel.calibration import calibration_patches
        from glimpse.kmodel.nncase import write_with_nncase

        binding = source.binding
        file = write_with_nncase(tflite, calibration_patches(binding.photo_width, binding.patches, data), dequantize)
    else:
        file = write(tflite, dequantize)
    write_whole(place, file)
    numbers = _numbers(source, place, file, parse(file, str(place)), "nncase" if nncase else "direct", dequantize)
    typer.echo(
        f"{place}: {numbers['model']} revision {numbers['revision']}, {numbers['bytes']:,} bytes, version 3\n"
        f"  {numbers['kpu_memory_bytes']:,} bytes of the KPU's memory, {numbers['main_memory_bytes']:,} of the other, "
        f"run {numbers['executions']} times for a photo",
        err=json == "-",
    )
    if json is not None:
        write_json(json, numbers)


def renew(folder: Path) -> None:
    """Writes a model folder's kmodel again, if it has one: for an encoder that has just been replaced.

    Raises:
        GlimpseError: the KPU cannot run the new encoder, or the file cannot be written.
    """
    place = folder / "encoder.kmodel"
    if place.is_file():
        write_whole(place, write((folder / "encoder.tflite").read_bytes()))


def _numbers(
    source: zoo.ZooModel, place: Path, file: bytes, kmodel: Kmodel, way: str, dequantize: bool
) -> dict[str, Any]:
    layers = [layer for layer in kmodel.layers if isinstance(layer, ConvLayer)]
    shapes = [((x.in_channels, x.in_height, x.in_width), (x.out_channels, x.out_height, x.out_width)) for x in layers]
    return {
        "out": str(place),
        "model": source.name,
        "revision": source.binding.revision,
        "way": way,
        "dequantize": dequantize,
        "bytes": len(file),
        "weights_bytes": sum(len(layer.weights_data) for layer in layers),
        "main_memory_bytes": kmodel.main_memory,
        "kpu_memory_bytes": max(LINE * (lines_of(*before) + lines_of(*after)) for before, after in shapes),
        "executions": source.binding.patches**2,
        "layers": [
            {"in": before, "out": after, "kernel": layer.kernel, "pool": layer.pool}
            for layer, (before, after) in zip(layers, shapes, strict=True)
        ],
    }
