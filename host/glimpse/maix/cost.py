# SPDX-License-Identifier: Apache-2.0
"""What a picture costs on a K210: estimated from the network's shapes, beside what Starfish published.

No K210 is emulated anywhere and no board has been measured here, so every number says what it is: measured (read off
the files), simulated (run in MicroPython on another machine) or estimated (by formula); Starfish's are published.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Literal

from glimpse.errors import GlimpseError
from glimpse.kmodel import layout
from glimpse.targets.k210 import kmodel_of
from glimpse.zoo import ZooModel

Label = Literal["measured", "simulated", "estimated"]

BOARD = "K210 at 400 MHz"
HERTZ = 400e6
"""MaixPy's clock of the accelerator. Its multipliers take 64 pixels of a row in a cycle, 3 x 3 weights each."""
LAYER_MS = (0.2, 0.4)
"""Milliseconds that a layer takes besides: interrupts, loading weights."""
LINE = 64
"""Bytes of a line of the accelerator's memory: a row of up to 64 pixels, or of 2 or 4 channels when it is short."""
KPU_RAM = 2 << 20
SPEED = "k210-speed.json"
MEASURE = "python -m glimpse.evaluation.k210_speed"

PUBLISHED = "Starfish (SenSys 2020), Table 6 and text"
"""On a Maix board under MaixPy, from camera to packets; how operations were counted is not said."""
STARFISH_S = 0.94
STARFISH_BYTES = 83_000
STARFISH_OPERATIONS = 126e6
STARFISH_UAH = 7.81
CURRENT_MA = (60.0, 30.0, 200.0)
"""At 5 V while the accelerator runs: 0.3 W assumed; as little as Starfish's mean, 7.81 uAh in 0.94 s; 1 W assumed."""


@dataclass(frozen=True)
class Figure:
    """A number and what it is worth, beside the one that Starfish published.

    Attributes:
        what: it is of.
        value: as much; None: not known.
        unit: of all numbers here.
        label: measured, simulated or estimated; None: not known.
        source: of the value.
        low: at least, as high at most; None: no interval.
        published: Starfish's; None: not said.
    """

    what: str
    value: float | None
    unit: str
    label: Label | None
    source: str
    low: float | None = None
    high: float | None = None
    published: float | None = None


def layer_cycles(layer: layout.ConvLayer) -> float:
    """Cycles of a convolution: each pair of channels takes one for every 64 pixels of a row; short rows share one."""
    rows = layer.in_height * ceil(layer.in_width / LINE)
    pairs = layer.in_channels * layer.out_channels if not layer.depthwise else layer.in_channels
    return pairs * rows / _sharing(layer.in_width)


def layer_macs(layer: layout.ConvLayer) -> int:
    """Multiplications of a convolution before it pools."""
    inputs = 1 if layer.depthwise else layer.in_channels
    return layer.in_height * layer.in_width * inputs * layer.out_channels * layer.kernel**2


def kpu_bytes(channels: int, height: int, width: int) -> int:
    """Accelerator memory of one tensor, its rows in lines of 64 bytes."""
    return ceil(channels / _sharing(width)) * height * ceil(width / LINE) * LINE


def _sharing(width: int) -> int:
    """Channels whose rows lie in one line."""
    return 4 if width <= LINE // 4 else 2 if width <= LINE // 2 else 1


def measure(model: ZooModel) -> dict[str, Any]:
    """The cost of one picture on a K210.

    Returns:
        Keys as glimpse.bench.measure where they mean the same: target, model, board, instructions (null), estimated_ms
        {board: {value, low, high}} of the accelerator alone, ram_bytes {kpu, main}, flash_bytes {model, blob, total},
        macs, weights. Besides: patches (of a picture), layers [{kernel, in, out ([channels, height, width]), pool,
        macs, cycles, ms {low, high}}] of one patch, figures [{what, value, low, high, unit, label, source,
        published}]: every number with what it is worth, null where nobody knows, beside Starfish's.

    Raises:
        GlimpseError: the accelerator cannot run the model, or its kmodel has other layers than convolutions.
    """
    network = kmodel_of(model.folder)
    parsed = layout.parse(network, f"the kmodel of {model.name}")
    layers = [layer for layer in parsed.layers if isinstance(layer, layout.ConvLayer)]
    if not layers or any(isinstance(layer, layout.OtherLayer) for layer in parsed.layers):
        raise GlimpseError(f"the kmodel of {model.name} has layers that no formula covers; export the model again")
    patches = model.binding.patches**2
    cycles = [layer_cycles(layer) for layer in layers]
    busy = patches * sum(cycles) / HERTZ * 1e3
    low, high = (busy + patches * len(layers) * more for more in LAYER_MS)
    kpu = max(
        kpu_bytes(each.in_channels, each.in_height, each.in_width)
        + kpu_bytes(each.out_channels, each.out_height, each.out_width)
        for each in layers
    )
    figures = [
        *_time(busy, low, high, patches, len(layers)),
        *packing(model),
        *_sizes(model, network, kpu, parsed.main_memory),
        _work(layers, patches),
        *_energy(low, high),
    ]
    return {
        "target": "sim:k210",
        "model": model.name,
        "board": BOARD,
        "instructions": None,
        "instructions_by_stage": {},
        "estimated_ms": {BOARD: {"value": round((low + high) / 2, 2), "low": round(low, 2), "high": round(high, 2)}},
        "ram_bytes": {"kpu": kpu, "main": parsed.main_memory},
        "flash_bytes": {"model": len(network), "blob": len(model.blob), "total": len(network) + len(model.blob)},
        "patches": patches,
        "macs": patches * sum(map(layer_macs, layers)),
        "weights": sum(layer.weights.size for layer in layers),
        "layers": [_layer(layer, count) for layer, count in zip(layers, cycles, strict=True)],
        "figures": [asdict(figure) for figure in figures],
    }


def _layer(layer: layout.ConvLayer, cycles: float) -> dict[str, Any]:
    ms = cycles / HERTZ * 1e3
    return {
        "kernel": layer.kernel,
        "in": [layer.in_channels, layer.in_height, layer.in_width],
        "out": [layer.out_channels, layer.out_height, layer.out_width],
        "pool": layer.pool,
        "macs": layer_macs(layer),
        "cycles": round(cycles),
        "ms": {"low": round(ms + LAYER_MS[0], 3), "high": round(ms + LAYER_MS[1], 3)},
    }


def _time(busy: float, low: float, high: float, patches: int, layers: int) -> list[Figure]:
    value = (low + high) / 2
    formula = (
        f"channels in x out x rows x 64-pixel steps at 400 MHz: {busy:.1f} ms; "
        f"{LAYER_MS[0]:g} to {LAYER_MS[1]:g} ms more for each of {patches} x {layers} layers"
    )
    return [
        Figure("accelerator", round(value, 1), "ms", "estimated", formula, round(low, 1), round(high, 1)),
        Figure("camera to packets", None, "ms", None, "needs a board", published=STARFISH_S * 1e3),
    ]


def packing(model: ZooModel) -> list[Figure]:
    """How fast MicroPython packs symbols, from the model's results/k210-speed.json where that was measured.

    The file is glimpse.evaluation.k210_speed's.

    Raises:
        GlimpseError: the file is there and is something else.
    """
    file = model.folder / "results" / SPEED
    if not file.is_file():
        source = f"run {MEASURE} --json {file}"
        return [Figure("packing in MicroPython", None, "ms", None, source)]
    try:
        found = json.loads(file.read_text())
        ms, photos, size = float(found["node"]["ms"]), int(found["photos"]), int(found["bytes"])
        if min(ms, photos, size) <= 0:
            raise ValueError(file)
        heap = found.get("heap_bytes")
        kept = sum(map(int, heap.values())) if heap else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GlimpseError(f"{file} cannot be read; measure it again with {MEASURE}, or remove it") from error
    figures = [
        Figure("packing in MicroPython", round(ms / photos, 1), "ms", "simulated", f"on another computer: {MEASURE}"),
        Figure("packing in MicroPython", round(size / ms * 1e3), "bytes/s", "simulated", "the same"),
    ]
    return figures + ([Figure("MicroPython's heap", kept, "bytes", "simulated", "the same")] if kept else [])


def _sizes(model: ZooModel, network: bytes, kpu: int, main: int) -> list[Figure]:
    return [
        Figure("network file", len(network), "bytes", "measured", "the kmodel", published=STARFISH_BYTES),
        Figure("tables and quantiser, in the blob", len(model.blob), "bytes", "measured", "docs/model-blob.md"),
        Figure(f"accelerator memory, of {KPU_RAM:,}", kpu, "bytes", "measured", "the largest layer's input and output"),
        Figure("main memory for results", main, "bytes", "measured", "the network file's header"),
    ]


def _work(layers: Sequence[layout.ConvLayer], patches: int) -> Figure:
    macs = patches * sum(map(layer_macs, layers))
    source = "the layers' shapes, before pooling"
    return Figure("operations (MACs)", macs, "", "measured", source, published=STARFISH_OPERATIONS)


def _energy(low_ms: float, high_ms: float) -> list[Figure]:
    def uah(milliamperes: float, ms: float) -> float:
        return round(milliamperes * ms / 3600, 3)

    value, least, most = CURRENT_MA
    source = f"the time above x {value:g} mA ({least:g} to {most:g}) at 5 V, assumed"
    middle = uah(value, (low_ms + high_ms) / 2)
    mean = round(STARFISH_UAH * 3.6 / STARFISH_S, 1)
    return [
        Figure("accelerator's charge", middle, "uAh", "estimated", source, uah(least, low_ms), uah(most, high_ms)),
        Figure("charge, camera to packets", None, "uAh", None, "needs a board", published=STARFISH_UAH),
        Figure("mean current", None, "mA", None, f"{STARFISH_UAH:g} uAh in {STARFISH_S:g} s", published=mean),
    ]
