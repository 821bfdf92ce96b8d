# SPDX-License-Identifier: Apache-2.0
"""Energy of a picture at equal quality, compute and radio: the models against a JPEG encoder in C on the same cores.

Where each number comes from:

- quality after k packets: models/*/results/kodak.json (`glimpse evaluate`). How many symbols that takes is counted
  here, and the packets that carry as many at every payload are packed by the node's own code;
- a model's instructions: models/*/results/bench-CORE.json (`glimpse bench`), packing in proportion to the bytes;
- JPEG's bytes, quality and instructions: of every photo and quality, on the emulated cores, by the bench image;
- currents and cycles: glimpse.energy.model and glimpse.estimate, with their intervals.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glimpse import firmware, rivals
from glimpse.binding.schedule import regions
from glimpse.energy.model import CORES, LISTENING, NOTHING, SENDING, Range, Way, compute_mj, cut, radio_mj
from glimpse.errors import GlimpseError
from glimpse.estimate import BY_CORE
from glimpse.evaluation.learned import packets_of
from glimpse.export.zoo_entry import CORES as CORE_NAMES
from glimpse.progress import progress
from glimpse.quality import Reference, to_db
from glimpse.zoo import ZooModel

LEVELS = (0.75, 0.8, 0.85, 0.9, 0.92, 0.94)
"""MS-SSIM at which codecs are compared."""
LEAST_PHOTOS = 0.5
"""A comparison stands where at least this share of the photos reaches the level with both codecs."""
EVALUATED = "kodak.json"
FAST_LINK = 50_000
"""Bytes a second; "every link slower than this"."""


@dataclass(frozen=True)
class Jpeg:
    """A photo's JPEG files of the emulated cores, the worst first.

    Attributes:
        ms_ssim_db: of each file, rising.
        bytes: of each file.
        constant: bytes of it that do not depend on the photo.
        instructions: by core, of each file.
    """

    ms_ssim_db: Sequence[float]
    bytes: Sequence[int]
    constant: Sequence[int]
    instructions: dict[str, Sequence[int]]

    def at(self, ms_ssim: float) -> tuple[float, float, dict[str, float]] | None:
        """(bytes, constant bytes, instructions by core) for this quality, between the files; None: out of reach."""
        wanted = to_db(ms_ssim)
        if not self.ms_ssim_db[0] <= wanted <= self.ms_ssim_db[-1]:
            return None

        def between(values: Sequence[float]) -> float:
            return float(np.interp(wanted, self.ms_ssim_db, values))

        return between(self.bytes), between(self.constant), {c: between(v) for c, v in self.instructions.items()}


@dataclass(frozen=True)
class Curve:
    """What a photo's packets carry and show: symbols and MS-SSIM in dB after the measured counts of packets."""

    symbols: Sequence[float]
    ms_ssim_db: Sequence[float]

    def symbols_for(self, ms_ssim: float) -> float | None:
        """How many symbols this quality needs, between the measured points; None: out of reach."""
        wanted = to_db(ms_ssim)
        points = list(zip(self.symbols, self.ms_ssim_db, strict=True))
        if points and points[0][1] >= wanted:
            return points[0][0]
        for (low, worse), (high, better) in itertools.pairwise(points):
            if worse < wanted <= better:
                return low + (high - low) * (wanted - worse) / (better - worse)
        return None


def ways() -> list[Way]:
    """The links of the tables: EU868 from the slowest to the fastest, Sigfox and NB-IoT, with full packets."""
    found = []
    for region in regions():
        if region.name in ("EU868", "Sigfox", "NB-IoT"):
            found += [Way(region, rate, region.payload(rate.number)) for rate in region.rates]
    return found


def measure_jpeg(photos: dict[str, np.ndarray]) -> dict[str, Jpeg]:
    """Every photo through the JPEG encoder of the bench images.

    Args:
        photos: uint8 [height, width, 3] of the standard model's size, by name.

    Raises:
        GlimpseError: an image cannot be built or run, was built without the encoder, or cores disagree on a file.
    """
    found = {}
    with progress("JPEG on the emulated cores", len(photos)) as task:
        for name, photo in photos.items():
            found[name] = _jpeg_of(name, photo)
            task.advance()
    return found


def _jpeg_of(name: str, photo: np.ndarray) -> Jpeg:
    files = {}
    for core in CORE_NAMES:
        run = rivals.run_image(rivals.BENCHES[f"sim:{core}"], firmware.standard_model(), photo)
        files[core] = rivals.jpeg_files(run, photo)
        if files[core] is None:
            raise GlimpseError("the bench image has no JPEG encoder; install libstb-dev, remove .pio and try again")
    first = files[CORE_NAMES[0]]
    if any([file.data for file in each] != [file.data for file in first] for each in files.values()):
        raise GlimpseError(f"the emulated cores make different JPEG files of {name}")
    reference = Reference(photo)
    quality = [reference.compare(file.picture).ms_ssim_db for file in first]
    # A quality that shows less than a cheaper one is none that a sender would choose.
    kept = [i for i, q in enumerate(quality) if q > max(quality[:i], default=-1.0)]
    return Jpeg(
        [quality[i] for i in kept],
        [len(first[i].data) for i in kept],
        [_constant(first[i].data) for i in kept],
        {core: [each[i].instructions for i in kept] for core, each in files.items()},
    )


def _constant(data: bytes) -> int:
    """Bytes in front of the picture's own, which are the same for every photo of this size and quality, and its end."""
    scan = data.index(b"\xff\xda")
    return scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big") + 2


def read_curves(model: ZooModel, photos: dict[str, np.ndarray], evaluated: dict[str, Any]) -> dict[str, Curve]:
    """What `glimpse evaluate` saw of a model, with the symbols that its packets carried.

    Args:
        model: as it was evaluated.
        photos: by file name.
        evaluated: results/kodak.json.

    Raises:
        GlimpseError: the model's packets are not those that were evaluated.
    """
    payload, curves = int(evaluated["payload"]), {}
    for name, photo in photos.items():
        packets = packets_of(model, photo, payload)
        symbols = _symbols(model, packets)
        rows = [r for r in evaluated["rows"] if r["image"] == name and r["codec"] == model.name]
        counts = [int(r["setting"].split()[0]) for r in rows]
        sizes = list(itertools.accumulate(map(len, packets)))
        if not rows or any(k > len(sizes) or sizes[k - 1] != r["bytes"] for k, r in zip(counts, rows, strict=True)):
            raise GlimpseError(
                f"{model.folder}/results/{EVALUATED} tells of other packets of {name} than the model makes now; "
                "evaluate it again"
            )
        order = sorted(range(len(rows)), key=counts.__getitem__)
        best, points = -1.0, []
        for i in order:
            if rows[i]["ms_ssim_db"] > best:
                best = rows[i]["ms_ssim_db"]
                points.append((symbols[counts[i] - 1], best))
        curves[name] = Curve([p[0] for p in points], [p[1] for p in points])
    return curves


def _symbols(model: ZooModel, packets: Sequence[bytes]) -> list[int]:
    """How many symbols have come after each packet."""
    loaded, found = model.binding, []
    symbols, received = (np.zeros(loaded.latent_shape, np.uint8) for _ in range(2))
    for packet in packets:
        loaded.unpack(packet, symbols, received)
        found.append(int(np.count_nonzero(received)))
    return found


def needed(sizes: Sequence[int], symbols: Sequence[int], wanted: float) -> list[int]:
    """Bytes of the packets that carry this many symbols.

    Args:
        sizes: bytes of each packet.
        symbols: that have come after each.
        wanted: of them.
    """
    count = next((i for i, have in enumerate(symbols, 1) if have >= wanted), len(sizes))
    return list(sizes[:count])


def measure(models: Sequence[ZooModel], photos: dict[str, np.ndarray]) -> dict[str, Any]:
    """All comparisons.

    Args:
        models: to compare with JPEG, of one size, evaluated on these photos and benched on both cores.
        photos: uint8 [height, width, 3] of that size, by the file names of the evaluation.

    Returns:
        Keys: photos, levels, links [{name, payload, bytes_per_second, uj_a_byte}], supplies {cores, sending,
        listening, cycles}, jpeg {photo: {bytes, ms_ssim_db, constant, instructions}}, rows [{model, core, link, level,
        photos, bytes {model, jpeg, jpeg_headerless}, packets, mj {model, jpeg, jpeg_headerless} (each {value, low,
        high}), compute_mj {model, jpeg}, instructions {model, jpeg}, ahead, ahead_surely (with the dearest core and the
        cheapest radio), ahead_of_headerless}], and break_even [{model, core, level, photos, uj_a_byte,
        bytes_per_second}]: how dear a byte must be for the model to be ahead, and the speed
        of a link at LoRa's power where it is as dear; null when the model sends no fewer bytes.

    Raises:
        GlimpseError: results are missing or are of other packets, or the emulator cannot run.
    """
    jpeg = measure_jpeg(photos)
    links = ways()
    rows, even = [], []
    for model in models:
        evaluated, bench = _results(model)
        curves = read_curves(model, photos, evaluated)
        packed = {way.payload: _packed(model, photos, way.payload) for way in links}
        for level in LEVELS:
            chosen = {}
            for name, curve in curves.items():
                symbols, rival = curve.symbols_for(level), jpeg[name].at(level)
                if symbols is not None and rival is not None:
                    chosen[name] = (symbols, rival)
            if len(chosen) < LEAST_PHOTOS * len(photos):
                continue
            for core in CORE_NAMES:
                for way in links:
                    rows.append(_row(model, core, way, level, chosen, packed[way.payload], bench[core]))
                even.append(_break_even([row for row in rows if row["link"] == links[-1].name][-1], model, core, level))
    return {
        "photos": list(photos),
        "levels": LEVELS,
        "links": [_link(way) for way in links],
        "supplies": supplies(),
        "rows": rows,
        "break_even": even,
        "jpeg": {
            name: {
                "bytes": j.bytes,
                "constant": j.constant,
                "ms_ssim_db": [round(q, 3) for q in j.ms_ssim_db],
                "instructions": j.instructions,
            }
            for name, j in jpeg.items()
        },
    }


def supplies() -> dict[str, Any]:
    """The assumptions behind every estimate, as they stand in the JSON."""

    def told(supply: Any) -> dict[str, Any]:
        return {"ma": supply.milliamperes.numbers(), "volts": supply.volts, "source": supply.source}

    return {
        "cores": {core: told(supply) for core, supply in CORES.items()},
        "cycles": {
            core: {"value": e.cycles, "low": round(e.low, 3), "high": round(e.high, 3), "hz": e.hz, "source": e.source}
            for core, e in BY_CORE.items()
        },
        "sending": {kind: told(supply) for kind, supply in SENDING.items()},
        "listening": told(LISTENING),
    }


def _results(model: ZooModel) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    folder = model.folder / "results"
    try:
        evaluated = json.loads((folder / EVALUATED).read_text())
        bench = {core: json.loads((folder / f"bench-{core}.json").read_text()) for core in CORE_NAMES}
        for numbers in bench.values():
            numbers["instructions_by_stage"]["network"], numbers["bytes"]
        return evaluated, bench
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlimpseError(
            f"{folder} lacks {EVALUATED} or bench-CORE.json; run glimpse evaluate and python -m glimpse.export.zoo_page"
        ) from error


def _packed(model: ZooModel, photos: dict[str, np.ndarray], payload: int) -> dict[str, tuple[list[int], list[int]]]:
    found = {}
    for name, photo in photos.items():
        packets = packets_of(model, photo, payload)
        found[name] = ([len(packet) for packet in packets], _symbols(model, packets))
    return found


def _instructions(bench: dict[str, Any], size: float) -> float:
    stages = bench["instructions_by_stage"]
    return stages["network"] + stages["quantise"] + stages["pack"] * size / bench["bytes"]


def _row(
    model: ZooModel,
    core: str,
    way: Way,
    level: float,
    chosen: dict[str, tuple[float, tuple[float, float, dict[str, float]]]],
    packed: dict[str, tuple[list[int], list[int]]],
    bench: dict[str, Any],
) -> dict[str, Any]:
    """Means over the chosen photos."""
    ours = rival = bare = our_compute = rival_compute = NOTHING
    sizes, instructions = np.zeros(3), np.zeros(2)
    packets = 0
    for name, (symbols, (size, constant, counts)) in chosen.items():
        sent = needed(*packed[name], symbols)
        packets += len(sent)
        sizes += (sum(sent), size, size - constant)
        run = _instructions(bench, sum(sent))
        instructions += (run, counts[core])
        computed, jpeg = compute_mj(run, core), compute_mj(counts[core], core)
        our_compute, rival_compute = our_compute + computed, rival_compute + jpeg
        ours += computed + radio_mj(way, sent)
        rival += jpeg + radio_mj(way, cut(round(size), way.payload))
        bare += jpeg + radio_mj(way, cut(round(size - constant), way.payload))
    share = 1 / len(chosen)
    return {
        "model": model.name,
        "core": core,
        "link": way.name,
        "level": level,
        "photos": len(chosen),
        "packets": round(packets * share, 1),
        "bytes": {
            key: round(float(n)) for key, n in zip(("model", "jpeg", "jpeg_headerless"), sizes * share, strict=True)
        },
        "mj": {
            "model": (ours * share).numbers(2),
            "jpeg": (rival * share).numbers(2),
            "jpeg_headerless": (bare * share).numbers(2),
        },
        "compute_mj": {"model": (our_compute * share).numbers(), "jpeg": (rival_compute * share).numbers()},
        "instructions": dict(zip(("model", "jpeg"), np.round(instructions * share).astype(int).tolist(), strict=True)),
        "ahead": ours.value < rival.value,
        "ahead_surely": _surely(ours * share, rival * share, our_compute * share, rival_compute * share),
        "ahead_of_headerless": ours.value < bare.value,
    }


def _surely(ours: Range, rival: Range, our_compute: Range, rival_compute: Range) -> bool:
    """Ahead even with the dearest core and the cheapest radio: both codecs run on the same board and the same link."""
    radio_low = (ours.low - our_compute.low, rival.low - rival_compute.low)
    return our_compute.high + radio_low[0] < rival_compute.high + radio_low[1]


def _break_even(row: dict[str, Any], model: ZooModel, core: str, level: float) -> dict[str, Any]:
    saved = row["bytes"]["jpeg"] - row["bytes"]["model"]
    more = row["compute_mj"]["model"]["value"] - row["compute_mj"]["jpeg"]["value"]
    known = saved > 0 and more > 0
    milliwatts = SENDING["lorawan"].milliwatts.value
    return {
        "model": model.name,
        "core": core,
        "level": level,
        "photos": row["photos"],
        "uj_a_byte": round(more / saved * 1e3, 2) if known else None,
        "bytes_per_second": round(milliwatts / (more / saved)) if known else None,
    }


def _link(way: Way) -> dict[str, Any]:
    return {
        "name": way.name,
        "payload": way.payload,
        "bytes_per_second": round(way.bytes_per_second, 2),
        "uj_a_byte": round(radio_mj(way, [way.payload]).value / way.payload * 1e3, 1),
    }
