# SPDX-License-Identifier: Apache-2.0
"""How fast the K210 node's MicroPython packs, under MicroPython's WebAssembly port on this computer.

    python -m glimpse.evaluation.k210_speed [--payload 51] [--json FILE]

Latents of the sample photos become packets twice: by the node's packer, and by a plain loop that follows the
specification call by call (firmware/maix/sim/plain_packer.py). Both must be the C core's packets. A K210 is another
machine: what carries over is the ratio, and that only roughly.

JSON: model, payload, photos, bytes, symbols, node {ms, bytes_per_second}, plain {the same}, ratio, quantise_ms,
heap_bytes {code, model} (what stays: the node's modules; a model with its tables, ready to pack; addresses have 4 bytes
here and 8 on a K210).
"""

import argparse
import json
from pathlib import Path

import numpy as np

from glimpse import firmware, zoo
from glimpse.errors import GlimpseError
from glimpse.files import write_json
from glimpse.photo import fit_photo, load_photo
from glimpse.samples import sample_photos
from glimpse.targets.k210 import run_script

_PROGRAM = """
import gc
from ujson import dumps
from utime import ticks_diff, ticks_us
from glimpse_blob import Model
from glimpse_order import Layout
from glimpse_packer import RANGE, Packer
from glimpse_symbols import Quantiser
from plain_packer import PlainPacker

with open("settings") as file:
    payload, photos, rounds = [int(word) for word in file.read().split()]
model = Model("starfish.blob")
layout = Layout(model)
quantiser, packer = Quantiser(model, layout), Packer(model, layout)
symbols = bytearray(layout.size)
plain = PlainPacker(model)
us = {"quantise": 0, "node": 0, "plain": 0}
rows, columns = quantiser.rows, quantiser.columns
out = open("packets", "wb")
for round in range(rounds):
    for photo in range(photos):
        with open("latent%d" % photo, "rb") as file:
            latent = memoryview(file.read())
        since = ticks_us()
        for patch in range(model.patches * model.patches):
            y, x = divmod(patch, model.patches)
            quantiser.put(latent[patch * quantiser.count :], symbols, y, x)
        us["quantise"] += ticks_diff(ticks_us(), since)
        flat = bytearray(model.symbols)
        line = model.width * model.channels
        for y in range(model.height):
            at = layout.first + y * layout.row
            flat[y * line : (y + 1) * line] = symbols[at : at + line]
        packer.begin(symbols, photo, RANGE)
        plain.begin(flat, photo)
        for name, maker in (("node", packer), ("plain", plain)):
            while True:
                gc.collect()
                since = ticks_us()
                length = maker.next(payload)
                us[name] += ticks_diff(ticks_us(), since)
                if not length:
                    break
                if round == 0:
                    out.write(bytes((length,)) + maker.packet[:length])
out.close()
with open("told", "w") as file:
    file.write(dumps(us))
"""

# What stays on the heap: of nothing, of the node's code, of its code and a model ready to pack.
_HEAP = """
import gc, boot, sys
step = int(open("step").read())
kept = []
if step > 0:
    import glimpse_board, glimpse_node
if step > 1:
    from glimpse_blob import Model
    from glimpse_order import Layout
    from glimpse_packer import Packer
    from glimpse_symbols import Quantiser
    model = Model("starfish.blob")
    layout = Layout(model)
    kept += [Quantiser(model, layout), Packer(model, layout), bytearray(layout.size)]
def finish():
    with open("told", "w") as file:
        file.write(str(gc.mem_alloc()))
boot.kept, boot.finish = kept, finish
"""


def measure(payload: int = 51, rounds: int = 3, photos: int | None = None) -> dict:
    """Packs the sample photos' latents with both packers; see the module for the keys.

    Args:
        payload: bytes of a packet.
        rounds: how often, for steadier times.
        photos: how many of the samples; None: all.

    Raises:
        GlimpseError: MicroPython is missing, or packets are not those of the C core.
    """
    model = zoo.load("starfish")
    files, expected = {"starfish.blob": model.blob}, []
    for number, path in enumerate(list(sample_photos().values())[:photos]):
        photo = fit_photo(load_photo(path), model.binding.photo_width, model.binding.photo_height)
        latent, _ = model.binding.encode_outputs(photo)
        files[f"latent{number}"] = _patches(latent, model.binding.patches)
        packets = model.binding.pack(model.binding.quantise(latent), frame=number, payload=payload)
        expected += [packets, packets]
    count = len(expected) // 2
    files["settings"] = f"{payload} {count} {rounds}".encode()
    files["plain_packer.py"] = (firmware.root() / "firmware" / "maix" / "sim" / "plain_packer.py").read_bytes()
    packed, told, _ = run_script(_PROGRAM, files, ["packets", "told"], seconds=300)
    wanted = b"".join(bytes((len(packet),)) + packet for packets in expected for packet in packets)
    if packed != wanted:
        raise GlimpseError("packets made by MicroPython are not those of the C core; run the tests")
    us = json.loads(told)
    size = sum(len(packet) for packets in expected[::2] for packet in packets)

    def speed(name: str) -> dict[str, float]:
        ms = us[name] / 1000 / rounds
        return {"ms": ms, "bytes_per_second": size / ms * 1000}

    node, plain = speed("node"), speed("plain")
    return {
        "model": model.name,
        "payload": payload,
        "photos": count,
        "bytes": size,
        "symbols": count * model.binding.symbol_count,
        "node": node,
        "plain": plain,
        "ratio": node["bytes_per_second"] / plain["bytes_per_second"],
        "quantise_ms": us["quantise"] / 1000 / rounds,
        "heap_bytes": _heap(model.blob),
    }


def _heap(blob: bytes) -> dict[str, int]:
    nothing, code, model = (
        int(run_script(_HEAP, {"starfish.blob": blob, "step": str(step).encode()}, ["told"])[0]) for step in range(3)
    )
    return {"code": code - nothing, "model": model - code}


def _patches(latent: np.ndarray, side: int) -> bytes:
    """A latent int8 [height, width, channels] as the KPU gives it: uint8 [channels][rows][columns], patch by patch."""
    values = (latent.astype(np.int16) + 128).astype(np.uint8)
    rows, columns = values.shape[0] // side, values.shape[1] // side
    corners = [(y * rows, x * columns) for y in range(side) for x in range(side)]
    return b"".join(values[y : y + rows, x : x + columns].transpose(2, 0, 1).tobytes() for y, x in corners)


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="How fast the K210 node's MicroPython packs, on this computer.")
    parser.add_argument("--payload", type=int, default=51, help="bytes of a packet")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    options = parser.parse_args()
    n = measure(options.payload)
    print(f"{n['photos']} photos, {n['bytes']:,} bytes in packets of {n['payload']}, {n['symbols']:,} symbols")
    for name in ("node", "plain"):
        print(f"{name:6} {n[name]['ms']:8.1f} ms {n[name]['bytes_per_second']:10,.0f} bytes/s")
    print(f"ratio {n['ratio']:.1f}; quantiser {n['quantise_ms']:.1f} ms")
    print("heap kept: " + ", ".join(f"{what} {count:,} bytes" for what, count in n["heap_bytes"].items()))
    if options.json:
        write_json(str(options.json), n)


if __name__ == "__main__":
    main()
