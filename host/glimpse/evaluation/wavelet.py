# SPDX-License-Identifier: Apache-2.0
"""An embedded wavelet coder: the classical rival of a codec whose stream may stop anywhere.

Y, Cb, Cr (JFIF 1.02), 9/7 wavelet, bit planes from the highest, adaptive arithmetic coding. After Shapiro 1993 (bit
planes, zero regions), Taubman 2000 (passes by likelihood) and Wu 1997 (contexts from neighbours' magnitudes); the
code is this project's. Every 2x2 phase of a band is classified at once, from what decoder and encoder both know by
then, so that Python only loops over decisions.

The stream has a header of 2 bytes: the highest bit plane of Y, Cb and Cr, 5 bits each. Its size is agreed, as a
model's is.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from glimpse.errors import GlimpseError
from glimpse.evaluation import lifting
from glimpse.evaluation.arithmetic import Contexts, Cut, Decoder, Encoder

LEVELS = 5
HEADER_BYTES = 2
# The finest step: a quarter of a grey level, so that the last plane leaves rounding alone.
FINEST = 0.25
BLOCK = 8
# What an error of 1 in Y, Cb, Cr is in R, G, B together; chroma a little less, as MS-SSIM has it.
TO_RGB = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
CHROMA_WEIGHT = 0.8
GAINS = np.linalg.norm(TO_RGB, axis=0) / math.sqrt(3) * np.array([1.0, CHROMA_WEIGHT, CHROMA_WEIGHT])
# Where in its interval a coefficient is put back: magnitudes fall off inside it.
FIRST_CENTRE, LATER_CENTRE = 0.42, 0.47

# Expected magnitude from neighbours, in 64ths: (across, along, diagonal, parent, luma). "along" is the direction in
# which a band's edges run. Least squares on training photos.
UNIT = 64
WEIGHTS = {
    ("y", "ll"): (12, 12, 6, 0, 0),
    ("y", "edge"): (4, 21, 4, 4, 0),
    ("y", "hh"): (9, 9, 5, 6, 0),
    ("c", "ll"): (8, 8, 4, 0, 0),
    ("c", "edge"): (6, 11, 3, 6, 3),
    ("c", "hh"): (7, 7, 4, 6, 3),
}
KINDS = tuple(WEIGHTS)
# Bins of expected magnitude over threshold, in 64ths.
EDGES = (1, 3, 5, 8, 11, 16, 23, 32, 45, 64, 91, 128, 192)
BINS = len(EDGES) + 1
LIKELY = 5  # from this bin on in the first pass
TOP_RATIO = 256
BIN_OF = np.searchsorted(np.array(EDGES), np.arange(TOP_RATIO + 1), side="right").astype(np.int64)

OLD, FRESH = 0, 1


@dataclass
class _Band:
    """One band of one channel, transposed where that makes its edges run down. Arrays with a border of one zero."""

    channel: int
    level: int
    kind: int
    weights: tuple[int, int, int, int, int]
    parent: "_Band | None"
    luma: "_Band | None"
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        height, width = self.shape
        self.magnitude = np.zeros((height + 2, width + 2), np.int32)  # best guess, in finest steps
        self.sign = np.zeros((height + 2, width + 2), np.int8)
        self.lower = np.zeros(self.shape, np.int32)
        self.plane = np.full(self.shape, -1, np.int8)  # lowest plane known, where significant
        self.seen = np.zeros(self.shape, bool)
        self.blocked = min(self.shape) >= 2 * BLOCK
        self.open = np.full(self._blocks(), not self.blocked)
        self.fresh = np.zeros(self._blocks(), bool)
        self.started = not self.blocked
        self.true: np.ndarray | None = None
        self.true_sign: np.ndarray | None = None

    def _blocks(self) -> tuple[int, int]:
        return -(-self.shape[0] // BLOCK), -(-self.shape[1] // BLOCK)

    def inner(self, array: np.ndarray, dy: int, dx: int, phase: tuple[int, int] | None = None) -> np.ndarray:
        """Neighbours at (dy, dx) of all positions, or of those of one 2x2 phase."""
        height, width = self.shape
        if phase is None:
            return array[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        return array[1 + dy + phase[0] : 1 + dy + height : 2, 1 + dx + phase[1] : 1 + dx + width : 2]

    def outside(self) -> np.ndarray | None:
        """What parent and luma add to the expectation at every position."""
        result = None
        if self.parent is not None and self.weights[3]:
            height, width = self.shape
            up = self.parent.inner(self.parent.magnitude, 0, 0) * self.weights[3]
            rows = np.minimum(np.arange(height) // 2, up.shape[0] - 1)
            columns = np.minimum(np.arange(width) // 2, up.shape[1] - 1)
            result = up[rows[:, None], columns]
        if self.luma is not None and self.weights[4]:
            luma = self.luma.inner(self.luma.magnitude, 0, 0) * self.weights[4]
            result = luma if result is None else result + luma
        return result

    def expected(self, outside: np.ndarray | None, phase: tuple[int, int] | None = None) -> np.ndarray:
        """Expected magnitude in 64ths of the finest step."""
        across, along, diagonal, _, _ = self.weights
        m = self.magnitude
        at = [(dy, dx) for dy, dx in product((-1, 0, 1), repeat=2) if dy or dx]
        total = None
        for dy, dx in at:
            weight = diagonal if dy and dx else along if dy else across
            term = self.inner(m, dy, dx, phase) * weight
            total = term if total is None else np.add(total, term, out=total)
        if outside is not None:
            total += outside if phase is None else outside[phase[0] :: 2, phase[1] :: 2]
        return total

    def by_position(self, blocks: np.ndarray) -> np.ndarray:
        """A block's value at each of its positions."""
        return np.repeat(np.repeat(blocks, BLOCK, 0), BLOCK, 1)[: self.shape[0], : self.shape[1]]

    def block_maximum(self, values: np.ndarray) -> np.ndarray:
        height, width = self._blocks()
        padded = np.zeros((height * BLOCK, width * BLOCK), values.dtype)
        padded[: self.shape[0], : self.shape[1]] = values
        return padded.reshape(height, BLOCK, width, BLOCK).max(axis=(1, 3))


def _bands(height: int, width: int) -> list[_Band]:
    """All bands in coding order: coarse to fine, luma before chroma."""
    sides = [(height, width)]
    for _ in range(LEVELS):
        sides.append((-(-sides[-1][0] // 2), -(-sides[-1][1] // 2)))
    made: dict[tuple[int, str, int], _Band] = {}
    for name, level in [("ll", LEVELS), *product_down()]:
        for channel in range(3):
            low, whole = sides[level], sides[level - 1]
            high = whole[0] - low[0], whole[1] - low[1]
            shape = {"ll": low, "hl": (low[0], high[1]), "lh": (low[1], high[0]), "hh": high}[name]
            kind = ("y" if channel == 0 else "c", "edge" if name in ("hl", "lh") else name)
            made[channel, name, level] = _Band(
                channel,
                level,
                KINDS.index(kind),
                WEIGHTS[kind],
                made.get((channel, name, level + 1)),
                made.get((0, name, level)) if channel else None,
                shape,
            )
    return list(made.values())


def product_down() -> Iterator[tuple[str, int]]:
    """Names and levels of the detail bands, coarse to fine."""
    for level in range(LEVELS, 0, -1):
        for name in lifting.BANDS:
            yield name, level


def _names() -> list[tuple[str, int, int]]:
    return [(name, level, channel) for name, level in [("ll", LEVELS), *product_down()] for channel in range(3)]


def _laplacian(ratio: float) -> float:
    """Chance that a Laplacian magnitude below 2 is at least 1, when its mean is `ratio`."""
    return 1 / (1 + math.exp(min(1 / max(ratio, 1e-3), 500.0)))


def _bin_centres() -> list[float]:
    edges = [0.5, *EDGES, 2 * EDGES[-1]]
    return [math.sqrt(low * high) / UNIT for low, high in pairwise(edges)]


class _Passes:
    """The order of decisions, the same for both directions; a coder answers each with a bit."""

    def __init__(
        self,
        coder: Encoder | Decoder,
        bands: list[_Band],
        tops: tuple[int, int, int],
        at_cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.coder, self.bands, self.tops, self.at_cut = coder, bands, tops, at_cut
        chances = [_laplacian(0.15 + 0.8 * centre) for centre in _bin_centres()]
        blocks = [1 - (1 - chance / 2) ** 3 for chance in chances]
        fresh = [min(0.12 + chance, 0.6) for chance in chances]
        self.significance = Contexts([c for _ in KINDS for c in [*chances, *fresh]])
        self.blocks = Contexts([b * 0.5 for _ in KINDS for b in blocks])
        self.signs = Contexts([0.5] * (len(KINDS) * 9))
        self.refinement = Contexts([0.4] * (len(KINDS) * 8))
        self.starts = Contexts([0.15] * (3 * (LEVELS + 1)))

    def run(self) -> None:
        """Codes everything; ends early, with all bands as known by then, where the stream is cut."""
        try:
            for plane in range(max(self.tops), -1, -1):
                current = [band for band in self.bands if plane <= self.tops[band.channel]]
                for band in current:
                    band.seen[:] = False
                    if band.started:
                        self._significance(band, plane, likely=True)
                for band in current:
                    if band.started:
                        self._refine(band, plane)
                for band in current:
                    if not band.started and not self._start(band, plane):
                        continue
                    self._open_blocks(band, plane)
                    self._significance(band, plane, likely=False)
                    band.fresh[:] = False
        except Cut:
            pass

    def _code(
        self,
        contexts: Contexts,
        indices: np.ndarray,
        bits: np.ndarray | None,
        apply: Callable[[np.ndarray, slice], None] | None = None,
    ) -> np.ndarray:
        """Codes decisions; `apply` puts those of a slice into the picture, and at_cut sees it between them."""
        given = None if bits is None else bits.tolist()
        found = np.array(self.coder.code(contexts, indices.tolist(), given), np.int64)
        stops = self.coder.stops if isinstance(self.coder, Decoder) else []
        done = 0
        for stop in [*stops, None]:
            if apply is not None:
                part = slice(done, len(found) if stop is None else stop)
                apply(found[part], part)
            if stop is not None:
                done = stop
                self.at_cut()
        return found

    def _start(self, band: _Band, plane: int) -> bool:
        """Whether a band has anything in it from this plane on."""
        bit = None if band.true is None else np.array([int(band.true.max(initial=0) >> plane > 0)])
        index = np.array([band.level * 3 + band.channel])
        found = self._code(self.starts, index, bit)
        band.started = bool(found.size and found[0])
        return band.started

    def _open_blocks(self, band: _Band, plane: int) -> None:
        closed = np.flatnonzero(~band.open)
        if not closed.size:
            return
        ratio = np.minimum(band.block_maximum(band.expected(band.outside())) >> plane, TOP_RATIO)
        indices = band.kind * BINS + BIN_OF[ratio.ravel()[closed]]
        bits = None if band.true is None else (band.block_maximum(band.true).ravel()[closed] >> plane) > 0
        found = self._code(self.blocks, indices, bits)
        opened = closed[: found.size][found == 1]
        band.open.ravel()[opened] = True
        band.fresh.ravel()[opened] = True

    def _significance(self, band: _Band, plane: int, likely: bool) -> None:
        outside = band.outside()
        state = None
        if band.blocked:
            if not band.open.any():
                return
            state = band.by_position(band.open), band.by_position(band.fresh)
        for phase in product((0, 1), repeat=2):
            view = (slice(phase[0], None, 2), slice(phase[1], None, 2))
            expected = band.expected(outside, phase)
            bins = BIN_OF[np.minimum(expected >> plane, TOP_RATIO)]
            wanted = (band.plane[view] < 0) & ~band.seen[view]
            if state is not None:
                wanted &= state[0][view]
            if likely:
                wanted &= bins >= LIKELY
            at = np.flatnonzero(wanted)
            if not at.size:
                continue
            rows, columns = np.divmod(at, wanted.shape[1])
            rows, columns = 2 * rows + phase[0], 2 * columns + phase[1]
            indices = band.kind * 2 * BINS + bins.ravel()[at]
            if state is not None and not likely:
                indices += BINS * state[1][rows, columns]
            bits = None if band.true is None else (band.true[rows, columns] >> plane) & 1
            found = self._code(self.significance, indices, bits)
            band.seen[rows[: found.size], columns[: found.size]] = True
            new = np.flatnonzero(found)
            self._signs(band, plane, rows[new], columns[new])

    def _signs(self, band: _Band, plane: int, rows: np.ndarray, columns: np.ndarray) -> None:
        s = band.sign
        along = np.sign(s[rows, columns + 1] + s[rows + 2, columns + 1])
        across = np.sign(s[rows + 1, columns] + s[rows + 1, columns + 2])
        context = along * 3 + across
        flip = context < 0
        negative = None if band.true_sign is None else (band.true_sign[rows, columns] < 0) ^ flip

        def apply(found: np.ndarray, part: slice) -> None:
            y, x = rows[part], columns[part]
            s[y + 1, x + 1] = 1 - 2 * (found ^ flip[part])
            band.lower[y, x] = 1 << plane
            band.plane[y, x] = plane
            band.magnitude[y + 1, x + 1] = (1 << plane) + (1 << plane >> 1)

        self._code(self.signs, band.kind * 9 + np.abs(context), negative, apply)

    def _refine(self, band: _Band, plane: int) -> None:
        rows, columns = np.nonzero(band.plane > plane)
        if not rows.size:
            return
        lower = band.lower[rows, columns]
        first = (lower >> plane) == 2
        ratio = np.minimum(band.expected(band.outside())[rows, columns] >> plane, TOP_RATIO)
        near = np.digitize(ratio, (45, 80, 128))
        indices = band.kind * 8 + np.where(first, near, 4 + (lower >> plane > 4))
        bits = None if band.true is None else (band.true[rows, columns] >> plane) & 1

        def apply(found: np.ndarray, part: slice) -> None:
            y, x = rows[part], columns[part]
            band.lower[y, x] += (found << plane).astype(np.int32)
            band.plane[y, x] = plane
            band.magnitude[y + 1, x + 1] = band.lower[y, x] + (1 << plane >> 1)

        self._code(self.refinement, indices, bits, apply)


def encode(photo: np.ndarray, limit: int | None = None) -> bytes:
    """A photo as an embedded stream: any number of its first bytes is a coarser photo.

    Args:
        photo: uint8 [height, width, 3], both sides at least 64.
        limit: most bytes; None: all, which leaves next to nothing but rounding.

    Raises:
        GlimpseError: a photo too small.
    """
    height, width = photo.shape[:2]
    _check_size(height, width)
    bands = _bands(height, width)
    channels = [lifting.transform(plane, LEVELS) for plane in _to_channels(photo)]
    tops = [0, 0, 0]
    for band, (name, level, channel) in zip(bands, _names(), strict=True):
        values = channels[channel][name, level] * (_scale(name, level, channel) / FINEST)
        values = values.T if name == "lh" else values
        band.true = np.abs(values).astype(np.int32)
        band.true_sign = np.where(values < 0, -1, 1).astype(np.int8)
        tops[channel] = max(tops[channel], int(band.true.max(initial=0)).bit_length() - 1)
    tops = [max(top, 0) for top in tops]
    head = (tops[0] << 10 | tops[1] << 5 | tops[2]).to_bytes(HEADER_BYTES, "big")
    encoder = Encoder(None if limit is None else max(limit - HEADER_BYTES, 0))
    _Passes(encoder, bands, (tops[0], tops[1], tops[2])).run()
    return head + encoder.finish() if limit is None else (head + encoder.finish())[:limit]


def decode(data: bytes, height: int, width: int) -> np.ndarray:
    """The photo as far as the first bytes of a stream tell; grey without any.

    Args:
        data: the stream, cut anywhere.
        height: of the photo in pixels, at least 64.
        width: of the photo in pixels, at least 64.

    Returns:
        uint8 [height, width, 3].

    Raises:
        GlimpseError: a size that cannot be.
    """
    return decode_cuts(data, [len(data)], height, width)[0]


def decode_cuts(data: bytes, cuts: Sequence[int], height: int, width: int) -> list[np.ndarray]:
    """The pictures that decode makes of the first bytes of a stream, for many cuts in one go.

    Args:
        data: the stream.
        cuts: rising numbers of bytes, none above len(data).
        height: as for decode.
        width: as for decode.
    """
    _check_size(height, width)
    bands = _bands(height, width)
    pictures = [_picture(bands) for cut in cuts if cut < HEADER_BYTES]
    if len(pictures) < len(cuts):
        word = int.from_bytes(data[:HEADER_BYTES], "big")
        # 2^19 finest steps are beyond any photo; a damaged header must not overflow the arithmetic.
        tops = min(word >> 10 & 31, 19), min(word >> 5 & 31, 19), min(word & 31, 19)
        ends = [cut - HEADER_BYTES for cut in cuts[len(pictures) :]]
        decoder = Decoder(data[HEADER_BYTES : HEADER_BYTES + ends[-1]], ends[:-1])
        _Passes(decoder, bands, tops, lambda: pictures.append(_picture(bands))).run()
    # What no cut took anything from.
    pictures += [_picture(bands)] * (len(cuts) - len(pictures))
    return pictures


def _picture(bands: list[_Band]) -> np.ndarray:
    channels: list[lifting.Bands] = [{}, {}, {}]
    for band, (name, level, channel) in zip(bands, _names(), strict=True):
        values = _restored(band) * (FINEST / _scale(name, level, channel))
        channels[channel][name, level] = values.T if name == "lh" else values
    planes = np.stack([lifting.inverse(each, LEVELS) for each in channels], axis=2)
    return np.clip(np.rint(planes @ TO_RGB.T + 128), 0, 255).astype(np.uint8)


def _restored(band: _Band) -> np.ndarray:
    known = band.plane >= 0
    size = np.where(known, 2.0 ** np.maximum(band.plane, 0), 0.0)
    centre = np.where(band.lower == size, FIRST_CENTRE, LATER_CENTRE)
    return band.inner(band.sign, 0, 0) * (band.lower + centre * size)


def _scale(name: str, level: int, channel: int) -> float:
    return lifting.norm(name, level) * float(GAINS[channel])


def _to_channels(photo: np.ndarray) -> Iterator[np.ndarray]:
    """Y, Cb, Cr, all around zero."""
    planes = (photo.astype(np.float64) - 128) @ np.linalg.inv(TO_RGB).T
    return iter(np.moveaxis(planes, 2, 0))


def _check_size(height: int, width: int) -> None:
    least = 2 << LEVELS
    if min(height, width) < least:
        raise GlimpseError(f"the wavelet coder takes photos of at least {least} pixels a side, not {width}x{height}")
