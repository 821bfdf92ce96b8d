# SPDX-License-Identifier: Apache-2.0
"""Writes models/README.md, one row for each model: python -m glimpse.export.zoo_page [--measure NAME ...].

With --measure the models named are first benched on both emulated cores and their pictures made. What the page is made
from stands in glimpse.export.zoo_entry; no number of it is typed by hand.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from glimpse.errors import GlimpseError
from glimpse.estimate import BY_CORE
from glimpse.export.zoo_entry import CORES, Entry, Point, Quality, read_entry
from glimpse.files import make_folder, write_json, write_whole

BPP = 0.2
"""Bits for each pixel at which the page compares: 1,254 bytes of a 224 x 224 photo."""
PHOTO = "cat"
"""The sample photo of the pictures."""
SIZES = (300, 1200, 4000)
"""Bytes of the views in a picture, at most."""
PAYLOAD = 51
MISSING = "not measured"

HEAD = """# The zoo

Every folder here is a model: an int8 encoder for the node, a decoder for the host, and the tables of its codec. Take
one by name (`glimpse encode --model NAME`); [docs/model-blob.md](../docs/model-blob.md) says what a node makes of it, a
model's card what it was made from. This page is written by `python -m glimpse.export.zoo_page`.

"""
NOTES = """
- *blob*: bytes that a node holds of the model, weights and tables. *RAM*: static memory, the network's buffers and the
  most of the stack, and apart from it the latent. *flash*: program and model. Both on the emulated Cortex-M7.
- *instructions* of one frame, network and packets, counted by `glimpse bench` on the emulated cores; the milliseconds
  are estimated from them ({boards}).
- *quality*: means at {bpp} bits a pixel, all headers counted, nothing lost. PSNR; MS-SSIM. Where a size was not reached
  the nearest one stands, with its size. BD-rate: bytes for the same quality, less is better.
- Pictures: the photo, then what is seen after at most {sizes} bytes of packets.
"""


def page_text(models: Path) -> str:
    """The page of all models in a folder.

    Raises GlimpseError when a model cannot be read.
    """
    folders = sorted(file.parent for file in models.glob("*/model.toml"))
    entries = [read_entry(folder) for folder in folders]
    boards = ", ".join(f"{BY_CORE[core].board} at {BY_CORE[core].hz / 1e6:.0f} MHz" for core in CORES)
    notes = NOTES.format(boards=boards, bpp=BPP, sizes=", ".join(f"{size:,}" for size in SIZES))
    return HEAD + _table(entries) + notes + "".join(map(_section, entries))


def _table(entries: list[Entry]) -> str:
    """Markdown; from the second column to the last count the cells hold numbers."""
    counts = ["blob", "weights", "MACs", "RAM + latent", "flash", *(f"instructions, {core}" for core in CORES)]
    head = ["model", *counts, f"quality at {BPP} bpp", "trained on", "terms", "picture"]
    rule = ["---", *["---:"] * len(counts), *["---"] * 4]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [head, rule, *map(_row, entries)])


def _row(entry: Entry) -> list[str]:
    memory = [MISSING, MISSING]
    if "cortex-m7" in entry.bench:
        numbers = entry.bench["cortex-m7"]
        ram = numbers["ram_bytes"]
        memory = [f"{ram['total']:,} + {ram['latent']:,}", f"{numbers['flash_bytes']['total']:,}"]
    return [
        f"[{entry.name}]({entry.name}/card.md)" if entry.has_card else entry.name,
        f"{entry.blob_bytes:,}",
        f"{entry.cost.weights:,}",
        f"{entry.cost.macs / 1e6:.1f} M",
        *memory,
        *(_instructions(entry, core) for core in CORES),
        _quality_words(entry.quality),
        *(_cell(entry.about.get(key, "see its card")) for key in ("data", "terms")),
        f"[below](#{entry.name})" if entry.has_picture else "none yet",
    ]


def _instructions(entry: Entry, core: str) -> str:
    if core not in entry.bench:
        return MISSING
    numbers = entry.bench[core]
    times = numbers.get("estimated_ms")
    known = times.get(BY_CORE[core].board) if isinstance(times, dict) else None
    ms = f", {known['value']:,.0f} ms" if isinstance(known, dict) and "value" in known else ""
    return f"{numbers['instructions'] / 1e6:,.1f} M{ms}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _quality_words(quality: Quality | None) -> str:
    if quality is None:
        return MISSING
    gains = {"PSNR": quality.bd_psnr, "MS-SSIM": quality.bd_ms_ssim}
    known = [f"{gain:+.1f} % {measure}" for measure, gain in gains.items() if gain is not None]
    words = f"{_point_words(quality.at(BPP))}, {quality.photos}"
    return f"{words}; BD-rate against {quality.anchor} {', '.join(known)}" if known else words


def _point_words(point: Point) -> str:
    where = "" if abs(point.bpp - BPP) < 0.005 else f" at {point.bpp:.2f} bpp"
    return f"{point.psnr_db:.1f} dB; {point.ms_ssim:.3f}{where}"


def _section(entry: Entry) -> str:
    parts = [f"## {entry.name}", _cell(entry.about.get("what", ""))]
    if entry.has_picture:
        parts.append(f"![{entry.name}: a photo, and its packets decoded]({entry.name}/picture.jpg)")
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def measure(folder: Path) -> None:
    """Benches a model on both emulated cores and makes its picture, into its folder.

    Raises GlimpseError when the model, the emulator or the sample photos are missing.
    """
    from glimpse import bench, binding, zoo

    model = zoo.load(str(folder))
    pattern = binding.pattern(model.binding.photo_width, model.binding.photo_height)
    coding = "range" if model.binding.has_range_tables else "raw"
    make_folder(folder / "results")
    for core in CORES:
        numbers = bench.measure(f"sim:{core}", model, pattern, coding=coding, payload=PAYLOAD, whole_tensor=True)
        write_json(str(folder / "results" / f"bench-{core}.json"), numbers)
    write_whole(folder / "picture.jpg", picture(folder))


def picture(folder: Path) -> bytes:
    """JPEG of a sample photo and of what is seen of it after SIZES bytes.

    Raises GlimpseError when the model has no decoder or the sample photos are not installed.
    """
    from glimpse import zoo
    from glimpse.decoder import PictureDecoder
    from glimpse.journey import views
    from glimpse.photo import fit_photo, load_photo
    from glimpse.report.strip import small_jpeg, strip
    from glimpse.samples import sample_photos
    from glimpse.targets import open_node

    model = zoo.load(str(folder))
    m = model.binding
    photos = sample_photos()
    name = PHOTO if PHOTO in photos else sorted(photos)[0]
    photo = fit_photo(load_photo(photos[name]), m.photo_width, m.photo_height)
    coding = "range" if m.has_range_tables else "raw"
    with open_node("native", model) as node:
        packets = node.capture(photo, payload=PAYLOAD, coding=coding).packets
    shares = []
    for size in SIZES:
        count = max(1, sum(sum(map(len, packets[: n + 1])) <= size for n in range(len(packets))))
        shares.append(count / len(packets))
    return small_jpeg(strip(photo, views(model, PictureDecoder(model), photo, packets, 0.0, tuple(shares)), name))


def main(arguments: list[str]) -> int:
    """Command line; exit status 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m glimpse.export.zoo_page", description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=Path, default=Path("models"), help="the folder of the zoo")
    parser.add_argument("--measure", nargs="*", default=[], metavar="NAME", help="models to bench and draw first")
    options = parser.parse_args(arguments)
    try:
        for name in options.measure:
            measure(options.models / name)
        write_whole(options.models / "README.md", page_text(options.models).encode())
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
