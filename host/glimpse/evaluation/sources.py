# SPDX-License-Identifier: Apache-2.0
"""What sends photos through a contact, by name."""

from collections.abc import Callable

from glimpse import zoo
from glimpse.errors import UsageError
from glimpse.evaluation.coded_shipment import CodedSource
from glimpse.evaluation.shipment import ModelSource, ProgressiveSource, Source, WaveletSource

SOURCES: dict[str, Callable[[], Source]] = {
    "progressive": ProgressiveSource,
    "wavelet": WaveletSource,
    "wavelet-rs": CodedSource,
}


def source_named(name: str) -> Source:
    """A model, or a rival of SOURCES; progressive JPEG may carry its quality, as in "progressive:30".

    Raises:
        UsageError: nothing has that name.
        GlimpseError: a model cannot be loaded.
    """
    base, _, quality = name.partition(":")
    if base == "progressive" and quality.isdecimal() and 1 <= int(quality) <= 95:
        return ProgressiveSource(int(quality))
    if name in SOURCES:
        return SOURCES[name]()
    if name in zoo.names() or "/" in name:
        return ModelSource(zoo.load(name))
    raise UsageError(f"there is nothing called {name!r}; choose from {', '.join([*zoo.names(), *SOURCES])}")
