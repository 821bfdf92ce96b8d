# SPDX-License-Identifier: Apache-2.0
"""Measures a model folder on held-out photos: `python -m glimpse.export.card --data DIR --model models/mcucoder`.

Writes results/validation.json and the measured part of card.md, with the origins of the photos, so that no number of a
card is typed by hand.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.files import make_folder, write_whole
from glimpse.journey import survivors
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import compare
from glimpse.reassemble import Assembly
from glimpse.training.manifest import find_manifest
from glimpse.training.split import split_files
from glimpse.training.terms import describe_data

PAYLOAD = 51
SHARES = (0.0625, 0.125, 0.25, 0.5, 1.0)
LOSSES = (0.1, 0.3, 0.6)
START, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def _quality(model: zoo.ZooModel, decoder: PictureDecoder, photo: np.ndarray, packets: list[bytes]) -> list[float]:
    assembly = Assembly(model, decoder=decoder)
    for packet in packets:
        assembly.add(packet)
    found = compare(photo, assembly.picture())
    return [sum(map(len, packets)), found.psnr_db, found.ms_ssim]


def measure(model: zoo.ZooModel, files: list[Path]) -> dict:
    """Means over photos, centre-cropped to the model's size.

    Args:
        model: with decoder.
        files: photos that took no part in training.

    Returns:
        photos, payload, rows [{sent, lost, bytes, psnr_db, ms_ssim}] and raw_bytes (a frame without entropy coding).
    """
    m, decoder = model.binding, PictureDecoder(model)
    cells: dict[tuple[float, float], list[list[float]]] = {}
    raw = []
    for number, file in enumerate(files):
        photo = fit_photo(load_photo(file), m.photo_width, m.photo_height)
        latent, side = m.encode_outputs(photo)
        symbols = m.quantise(latent)
        packets = m.pack(symbols, payload=PAYLOAD, saliency=side)
        raw.append(sum(map(len, m.pack(symbols, payload=PAYLOAD, coding="raw", saliency=side))))
        for share in SHARES:
            sent = packets[: max(1, round(share * len(packets)))]
            cells.setdefault((share, 0.0), []).append(_quality(model, decoder, photo, sent))
        for loss in LOSSES:
            arrived = [packets[i] for i in survivors(len(packets), loss, (number,))]
            cells.setdefault((1.0, loss), []).append(_quality(model, decoder, photo, arrived))
    rows = []
    for (share, loss), values in cells.items():
        size, psnr, similarity = np.mean(values, axis=0)
        rows.append(
            {
                "sent": share,
                "lost": loss,
                "bytes": round(size),
                "psnr_db": round(psnr, 2),
                "ms_ssim": round(similarity, 4),
            }
        )
    return {"photos": len(files), "payload": PAYLOAD, "rows": rows, "raw_bytes": round(np.mean(raw))}


def table(results: dict, int8: dict | None) -> str:
    """The results as Markdown.

    Args:
        results: of measure.
        int8: of results/int8.json; None when it is not there.
    """
    lines = [
        f"Means over {results['photos']} held-out photos, centre-cropped, packets of {results['payload']} bytes, "
        "range coded, headers counted;",
        f"a whole frame without entropy coding has {results['raw_bytes']} bytes.",
        "",
        "| packets sent | lost | bytes received | PSNR dB | MS-SSIM (5 scales) |",
        "|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        shares = f"{100 * row['sent']:g} % | {100 * row['lost']:g} %"
        lines.append(f"| {shares} | {row['bytes']} | {row['psnr_db']:.2f} | {row['ms_ssim']:.3f} |")
    if int8 is not None:
        lines += [
            "",
            f"Int8 costs {int8['cost_db']:.3f} dB of PSNR and {int8['cost_ms_ssim_db']:.3f} dB of MS-SSIM against the "
            f"float encoder before it, with the same decoder, on {int8['photos']} of these photos.",
        ]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the photos of training; only the held-out ones are measured"
    )
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--photos", type=int, help="most photos to measure, spread over the held-out ones")
    options = parser.parse_args()
    training, validation = split_files(options.data)
    step = -(-len(validation) // max(1, options.photos)) if options.photos else 1
    results = measure(zoo.load(str(options.model)), validation[::step])
    make_folder(options.model / "results")
    write_whole(options.model / "results" / "validation.json", (json.dumps(results, indent=1) + "\n").encode())
    report = options.model / "results" / "int8.json"
    int8 = json.loads(report.read_text()) if report.is_file() else None
    measured = f"{table(results, int8)}\n\n{describe_data(training, find_manifest(options.data))}"
    card = options.model / "card.md"
    before, _, rest = card.read_text().partition(START)
    after = rest.partition(END)[2]
    write_whole(card, f"{before}{START}\n{measured}\n{END}{after}".encode())
    print(table(results, int8))


if __name__ == "__main__":
    main()
