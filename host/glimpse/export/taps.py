# SPDX-License-Identifier: Apache-2.0
"""What contexts that look at fewer symbols would cost in bytes and save in instructions.

    python -m glimpse.export.taps MODEL --data PHOTOS [--photos 400] [--held 60] [--taps 12 8 4] [--json FILE]

Contexts and tables are learned anew for each number of taps from some of the photos, with network and quantiser as they
are; the packets of other photos are counted in bytes, and those of the node's test pattern in instructions on the
emulated Cortex-M7. The model's folder is not touched.

JSON: model, photos, held, payloads, rows [{taps, bytes [of each payload, mean of held photos], instructions {network,
quantise, pack}, codec_percent}].
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from glimpse import bench, binding, zoo
from glimpse.binding import Model
from glimpse.errors import GlimpseError, UsageError
from glimpse.export.contexts import PAYLOADS, fit
from glimpse.export.folder import spec_from_folder
from glimpse.files import write_json
from glimpse.photo import fit_photo, load_photo
from glimpse.zoo import ZooModel

SEED = 5
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def choose(folder: Path, photos: int, held: int) -> tuple[list[Path], list[Path]]:
    """Photos to learn from and others to measure with, at random but always the same.

    Raises:
        GlimpseError: the folder has too few.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS)
    if len(files) < photos + held:
        raise GlimpseError(f"{folder} has {len(files)} photos, {photos + held} are needed; ask for fewer")
    order = np.random.default_rng(SEED).permutation(len(files))
    chosen = [files[i] for i in order]
    return chosen[:photos], chosen[photos : photos + held]


def with_taps(model: ZooModel, symbols: np.ndarray, taps: int, folder: Path) -> ZooModel:
    """The model with contexts and tables of so many taps, in a new folder.

    Args:
        model: with entropy tables.
        symbols: of photos to learn from, uint8 [n, height, width, channels].
        taps: most of one context.
        folder: that does not exist yet.
    """
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("checkpoint*", "results"))
    loaded = model.binding
    contexts, cumulative = fit(symbols, loaded.order(), loaded.levels, loaded.centre, most_taps=taps)
    path = folder / "tables.json"
    tables = json.loads(path.read_text())
    tables |= {"cumulative": cumulative, "contexts": [asdict(context) for context in contexts]}
    path.write_text(json.dumps(tables))
    return ZooModel(folder)


def measure(model: ZooModel, files: tuple[Sequence[Path], Sequence[Path]], taps: Sequence[int]) -> list[dict]:
    """Rows of the JSON.

    Args:
        model: with entropy tables.
        files: photos to learn from, and to measure with.
        taps: numbers of them.
    """
    learned, held = ([_outputs(model.binding, file) for file in some] for some in files)
    symbols = np.stack([model.binding.quantise(latent) for latent, _ in learned])
    pattern = binding.pattern(model.binding.photo_width, model.binding.photo_height)
    rows = []
    with tempfile.TemporaryDirectory() as work:
        for number in taps:
            other = with_taps(model, symbols, number, Path(work) / f"{number}" / model.name)
            spent = bench.measure("sim:cortex-m7", other, pattern, frames=1)
            stages = spent["instructions_by_stage"]
            row = {
                "taps": number,
                "bytes": [round(_mean_bytes(other.binding, held, payload), 1) for payload in PAYLOADS],
                "instructions": {stage: stages[stage] for stage in ("network", "quantise", "pack")},
                "codec_percent": spent["codec_percent"],
            }
            print(_line(row), file=sys.stderr)
            rows.append(row)
    return rows


def _outputs(model: Model, file: Path) -> tuple[np.ndarray, np.ndarray]:
    return model.encode_outputs(fit_photo(load_photo(file), model.photo_width, model.photo_height, "crop"))


def _mean_bytes(model: Model, outputs: Sequence[tuple[np.ndarray, np.ndarray]], payload: int) -> float:
    """Of the packets of a whole picture."""
    sizes = [
        sum(map(len, model.pack(model.quantise(latent), payload=payload, saliency=side))) for latent, side in outputs
    ]
    return float(np.mean(sizes))


def _line(row: dict) -> str:
    sizes = " | ".join(f"{size:,.1f}" for size in row["bytes"])
    spent = row["instructions"]
    return f"| {row['taps']} | {sizes} | {spent['pack'] / 1e6:.2f} | {row['codec_percent']:.1f} % |"


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.export.taps", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True, metavar="PHOTOS")
    parser.add_argument("--photos", type=int, default=400)
    parser.add_argument("--held", type=int, default=60)
    parser.add_argument("--taps", type=int, nargs="+", default=[12, 8, 4])
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    if not all(1 <= number <= binding.MAX_TAPS for number in given.taps):
        raise UsageError(f"a context has 1 to {binding.MAX_TAPS} taps")
    if given.photos < 1 or given.held < 1:
        raise UsageError("--photos and --held are at least 1")
    model = zoo.load(given.model)
    if spec_from_folder(model.folder).contexts is None:
        raise UsageError(f"model {model.name} has no contexts")
    rows = measure(model, choose(given.data, given.photos, given.held), given.taps)
    head = " | ".join(f"bytes at {payload}" for payload in PAYLOADS)
    print(f"| taps | {head} | M instructions of packing | quantiser, order and packing |\n|---|---|---|---|---|")
    print("\n".join(map(_line, rows)))
    if given.json:
        write_json(
            given.json,
            {"model": model.name, "photos": given.photos, "held": given.held, "payloads": PAYLOADS, "rows": rows},
        )


if __name__ == "__main__":
    try:
        main()
    except GlimpseError as error:
        sys.exit(f"{error}")
