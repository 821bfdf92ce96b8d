# SPDX-License-Identifier: Apache-2.0
"""What the order by saliency costs in packets: `python -m glimpse.evaluation.packets --data DIR`.

A packet that starts where the picture matters most leaves symbols between itself and others, which may have to go in
packets of their own. Counts whole frames of held-out photos, chosen by saliency and going by rank. Writes
MODEL/results/packets.json: {command, model, data, photos, payloads: {bytes: {saliency, rank: {packets, bytes}}}}.
"""

import argparse
from pathlib import Path

import numpy as np

from glimpse import zoo
from glimpse.evaluation.share import json_lines
from glimpse.files import make_folder, write_whole
from glimpse.photo import fit_photo, load_photo
from glimpse.training.split import split_files

PAYLOADS = (11, 24, 51, 115, 222)
MOST_PHOTOS = 45


def measure(model: zoo.ZooModel, files: list[Path]) -> dict[str, dict[str, dict[str, float]]]:
    """Packets and bytes of a frame, means over photos.

    Args:
        model: one that orders by saliency.
        files: photos.

    Returns:
        For each payload, "saliency" and "rank" with "packets" and "bytes".
    """
    m = model.binding
    sums = {payload: {"saliency": np.zeros(2), "rank": np.zeros(2)} for payload in PAYLOADS}
    for file in files:
        latent, side = m.encode_outputs(fit_photo(load_photo(file), m.photo_width, m.photo_height))
        symbols = m.quantise(latent)
        for payload, ways in sums.items():
            for way, steered in (("saliency", side), ("rank", None)):
                packets = m.pack(symbols, payload=payload, saliency=steered)
                ways[way] += len(packets), sum(map(len, packets))
    return {
        str(payload): {
            way: dict(zip(("packets", "bytes"), (total / len(files)).round(2).tolist(), strict=True))
            for way, total in ways.items()
        }
        for payload, ways in sums.items()
    }


def main() -> None:
    """Entry of the command line."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.evaluation.packets", description=__doc__)
    parser.add_argument("--model", default="limitnet", help="one that orders by saliency")
    parser.add_argument("--data", type=Path, required=True, help="folder of photos; every 20th is used")
    wanted = parser.parse_args()
    model = zoo.load(wanted.model)
    if model.binding.map_bits == 0:
        parser.error(f"{model.name} does not order by saliency; name limitnet or a folder of its kind")
    files = split_files(wanted.data)[1]
    files = files[:: -(-len(files) // MOST_PHOTOS)]
    found = {
        "command": f"python -m glimpse.evaluation.packets --model {wanted.model} --data {wanted.data}",
        "model": model.name,
        "data": wanted.data.name,
        "photos": len(files),
        "payloads": measure(model, files),
    }
    make_folder(model.folder / "results")
    write_whole(model.folder / "results" / "packets.json", json_lines(found))
    for payload, ways in found["payloads"].items():
        more = ways["saliency"]["packets"] / ways["rank"]["packets"] - 1
        means = [ways[way][what] for way in ("saliency", "rank") for what in ("packets", "bytes")]
        text = "{:6.1f} packets, {:6.0f} bytes by saliency, {:6.1f} and {:6.0f} by rank".format(*means)
        print(f"{payload:>4} bytes: {text}: {100 * more:.0f} % more packets")


if __name__ == "__main__":
    main()
