# SPDX-License-Identifier: Apache-2.0
"""Starfish's Huffman code, which the range coder is compared with."""

import numpy as np
import pytest
from glimpse.evaluation.huffman import code_lengths, measure
from glimpse.samples import sample_photos
from glimpse.zoo import load


@pytest.mark.parametrize("seed", range(5))
def test_words_form_a_full_prefix_code_close_to_the_entropy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 1000, 2 ** rng.integers(1, 7))
    lengths = code_lengths(counts)
    assert sum(2.0 ** -lengths.astype(float)) == 1.0  # Kraft: a full tree
    share = np.maximum(counts, 1) / np.maximum(counts, 1).sum()
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= (share * lengths).sum() < entropy + 1


def test_rare_symbols_have_longer_words() -> None:
    assert code_lengths(np.array([8, 4, 2, 1, 1])).tolist() == [1, 2, 3, 4, 4]


def test_a_frame_is_counted_with_its_headers() -> None:
    photos = list(sample_photos().values())
    numbers = measure(load("mcucoder"), photos, photos)
    for payload in (51, 222):
        packets = -(-numbers["huffman_bytes"] // (payload - 6))
        assert numbers[str(payload)]["huffman"] == pytest.approx(numbers["huffman_bytes"] + 6 * packets, abs=12)
        assert numbers[str(payload)]["range"] < 7000
