# SPDX-License-Identifier: Apache-2.0
"""Hostile model blobs against the loader and the executor, compiled with the address and undefined-behaviour
sanitizers: none may crash loading, and whatever loads must run a frame without touching a byte that is not its own."""

import re
import subprocess
from pathlib import Path

import numpy as np
from glimpse.export.blob import build_blob
from support.networks import codec_for, compile_flags, kernel_sources
from support.random_networks import build_tflite, random_plan, saliency_plan

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
COUNT = 200_000
SEEDS = 24


def _small_blobs(folder: Path) -> list[Path]:
    """Blobs of all kinds of layers, small so that frames are quick."""
    paths = []
    for seed in range(SEEDS):
        plan = random_plan(np.random.default_rng(seed), largest=14, most_channels=8)
        encoder = build_tflite(plan, seed)
        path = folder / f"{seed}.blob"
        patches = (1, 1, 2, 4)[seed // 2 % 4]
        path.write_bytes(build_blob(encoder, codec_for(encoder, tables=seed % 2 == 0, contexts=seed % 4 == 1), patches))
        paths.append(path)
    for seed in range(4):
        encoder = build_tflite(saliency_plan((13, 15 + seed)), seed)
        path = folder / f"saliency{seed}.blob"
        path.write_bytes(build_blob(encoder, codec_for(encoder, contexts=seed % 2 == 0, saliency=(2, 3))))
        paths.append(path)
    return paths


def test_no_blob_breaks_loading_or_running(tmp_path: Path) -> None:
    program = tmp_path / "fuzz_model"
    sources = [
        FIRMWARE / "test/fuzz/fuzz_model.c",
        *sorted((FIRMWARE / "nn").glob("*.c")),
        *sorted((FIRMWARE / "core").glob("*.c")),
        *kernel_sources(),
    ]
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    subprocess.run(["gcc", *compile_flags(), "-O2", "-g", *sanitizers, "-o", program, *sources], check=True)

    run = subprocess.run(
        [program, str(COUNT), "1", *_small_blobs(tmp_path)], capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr

    counts = {what: int(number) for what, number in re.findall(r"(.+): (\d+)", run.stdout)}
    assert sum(counts.values()) == COUNT
    assert counts["loaded"] > COUNT // 10, counts
    assert len(counts) == 6 and min(counts.values()) > 20, counts
