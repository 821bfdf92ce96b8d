# SPDX-License-Identifier: Apache-2.0
"""What the network costs layer by layer, and what one would use instead, on the same emulated core and the same photo:
whole-tensor CMSIS-NN, and JPEG in C.

All are in the bench images (firmware/bench), which print what they counted.
"""

import io
import re
import subprocess
import tempfile
from binascii import crc32
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from glimpse import firmware, zoo
from glimpse.errors import GlimpseError
from glimpse.export.cost import layer_macs
from glimpse.progress import progress
from glimpse.targets.node import Capture
from glimpse.zoo import ZooModel

BENCHES = {"sim:cortex-m7": "qemu_cortex_m7_bench", "sim:cortex-m33": "qemu_cortex_m33_bench"}
JPEG = "stb_image_write"
"""The encoder in the bench images: Debian's libstb-dev."""
_JPEG_FILE = re.compile(r"^jpeg quality (\d+) instructions (\d+)\njpeg file ([0-9a-f]+)$", re.MULTILINE)


@dataclass(frozen=True)
class JpegFile:
    """A JPEG file made on an emulated core.

    Attributes:
        quality: 1..100 as stb_image_write counts; chroma at half the resolution up to 90.
        instructions: counted, of the encoder alone.
        data: the file.
        picture: uint8 [height, width, 3], what another program decodes from it.
    """

    quality: int
    instructions: int
    data: bytes
    picture: np.ndarray


def run_image(environment: str, model: Path, photo: np.ndarray, seconds: float = 300) -> subprocess.CompletedProcess:
    """Builds and runs a bench image on a photo; what it printed is in stdout.

    Args:
        environment: a value of BENCHES.
        model: the folder of the model to build in.
        photo: uint8 [height, width, 3] of the model's size.
        seconds: that it may take.

    Raises:
        GlimpseError: it cannot be built, or did not end in time.
    """
    elf = firmware.build(environment, model)
    command = firmware.platform_tool("run_board").command(environment.removesuffix("_bench"), elf)
    with tempfile.TemporaryDirectory(prefix="glimpse-") as folder:
        (Path(folder) / "camera.rgb").write_bytes(photo.tobytes())
        try:
            return subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise GlimpseError(
                f"the bench image did not end within {seconds:g} s; use --no-whole to leave it out"
            ) from error


def measure(target: str, model: ZooModel, photo: np.ndarray, streamed: Capture) -> dict:
    """The rivals' costs on one photo.

    Args:
        target: a key of BENCHES.
        model: whose layers run whole-tensor.
        photo: uint8 [height, width, 3].
        streamed: the same photo through the node.

    Returns:
        Keys: network_by_layer, whole_tensor and jpeg, as glimpse.bench.measure says.

    Raises:
        GlimpseError: the bench image cannot be built or failed.
    """
    whole = model.binding.patches == 1
    # JPEG knows no model: where the layers cannot run whole, the standard model's image has it, too.
    image = model.folder if whole else firmware.standard_model()
    taken = zoo.load(str(image)).binding
    if photo.shape[:2] != (taken.photo_height, taken.photo_width):
        return {"network_by_layer": None, "whole_tensor": None, "jpeg": None}
    with progress(f"the same photo through JPEG{', the same layers whole-tensor' if whole else ''}"):
        run = run_image(BENCHES[target], image, photo)
    files = jpeg_files(run, photo)
    return {
        "network_by_layer": _by_layer(run, model, streamed) if whole else None,
        "whole_tensor": _whole_tensor(run, model, photo, streamed) if whole else None,
        "jpeg": None if files is None else _jpeg_numbers(run, files, photo),
    }


def jpeg_files(run: subprocess.CompletedProcess, photo: np.ndarray) -> list[JpegFile] | None:
    """The JPEG files that a bench image printed, every one decoded; None: it was built without an encoder.

    Raises:
        GlimpseError: there are none, or one is no JPEG file of the photo's size.
    """
    if "jpeg not built in" in run.stdout:
        return None
    files = []
    for quality, instructions, digits in _JPEG_FILE.findall(run.stdout):
        data = bytes.fromhex(digits)
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                picture = np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:
            raise GlimpseError(f"the JPEG file of quality {quality} from the bench image does not decode") from error
        if picture.shape != photo.shape:
            raise GlimpseError(f"the JPEG file of quality {quality} from the bench image is of another size")
        files.append(JpegFile(int(quality), int(instructions), data, picture))
    if not files:
        raise GlimpseError(
            f"the bench image made no JPEG file, status {run.returncode}: {run.stdout[-200:]!r} {run.stderr[-200:]!r}"
        )
    return files


def _jpeg_numbers(run: subprocess.CompletedProcess, files: list[JpegFile], photo: np.ndarray) -> dict:
    from glimpse.quality import Reference

    reference = Reference(photo)
    stack = re.search(r"^jpeg stack bytes (\d+)$", run.stdout, re.MULTILINE)
    rows = []
    for file in files:
        quality = reference.compare(file.picture)
        rows.append(
            {
                "quality": file.quality,
                "instructions": file.instructions,
                "bytes": len(file.data),
                "psnr_db": round(quality.psnr_db, 2),
                "ms_ssim": round(quality.ms_ssim, 4),
            }
        )
    return {"encoder": JPEG, "stack_bytes": int(stack[1]) if stack else None, "files": rows}


def _by_layer(run: subprocess.CompletedProcess, model: ZooModel, streamed: Capture) -> dict:
    """The streaming network as the bench image counted it, beside the same layers whole where they fit."""
    counts = [int(n) for n in re.findall(r"^stream layer \d+ instructions (\d+)$", run.stdout, re.MULTILINE)]
    total, between = (
        re.search(rf"^stream {what} (\d+)$", run.stdout, re.MULTILINE) for what in ("total", "between layers")
    )
    layers = layer_macs(model.folder)
    if not total or not between or len(counts) != len(layers):
        raise GlimpseError(
            f"the bench image did not count the layers, status {run.returncode}: {run.stdout[-200:]!r} "
            f"{run.stderr[-200:]!r}"
        )
    whole = re.findall(r"^whole layer \d+ instructions (\d+)$", run.stdout, re.MULTILINE)
    whole = [int(n) for n in whole] if len(whole) == len(layers) else [None] * len(layers)
    rows = [
        {
            "kind": layer.kind,
            "kernel": list(layer.kernel),
            "stride": list(layer.stride),
            "in": list(layer.in_shape),
            "out": list(layer.out_shape),
            "macs": macs,
            "instructions": count,
            "per_mac": round(count / macs, 3) if macs else None,
            "whole_tensor": other,
        }
        for (layer, macs), count, other in zip(layers, counts, whole, strict=True)
    ]
    instructions = int(total[1])
    return {
        "instructions": instructions,
        "between": int(between[1]),
        "more_than_node": instructions - streamed.stats.by_stage["network"],
        "layers": rows,
    }


def _whole_tensor(
    run: subprocess.CompletedProcess, model: ZooModel, photo: np.ndarray, streamed: Capture
) -> dict | None:
    """None: there is nothing to compare with, because whole tensors of this model do not fit."""
    if "whole tensors do not fit" in run.stdout:
        return None
    layers = [int(n) for n in re.findall(r"whole layer \d+ instructions (\d+)", run.stdout)]
    total = re.search(r"whole total (\d+)", run.stdout)
    check = re.search(r"^whole latent crc32 ([0-9a-fA-F]{8})\s*$", run.stdout, re.MULTILINE)
    if run.returncode or not total or not check:
        raise GlimpseError(
            f"the whole-tensor image failed with status {run.returncode}: {run.stdout[-200:]!r} {run.stderr[-200:]!r}"
        )
    latent, side = model.binding.encode_outputs(photo)
    sides = re.findall(r"^(?:stream|whole) side crc32 ([0-9a-fA-F]{8})\s*$", run.stdout, re.MULTILINE)
    instructions = int(total[1])
    return {
        "instructions": instructions,
        "by_layer": layers,
        "same_latent": int(check[1], 16) == crc32(latent.tobytes()),
        "same_side": [int(found, 16) for found in sides] == [crc32(side.tobytes())] * 2 if side.size else None,
        "network_ratio": round(streamed.stats.by_stage["network"] / instructions, 4),
    }
