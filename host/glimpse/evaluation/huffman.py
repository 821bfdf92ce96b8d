# SPDX-License-Identifier: Apache-2.0
"""Starfish's code for links that lose nothing: `python -m glimpse.evaluation.huffman --model M --data DIR`.

Starfish (SenSys 2020, section 4.2) Huffman-codes the whole latent where the link is reliable. A loss anywhere would end
such a stream, so Glimpse range-codes each packet by itself instead; this says what either costs. Code words are fitted
on training photos and counted on held-out ones. Writes MODEL/results/huffman.json.
"""

import argparse
import heapq
import json
from pathlib import Path

import numpy as np

from glimpse import zoo
from glimpse.files import make_folder, write_whole
from glimpse.photo import fit_photo, load_photo
from glimpse.training.split import split_files

PAYLOADS = (51, 222)
OVERHEAD = 6  # bytes around a packet's body
MOST_TRAINING, MOST_VALIDATION = 150, 60  # spread over the folder


def code_lengths(counts: np.ndarray) -> np.ndarray:
    """Bits of each symbol's code word.

    Args:
        counts: how often each symbol was seen; one that never was gets a word, too.

    Returns:
        int [symbols]; a lone symbol has 1 bit.
    """
    heap = [(int(count) or 1, i, (i,)) for i, count in enumerate(counts)]
    lengths = np.zeros(len(counts), int)
    if len(heap) == 1:
        return lengths + 1
    heapq.heapify(heap)
    serial = len(heap)
    while len(heap) > 1:
        (a, _, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        lengths[list(left + right)] += 1
        heapq.heappush(heap, (a + b, serial, left + right))
        serial += 1
    return lengths


def measure(model: zoo.ZooModel, training: list[Path], validation: list[Path]) -> dict:
    """Mean bytes of whole frames on held-out photos.

    Args:
        model: to measure.
        training: photos to fit the code words on, one code for each channel.
        validation: photos to count on.

    Returns:
        photos, symbols, huffman_bytes (of the stream alone), and for each payload {huffman, range}: with headers.
    """
    m = model.binding
    channels = m.latent_shape[2]
    counts = np.zeros((channels, m.levels), int)
    for file in training[:: max(1, len(training) // MOST_TRAINING)]:
        symbols = m.quantise(m.encode_latent(fit_photo(load_photo(file), m.photo_width, m.photo_height)))
        for c in range(channels):
            counts[c] += np.bincount(symbols[..., c].ravel(), minlength=m.levels)
    lengths = np.stack([code_lengths(row) for row in counts])
    validation = validation[:: -(-len(validation) // MOST_VALIDATION)]
    streams, frames = [], {payload: {"huffman": [], "range": []} for payload in PAYLOADS}
    for file in validation:
        latent, side = m.encode_outputs(fit_photo(load_photo(file), m.photo_width, m.photo_height))
        symbols = m.quantise(latent)
        stream = -(-int(lengths[np.arange(channels), symbols].sum()) // 8)
        streams.append(stream)
        for payload, sizes in frames.items():
            sizes["huffman"].append(stream + OVERHEAD * -(-stream // (payload - OVERHEAD)))
            sizes["range"].append(sum(map(len, m.pack(symbols, payload=payload, saliency=side))))
    table = {str(p): {name: round(float(np.mean(v))) for name, v in sizes.items()} for p, sizes in frames.items()}
    return {
        "photos": len(validation),
        "symbols": m.symbol_count,
        "huffman_bytes": round(float(np.mean(streams))),
        **table,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the photos of training")
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    model = zoo.load(options.model)
    training, validation = split_files(options.data)
    numbers = measure(model, training, validation)
    make_folder(model.folder / "results")
    text = json.dumps(numbers, indent=1) + "\n"
    write_whole(model.folder / "results" / "huffman.json", text.encode())
    print(text, end="")


if __name__ == "__main__":
    main()
