# SPDX-License-Identifier: Apache-2.0
"""What a model costs on a node: instructions, memory, flash, and the same layers run whole-tensor."""

from dataclasses import asdict
from pathlib import Path
from statistics import median

import numpy as np

from glimpse import firmware, rivals
from glimpse.estimate import estimated_ms
from glimpse.export.cost import cost_of
from glimpse.progress import progress
from glimpse.targets import open_node
from glimpse.targets.node import CODEC_STAGES, Capture, CaptureStats, Node, NodeInfo
from glimpse.targets.sim import SimNode
from glimpse.zoo import ZooModel

UNITS_A_MS = {"ns": 1e6, "us": 1e3}
"""Of the counts of nodes that have a clock; cycles take the core's."""


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
        at_least (a frame took more than a node can count: what is counted or measured of it is a lower bound),
        instructions (null where they are not counted), instructions_by_stage, codec_percent (share of quantiser, order
        and packing, null where not counted), estimated_ms {board: {value, low, high}} of emulated boards, measured_ms
        {board: {value (median of the frames), low, high (least and most), by_stage (of the last frame)}} of nodes that
        have a clock, stack_peak_bytes (null where unknown), ram_bytes {static, buffers, stack_peak, total, and not in
        total latent, reference, camera (a picture that waits)}, flash_bytes {code, model, total}, memory_unknown (why
        these two are null, else null), packets, bytes, macs, weights.
        With whole_tensor also network_by_layer {instructions (of the network, streamed), between (of them, no layer's
        own), more_than_node (than the stage network: the bench image counts layers, and copies with the C library's
        memcpy), layers [{kind, kernel, stride, in, out (height, width, channels), macs, instructions, per_mac (null
        without MACs), whole_tensor (instructions of the same layer run whole, null where layers do not fit so)}]}, null
        for a model that runs in patches; whole_tensor {instructions, by_layer, network_ratio, same_latent, same_side
        (null without a side output)}, null for a model that runs in patches or whose tensors do not fit; and jpeg
        {encoder, stack_bytes, files [{quality, instructions, bytes, psnr_db, ms_ssim}]}, null where the bench image was
        built without it, or for another size of photos.
        buffers and latent are what the model needs, which may be less than the image offers.

    Raises:
        GlimpseError: the node cannot be had or fell silent.
    """
    with open_node(target, model) as node, progress(f"encoding on {target}", frames) as task:
        info = node.identify()
        elf, unknown = _image(node, info, model)
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
        "at_least": any(c.stats.at_least for c in captures),
        "instructions": last.stats.instructions,
        "instructions_by_stage": last.stats.instructions_by_stage,
        "codec_percent": _codec_percent(last.stats.instructions_by_stage),
        "estimated_ms": {},
        "measured_ms": _measured_ms(info, [c.stats for c in captures]),
        "stack_peak_bytes": last.stats.stack_peak or None,
        "ram_bytes": None,
        "flash_bytes": None,
        "memory_unknown": unknown,
        "packets": len(last.packets),
        "bytes": sum(map(len, last.packets)),
        **asdict(cost_of(model.folder)),
    }
    if elf:
        result.update(_memory(elf, info, last, model))
    if last.stats.unit == "instructions":
        core = target.removeprefix("sim:").removesuffix("-tflm")
        result["estimated_ms"] = estimated_ms(last.stats.total, core)
    if whole_tensor and target in rivals.BENCHES:
        result |= rivals.measure(target, model, photo, last)
    return result


def _codec_percent(stages: dict[str, int] | None) -> float | None:
    if not stages:
        return None
    return round(100 * (stages["quantise"] + stages["pack"]) / sum(stages.values()), 2)


def _measured_ms(info: NodeInfo, stats: list[CaptureStats]) -> dict[str, dict]:
    unit = stats[-1].unit
    a_ms = info.core_hz / 1000 if unit == "cycles" else UNITS_A_MS.get(unit)
    if not a_ms:
        return {}
    totals = [s.total / a_ms for s in stats]
    found = {"value": median(totals), "low": min(totals), "high": max(totals)}
    stages = {stage: round(stats[-1].by_stage[stage] / a_ms, 3) for stage in CODEC_STAGES}
    return {info.board: {name: round(ms, 3) for name, ms in found.items()} | {"by_stage": stages}}


def _image(node: Node, info: NodeInfo, model: ZooModel) -> tuple[Path | None, str | None]:
    """The image that a node runs, or why it is not known."""
    if isinstance(node, SimNode):
        return node.elf, None
    if info.board not in firmware.BOARDS:
        return None, f"memory is read off the images of {', '.join(firmware.BOARDS)} and the emulated boards"
    elf = firmware.elf_path(info.board, model.folder)
    if not elf.is_file():
        return None, f"there is no image of {info.board} with {model.name} here; program it with glimpse flash"
    built_in = model.blob if info.slot is None else None
    if not firmware.is_image(elf, info.firmware, info.buffer_bytes, info.latent_bytes, built_in):
        return (
            None,
            f"the node does not run the image of {info.board} that is built here; program it with glimpse flash",
        )
    return elf, None


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
