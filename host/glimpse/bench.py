# SPDX-License-Identifier: Apache-2.0
"""What a model costs on a node: instructions, memory, flash, and the same layers run whole-tensor."""

import re
import subprocess
import tempfile
from binascii import crc32
from dataclasses import asdict
from pathlib import Path

import numpy as np

from glimpse import firmware
from glimpse.errors import GlimpseError
from glimpse.estimate import estimated_ms
from glimpse.export.cost import cost_of
from glimpse.progress import progress
from glimpse.targets import open_node
from glimpse.targets.node import Capture, NodeInfo
from glimpse.targets.sim import SimNode
from glimpse.zoo import ZooModel

BENCHES = {"sim:cortex-m7": "qemu_cortex_m7_bench", "sim:cortex-m33": "qemu_cortex_m33_bench"}


def measure(
    target: str,
    model: ZooModel,
    photo: np.ndarray,
    *,
    frames: int = 3,
    payload: int = 51,
    coding: str = "range",
    whole_tensor: bool = False,
) -> dict:
    """Encodes a photo several times on a node.

    Args:
        target: an address.
        model: the model.
        photo: uint8 [photo_height, photo_width, 3].
        frames: how often.
        payload: bytes of a packet.
        coding: "raw" or "range".
        whole_tensor: also run the layers whole through CMSIS-NN in an image of its own (emulated boards only).

    Returns:
        Keys: target, model, board, frames, payload, coding, unit, counts (one total for each frame), instructions
        (null where they are not counted), instructions_by_stage, estimated_ms {board: {value, low, high}}, ram_bytes
        {static, buffers, stack_peak, total, and not in total latent, reference, camera (a picture that waits)},
        flash_bytes {code, model, total}, packets, bytes, macs, weights; with whole_tensor also whole_tensor
        {instructions, by_layer, network_ratio, same_latent, same_side (null without a side output)}, null for a model
        that runs in patches or whose tensors do not fit.
        buffers and latent are what the model needs, which may be less than the image offers.

    Raises:
        GlimpseError: the node cannot be had or fell silent.
    """
    with open_node(target, model) as node, progress(f"encoding on {target}", frames) as task:
        info = node.identify()
        elf = node.elf if isinstance(node, SimNode) else None
        captures = []
        for _ in range(frames):
            captures.append(node.capture(photo, payload=payload, coding=coding))
            task.advance()
    last = captures[-1]
    result = {
        "target": target,
        "model": model.name,
        "board": info.board,
        "frames": frames,
        "payload": payload,
        "coding": coding,
        "unit": last.stats.unit,
        "counts": [c.stats.total for c in captures],
        "instructions": last.stats.instructions,
        "instructions_by_stage": last.stats.instructions_by_stage,
        "estimated_ms": {},
        "ram_bytes": None,
        "flash_bytes": None,
        "packets": len(last.packets),
        "bytes": sum(map(len, last.packets)),
        **asdict(cost_of(model.folder)),
    }
    core = target.removeprefix("sim:").removesuffix("-tflm")
    if elf:
        result["estimated_ms"] = estimated_ms(last.stats.total, core)
        result.update(_memory(elf, info, last, model))
    if whole_tensor and target in BENCHES:
        result["whole_tensor"] = _whole_tensor(BENCHES[target], model, photo, last)
    return result


def _memory(elf: Path, info: NodeInfo, capture: Capture, model: ZooModel) -> dict:
    sizes = firmware.memory(elf)
    stack = capture.stats.stack_peak
    model_bytes = len(model.blob)
    code = sizes["flash"] - sizes["model"]
    return {
        "ram_bytes": {
            "static": sizes["static"],
            "buffers": info.buffer_bytes_used,
            "stack_peak": stack,
            "total": sizes["static"] + info.buffer_bytes_used + stack,
            "latent": model.binding.symbol_count,
            "reference": sizes["reference"],
            "camera": sizes["camera"],
        },
        "flash_bytes": {"code": code, "model": model_bytes, "total": code + model_bytes},
    }


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=300, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise GlimpseError("the whole-tensor image did not end within 300 s; use --no-whole to leave it out") from error


def _whole_tensor(environment: str, model: ZooModel, photo: np.ndarray, streamed: Capture) -> dict | None:
    """None: there is nothing to compare with, because whole tensors of this model do not fit or it runs in patches."""
    if model.binding.patches != 1:
        return None
    elf = firmware.build(environment, model.folder)
    command = firmware.platform_tool("run_board").command(environment.removesuffix("_bench"), elf)
    with tempfile.TemporaryDirectory(prefix="glimpse-") as folder:
        (Path(folder) / "camera.rgb").write_bytes(photo.tobytes())
        with progress("the same layers whole-tensor"):
            run = _run(command, Path(folder))
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
