# SPDX-License-Identifier: Apache-2.0
"""What a model costs on a node: instructions, memory, flash, and the same layers run whole-tensor."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from glimpse import firmware, rivals
from glimpse.estimate import estimated_ms
from glimpse.export.cost import cost_of
from glimpse.progress import progress
from glimpse.targets import open_node
from glimpse.targets.node import Capture, NodeInfo
from glimpse.targets.sim import SimNode
from glimpse.zoo import ZooModel


def measure(
    target: str,
    model: ZooModel,
    photo: np.ndarray,
    *,
    frames: int = 3,
    payload: int = 51,
    coding: str = "range",
    budget: int | None = None,
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
        budget: most bytes of a frame; None: the whole picture.
        whole_tensor: also run the layers whole through CMSIS-NN, and a JPEG encoder in C, in an image of their own
            (emulated boards only).

    Returns:
        Keys: target, model, board, frames, payload, coding, budget, unit, counts (one total for each frame),
        instructions (null where they are not counted), instructions_by_stage, codec_percent (share of quantiser, order
        and packing, null where not counted), estimated_ms {board: {value, low, high}}, ram_bytes
        {static, buffers, stack_peak, total, and not in total latent, reference, camera (a picture that waits)},
        flash_bytes {code, model, total}, packets, bytes, macs, weights; with whole_tensor also whole_tensor
        {instructions, by_layer, network_ratio, same_latent, same_side (null without a side output)}, null for a model
        that runs in patches or whose tensors do not fit; and jpeg {encoder, stack_bytes, files [{quality,
        instructions, bytes, psnr_db, ms_ssim}]}, null where the bench image was built without it, or for another size
        of photos.
        buffers and latent are what the model needs, which may be less than the image offers.

    Raises:
        GlimpseError: the node cannot be had or fell silent.
    """
    with open_node(target, model) as node, progress(f"encoding on {target}", frames) as task:
        info = node.identify()
        elf = node.elf if isinstance(node, SimNode) else None
        captures = []
        for _ in range(frames):
            captures.append(node.capture(photo, payload=payload, coding=coding, budget=budget))
            task.advance()
    last = captures[-1]
    result = {
        "target": target,
        "model": model.name,
        "board": info.board,
        "frames": frames,
        "payload": payload,
        "coding": coding,
        "budget": budget,
        "unit": last.stats.unit,
        "counts": [c.stats.total for c in captures],
        "instructions": last.stats.instructions,
        "instructions_by_stage": last.stats.instructions_by_stage,
        "codec_percent": _codec_percent(last.stats.instructions_by_stage),
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
    if whole_tensor and target in rivals.BENCHES:
        result |= rivals.measure(target, model, photo, last)
    return result


def _codec_percent(stages: dict[str, int] | None) -> float | None:
    if not stages:
        return None
    return round(100 * (stages["quantise"] + stages["pack"]) / sum(stages.values()), 2)


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
