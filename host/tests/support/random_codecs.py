# SPDX-License-Identifier: Apache-2.0
"""Codecs and symbols of every shape, from a seeded generator."""

from math import gcd
from random import Random

from support.wire_reference import Codec


def random_table(random: Random, symbols: int) -> tuple[int, ...]:
    """Cumulative frequencies: flat, peaked, or one symbol with nearly all of them."""
    sharpness = random.choice([0.0, 1.0, 6.0])
    weights = [random.random() ** sharpness + 1e-9 for _ in range(symbols)]
    if random.random() < 0.2:
        weights[random.randrange(symbols)] += 1e6
    spare = 4096 - symbols
    frequencies = [1 + int(spare * weight / sum(weights)) for weight in weights]
    frequencies[frequencies.index(max(frequencies))] += 4096 - sum(frequencies)
    row = [0]
    for frequency in frequencies:
        row.append(row[-1] + frequency)
    return tuple(row)


def random_codec(random: Random, largest: int = 600) -> Codec:
    """A sound codec of at most `largest` symbols."""
    channels = random.choice([1, 2, 3, 7, 8, 12, 64])
    positions = max(1, random.randint(1, largest) // channels)
    height = random.randint(1, max(1, int(positions**0.5)))
    width = max(1, positions // height)
    bits, order = random.randint(1, 8), random.randint(0, 1)
    cycle = height * width * (1 if order else channels)
    stride = random.choice([value for value in range(1, cycle + 1) if gcd(value, cycle) == 1])
    tables = tuple(random_table(random, 1 << bits) for _ in range(channels)) if random.random() < 0.8 else None
    return Codec(
        model=random.randrange(32),
        revision=random.randrange(256),
        height=height,
        width=width,
        channels=channels,
        bits=bits,
        order=order,
        stride=stride,
        offset=random.randrange(cycle),
        minimum=tuple(random.randint(-40000, 33000) for _ in range(channels)),
        step=tuple(random.choice([1, 7, 256, 1200, 65535]) for _ in range(channels)),
        cumulative=tables,
    )


def likely_symbols(random: Random, codec: Codec) -> bytes:
    """Symbols drawn from the codec's own tables (any symbol alike without), now and then all the same."""
    if random.random() < 0.1:
        return bytes([random.randrange(1 << codec.bits)]) * codec.symbols
    if codec.cumulative is None or random.random() < 0.2:
        return bytes(random.randrange(1 << codec.bits) for _ in range(codec.symbols))
    symbols = range(1 << codec.bits)
    columns = [random.choices(symbols, cum_weights=row[1:], k=codec.positions) for row in codec.cumulative]
    return bytes(columns[i % codec.channels][i // codec.channels] for i in range(codec.symbols))
