# SPDX-License-Identifier: Apache-2.0
"""What the shipped model promises: packets need no one, and a link that loses many of them costs little."""

import itertools

import numpy as np
import pytest
from glimpse import zoo
from glimpse.decoder import PictureDecoder
from glimpse.journey import survivors
from glimpse.photo import fit_photo, load_photo
from glimpse.quality import ms_ssim
from glimpse.reassemble import Assembly
from glimpse.samples import sample_photos
from glimpse.targets import open_node


@pytest.fixture(scope="module")
def model():
    return zoo.load()


@pytest.fixture(scope="module")
def decoder(model):
    return PictureDecoder(model)


@pytest.fixture(scope="module")
def photos(model):
    size = model.binding.photo_width, model.binding.photo_height
    return {name: fit_photo(load_photo(path), *size) for name, path in sample_photos().items()}


@pytest.fixture(scope="module")
def frames(model, photos):
    with open_node("native", model) as node:
        return {name: node.capture(photo, payload=51).packets for name, photo in photos.items()}


def picture(model, decoder, packets):
    assembly = Assembly(model, decoder=decoder)
    for packet in packets:
        assembly.add(packet)
    return assembly.picture()


def test_three_photos_or_more(frames):
    assert len(frames) >= 3


def test_every_packet_decodes_alone(model, frames):
    sent = next(iter(frames.values()))
    whole, everything = (np.zeros(model.binding.latent_shape, np.uint8) for _ in range(2))
    for packet in sent:
        model.binding.unpack(packet, whole, everything)
    assert everything.all()
    total = 0
    for packet in sent:
        symbols, received = (np.zeros(model.binding.latent_shape, np.uint8) for _ in range(2))
        total += model.binding.unpack(packet, symbols, received)
        assert received.any()
        np.testing.assert_array_equal(symbols, np.where(received, whole, 0))
    assert total == model.binding.symbol_count


def test_order_and_duplicates_do_not_matter(model, decoder, frames):
    packets = next(iter(frames.values()))
    shuffled = np.random.default_rng(3).permutation(len(packets))
    expected = picture(model, decoder, packets)
    np.testing.assert_array_equal(picture(model, decoder, [packets[i] for i in shuffled] + packets[:20]), expected)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thirty_percent_lost_costs_at_most_012(model, decoder, photos, frames, seed):
    for name, packets in frames.items():
        loss_free = ms_ssim(photos[name], picture(model, decoder, packets))
        lossy = ms_ssim(
            photos[name], picture(model, decoder, [packets[i] for i in survivors(len(packets), 0.3, (seed,))])
        )
        assert lossy >= loss_free - 0.12, name


def test_more_packets_make_better_pictures(model, decoder, photos, frames):
    """On the mean of the photos, at every doubling."""
    shares = (0.0625, 0.125, 0.25, 0.5, 1.0)
    means = [
        np.mean(
            [
                ms_ssim(photos[name], picture(model, decoder, packets[: max(1, round(share * len(packets)))]))
                for name, packets in frames.items()
            ]
        )
        for share in shares
    ]
    assert all(b > a for a, b in itertools.pairwise(means)), means
