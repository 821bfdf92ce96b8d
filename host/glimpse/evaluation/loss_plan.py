# SPDX-License-Identifier: Apache-2.0
"""What `--against-loss` measures: links, rates, payloads, losses."""

from dataclasses import dataclass

LINKS = ("iid", "bursts")
RATES = (0.1, 0.2, 0.4)  # bits per pixel
PAYLOADS = (51, 222)
LOSSES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
TYPICAL_LOSS = 0.3
STREAMS = ("wavelet", "progressive")


@dataclass(frozen=True)
class Plan:
    """What is measured; the fields are named as in the JSON."""

    models: tuple[str, ...]
    size: tuple[int, int]
    fit: str = "crop"
    rates: tuple[float, ...] = RATES
    payloads: tuple[int, ...] = PAYLOADS
    losses: tuple[float, ...] = LOSSES
    seeds: int = 1

    def budget(self, rate: float) -> int:
        """Bytes of a photo at a rate in bits per pixel."""
        return round(rate * self.size[0] * self.size[1] / 8)
