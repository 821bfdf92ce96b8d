# SPDX-License-Identifier: Apache-2.0
"""Codecs and symbols of every shape, from a seeded generator."""

from math import gcd
from random import Random

from support.wire_reference import TOTAL, Codec, Context, Saliency


def random_table(random: Random, symbols: int) -> tuple[int, ...]:
    """Cumulative frequencies: flat, peaked, or one symbol with nearly all of them."""
    sharpness = random.choice([0.0, 1.0, 6.0])
    weights = [random.random() ** sharpness + 1e-9 for _ in range(symbols)]
    if random.random() < 0.2:
        weights[random.randrange(symbols)] += 1e6
    spare = TOTAL - symbols
    frequencies = [1 + int(spare * weight / sum(weights)) for weight in weights]
    frequencies[frequencies.index(max(frequencies))] += TOTAL - sum(frequencies)
    row = [0]
    for frequency in frequencies:
        row.append(row[-1] + frequency)
    return tuple(row)


def random_contexts(random: Random, levels: int, channels: int) -> tuple[Context, ...]:
    """A context for each channel: some with one class, some that look far, some with limits out of reach."""
    contexts = []
    for channel in range(channels):
        classes = random.choice([1, 2, 3, 16])
        reach = random.choice([1, 2, 128])
        taps = tuple(
            (
                channel if random.random() < 0.6 else random.randrange(channels),
                random.randint(-reach, min(reach, 127)),
                random.randint(-reach, min(reach, 127)),
                random.randint(-128, 127),
                random.randint(-128, 127),
            )
            for _ in range(random.choice([0, 1, 4, 16]))
        )
        spread = random.choice([64, 1000, 1 << 31])
        limits = [sorted(random.randint(-spread, spread - 1) for _ in range(7)) for _ in range(2)]
        contexts.append(
            Context(
                centre=random.randrange(levels),
                typical=random.choice([0, random.randrange(64), 65535]),
                classes=classes,
                taps=taps,
                value_limit=tuple(limits[0]),
                activity_limit=tuple(limits[1]),
                class_of=tuple(random.randrange(classes) for _ in range(64)),
            )
        )
    return tuple(contexts)


def random_saliency(random: Random, height: int, width: int, channels: int) -> Saliency:
    """A map of at most 256 segments."""
    block = random.randint(1, channels)
    most = 256 // -(-channels // block)
    rows = random.randint(1, min(height, most))
    return Saliency(
        rows=rows,
        columns=random.randint(1, min(width, most // rows)),
        bits=random.randint(1, 8),
        block=block,
        gain=random.choice([0, 1, 300, 65535]),
        tolerance=random.choice([0, 256, 65535]),
        curve=tuple(sorted(random.randrange(256) for _ in range(256))),
    )


def random_codec(random: Random, largest: int = 600) -> Codec:
    """A sound codec of at most `largest` symbols."""
    channels = random.choice([1, 2, 3, 7, 8, 12, 64])
    positions = max(1, random.randint(1, largest) // channels)
    height = random.randint(1, max(1, int(positions**0.5)))
    width = max(1, positions // height)
    levels, order = random.choice([1 << random.randint(1, 8), random.randint(2, 256)]), random.randint(0, 2)
    cycle = height * width * (1 if order == 1 else channels)
    stride = random.choice([value for value in range(1, cycle + 1) if gcd(value, cycle) == 1])
    contexts = random_contexts(random, levels, channels) if random.random() < 0.5 else None
    count = sum(context.classes for context in contexts) if contexts else channels
    has_tables = contexts is not None or random.random() < 0.6
    return Codec(
        model=random.randrange(32),
        revision=random.randrange(256),
        height=height,
        width=width,
        channels=channels,
        levels=levels,
        order=order,
        stride=0 if order == 2 else stride,
        offset=0 if order == 2 else random.randrange(cycle),
        minimum=tuple(random.randint(-40000, 33000) for _ in range(channels)),
        step=tuple(random.choice([1, 7, 256, 1200, 65535]) for _ in range(channels)),
        cumulative=tuple(random_table(random, levels) for _ in range(count)) if has_tables else None,
        contexts=contexts,
        saliency=random_saliency(random, height, width, channels) if order == 2 else None,
    )


def random_side(random: Random, codec: Codec) -> list[int] | None:
    """A side output [height, width] for a codec ordered by saliency: noise, flat, or none."""
    if codec.saliency is None or random.random() < 0.2:
        return None
    if random.random() < 0.2:
        return [random.randint(-128, 127)] * codec.positions
    return [random.randint(-128, 127) for _ in range(codec.positions)]


def likely_symbols(random: Random, codec: Codec) -> bytes:
    """Symbols drawn from the codec's own tables (any symbol alike without), now and then all the same."""
    if random.random() < 0.1:
        return bytes([random.randrange(codec.levels)]) * codec.symbols
    if codec.cumulative is None or random.random() < 0.2:
        return bytes(random.randrange(codec.levels) for _ in range(codec.symbols))
    symbols = range(codec.levels)
    rows = codec.cumulative[: codec.channels]  # with contexts not the channel's own, but likely enough
    columns = [random.choices(symbols, cum_weights=row[1:], k=codec.positions) for row in rows]
    return bytes(columns[i % codec.channels][i // codec.channels] for i in range(codec.symbols))
