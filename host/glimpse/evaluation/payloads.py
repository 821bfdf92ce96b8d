# SPDX-License-Identifier: Apache-2.0
"""What a model's picture takes at each payload: `python -m glimpse.evaluation.payloads --model NAME --data DIR`.

Every packet starts its contexts afresh, so a symbol costs more bits in a small packet than in a large one, and no
payload's bytes follow from another's. Means over held-out photos, the same as of glimpse.evaluation.packets, nothing
lost. `glimpse plan` reads them.

Writes MODEL/results/payloads.json: {command, model, data, photos, points [{payload (most bytes of a packet), sent
(share of a picture's packets, the first ones), packets, bytes (headers included), ms_ssim}]}.
"""

import argparse
from pathlib import Path

import numpy as np

from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.evaluation.packets import MOST_PHOTOS
from glimpse.evaluation.share import json_lines
from glimpse.files import make_folder, write_whole
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import Reference
from glimpse.reassemble import Assembly
from glimpse.training.split import split_files

PAYLOADS = (11, 12, 16, 24, 51, 115, 222, 242)  # dense where a packet is little more than its header
SHARES = (0.0625, 0.125, 0.25, 0.5, 1.0)


def measure(model: zoo.ZooModel, files: list[Path], payloads: tuple[int, ...] = PAYLOADS) -> list[dict[str, float]]:
    """Packets, bytes and quality of a picture's first packets, means over photos.

    Args:
        model: with decoder.
        files: photos, centre-cropped to the model's size.
        payloads: most bytes of a packet.

    Returns:
        Dictionaries {payload, sent, packets, bytes, ms_ssim}, the payloads and shares in their order.
    """
    m, decoder = model.binding, PictureDecoder(model)
    sums = {(payload, share): np.zeros(3) for payload in payloads for share in SHARES}
    for file in files:
        photo = fit_photo(load_photo(file), m.photo_width, m.photo_height)
        latent, side = m.encode_outputs(photo)
        symbols, original, whole = m.quantise(latent), Reference(photo), None
        for payload in payloads:
            packets = m.pack(symbols, payload=payload, saliency=side)
            assembly, added = Assembly(model, decoder=decoder), 0
            for share in SHARES:
                count = max(1, round(share * len(packets)))
                for packet in packets[added:count]:
                    assembly.add(packet)
                added = count
                if count < len(packets):
                    quality = original.ms_ssim(assembly.picture())
                else:  # the same picture at each payload
                    quality = whole = original.ms_ssim(assembly.picture()) if whole is None else whole
                sums[payload, share] += count, sum(map(len, packets[:count])), quality
    points = []
    for (payload, share), total in sums.items():
        packets, size, quality = (total / len(files)).tolist()
        points.append({
            "payload": payload,
            "sent": share,
            "packets": round(packets, 2),
            "bytes": round(size, 1),
            "ms_ssim": round(quality, 4),
        })  # fmt: skip
    return points


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.evaluation.payloads", description=__doc__)
    parser.add_argument("--model", required=True, help="a name of the zoo, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of photos; every 20th is held out and used")
    wanted = parser.parse_args()
    model = zoo.load(wanted.model)
    files = split_files(wanted.data)[1]
    files = files[:: -(-len(files) // MOST_PHOTOS)]
    found = {
        "command": f"python -m glimpse.evaluation.payloads --model {wanted.model} --data {wanted.data}",
        "model": model.name,
        "data": wanted.data.name,
        "photos": len(files),
        "points": measure(model, files),
    }
    make_folder(model.folder / "results")
    write_whole(model.folder / "results" / "payloads.json", json_lines(found))
    for point in found["points"]:
        if point["sent"] == 1:
            print(
                "{payload:4} bytes: {packets:6.1f} packets, {bytes:6.0f} bytes, MS-SSIM {ms_ssim:.4f}".format(**point)
            )


if __name__ == "__main__":
    main()
