# SPDX-License-Identifier: Apache-2.0
"""The bench images: streaming gives what whole tensors give, for far fewer instructions.

Emulated cores count instructions exactly and the same on every run, so a limit needs room for other compilers only.
"""

import re
import subprocess
import zlib
from pathlib import Path

import pytest
from glimpse import firmware, rivals
from glimpse.binding import Model
from glimpse.export.cost import layer_macs
from glimpse.export.folder import blob_from_folder
from glimpse.quality import Reference
from support.photos import test_photos

MOST_OF_WHOLE = 0.42
"""Streamed instructions against whole tensors': 0.40 on the Cortex-M7 and on the Cortex-M33 with GCC 12.2."""

MOST_BETWEEN = 0.01
"""Of the streamed instructions: what no layer does."""

LEAST_JPEG, MOST_JPEG = 4e6, 20e6
"""Instructions of a JPEG file: 5.6 to 8.2 million for photos of this size; this one is harder than most."""
LEAST_PSNR = 25
"""dB at quality 90."""

MODEL = "mcucoder"


@pytest.mark.parametrize("board", ["qemu_cortex_m7", "qemu_cortex_m33"])
def test_streaming_costs_less_than_whole_tensors(board: str, tmp_path: Path) -> None:
    elf = firmware.build(f"{board}_bench")
    model = Model(blob_from_folder(firmware.root() / "models" / MODEL))
    photo = test_photos(model.photo_height, model.photo_width, 20)[-1]
    (tmp_path / "camera.rgb").write_bytes(photo.tobytes())

    command = firmware.platform_tool("run_board").command(board, elf)
    run = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr

    checks = dict(re.findall(r"^(stream|whole) latent crc32 ([0-9A-F]{8})$", run.stdout, re.MULTILINE))
    totals = {way: int(count) for way, count in re.findall(r"^(stream|whole) total (\d+)$", run.stdout, re.MULTILINE)}
    expected = f"{zlib.crc32(model.encode_latent(photo).tobytes()):08X}"
    assert checks == {"stream": expected, "whole": expected}
    assert totals["stream"] <= MOST_OF_WHOLE * totals["whole"], totals

    layers = {
        way: [int(n) for n in re.findall(rf"^{way} layer \d+ instructions (\d+)$", run.stdout, re.MULTILINE)]
        for way in totals
    }
    between = int(re.search(r"^stream between layers (\d+)$", run.stdout, re.MULTILINE)[1])
    assert len(layers["stream"]) == len(layers["whole"]) == len(layer_macs(firmware.root() / "models" / MODEL))
    assert all(stream < whole for stream, whole in zip(layers["stream"], layers["whole"], strict=True))
    assert sum(layers["stream"]) + between == pytest.approx(totals["stream"], abs=4), "no instruction is left out"
    assert 0 < between < MOST_BETWEEN * totals["stream"]

    files = rivals.jpeg_files(run, photo)
    assert files, "the bench image has no JPEG encoder; install libstb-dev"
    quality = {file.quality: Reference(photo).compare(file.picture).psnr_db for file in files}
    assert quality[10] < quality[50] < quality[90] and quality[90] > LEAST_PSNR
    assert all(LEAST_JPEG < file.instructions < MOST_JPEG for file in files)
    assert [len(file.data) for file in files] == sorted(len(file.data) for file in files)
