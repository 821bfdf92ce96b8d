# SPDX-License-Identifier: Apache-2.0
"""MicroPython under tests: programs in the place of the K210 node's main.py, and whether it is here at all."""

import shutil
from pathlib import Path

import pytest
from glimpse.targets.k210 import run_script

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "firmware" / "maix").glob("*.py"))

needs_micropython = pytest.mark.skipif(
    shutil.which("node") is None or not (ROOT / ".deps" / "micropython" / "micropython.mjs").is_file(),
    reason="Node.js or MicroPython for WebAssembly is missing; run make setup",
)

# Cases beside it, each a blob and a plan: frame, coding, the payload of every packet, the last one repeated (0 takes
# the packet before it back), and the latent, uint8 [channels][height][width] of each patch, row by row of patches.
PACK = """
from ustruct import pack, unpack_from
from glimpse_blob import Model
from glimpse_order import Layout
from glimpse_packer import Packer
from glimpse_symbols import Quantiser

case = 0
with open("count", "rb") as file:
    count = file.read()[0]
for case in range(count):
    model = Model("case%d.blob" % case)
    layout = Layout(model)
    quantiser, packer, symbols = Quantiser(model, layout), Packer(model, layout), bytearray(layout.size)
    with open("case%d.plan" % case, "rb") as file:
        plan = file.read()
    frame, coding, number = unpack_from("<BBH", plan, 0)
    payloads, latent = plan[4 : 4 + number], memoryview(plan)[4 + number :]
    for y in range(model.patches):
        for x in range(model.patches):
            quantiser.put(latent, symbols, y, x)
            latent = latent[quantiser.count :]
    packer.begin(symbols, frame, coding)
    with open("case%d.packets" % case, "wb") as file:
        at = 0
        while True:
            payload = payloads[min(at, number - 1)]
            at += 1
            if payload == 0:
                packer.take_back()
                file.write(b"\\0\\0")
                continue
            length = packer.next(payload)
            if not length:
                break
            file.write(pack("<H", length) + packer.packet[:length])
"""


def packed(cases: list[tuple[bytes, bytes]]) -> list[list[bytes]]:
    """The packets that MicroPython makes of (blob, plan) of PACK; an empty one for each that was taken back."""
    files = {"count": bytes((len(cases),))}
    for number, (blob, plan) in enumerate(cases):
        files |= {f"case{number}.blob": blob, f"case{number}.plan": plan}
    *found, _ = run_script(PACK, files, [f"case{number}.packets" for number in range(len(cases))])
    return [_cut(data) for data in found]


def _cut(data: bytes) -> list[bytes]:
    packets, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "little")
        packets.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return packets
