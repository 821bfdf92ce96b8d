# SPDX-License-Identifier: Apache-2.0
"""Which photos are openly licensed, and what a model card says about the data that a model has seen.

A photo counts as open when its manifest says so twice: `licence_class`, where there is such a column, is exactly
`open` (not `open?`, not `mixed-cc`), and `licence` names one of OPEN_LICENCES and none of RESERVATIONS. When in doubt,
it is not open: a line that names several licences has to have nothing but open ones.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from glimpse.errors import GlimpseError
from glimpse.training.manifest import Manifest, find_manifest, read_manifest
from glimpse.training.split import SUFFIXES

OPEN_LICENCES = {
    "CC0": r"\bCC[ -]?0\b",
    "public domain": r"\bpublic domain\b",
    "CC BY": r"\bCC[ -]BY\b(?!-)",
    "CC BY-SA": r"\bCC[ -]BY-SA\b",
    "MIT": r"\bMIT\b",
    "BSD": r"\bBSD\b",
    "Apache-2.0": r"\bApache\b",
    "GPL or LGPL": r"\bL?GPL\b",
}
"""Licences that let anyone use, change and pass on a work for any purpose, and what they look like in a manifest."""

RESERVATIONS = (
    r"\bnon-?commercial\b",
    r"\bBY(-SA)?-N[CD]\b",
    r"-N[CD]\b",
    r"\bresearch\b",
    r"\beducation",
    r"\bnot stated\b",
    r"\bnone\b",
    r"\bno\b.*\blicen[cs]e",
    r"\bper-image\b",
    r"\ball rights reserved\b",
    # Free of charge, but their terms forbid some uses.
    r"\bunsplash\b",
    r"\bpexels\b",
    r"\bpixabay\b",
)
"""Words in a licence that take back what the rest of it grants, or say that nobody knows."""


def is_open(row: dict[str, str]) -> bool:
    """Whether a manifest's line says that a photo is openly licensed."""
    if row.get("licence_class", "open") != "open":
        return False
    licence = row.get("licence", "")
    if any(re.search(word, licence, re.IGNORECASE) for word in RESERVATIONS):
        return False
    return any(re.search(pattern, licence, re.IGNORECASE) for pattern in OPEN_LICENCES.values())


def open_files(folder: Path, manifest: Path | None = None) -> list[Path]:
    """The photos of a folder that its manifest says are openly licensed, sorted by name.

    Args:
        folder: photos (JPEG, PNG, WebP); a photo that the manifest does not name is not open.
        manifest: a CSV file with the columns `file` and `licence`, and `licence_class` if there is one; by default
            what find_manifest finds.

    Raises:
        GlimpseError: no folder, no manifest, not a manifest, or no openly licensed photo.
    """
    if not folder.is_dir():
        raise GlimpseError(f"{folder} is not a folder; give the folder of the photos")
    path = manifest or find_manifest(folder)
    if path is None:
        raise GlimpseError(
            f"{folder} has no manifest that says which photos are openly licensed; write {folder / 'manifest.csv'} "
            "with the columns file and licence, or train without --terms open"
        )
    stated = read_manifest(path, "licence")
    photos = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    found = [file for file in photos if (row := stated.row(file)) is not None and is_open(row)]
    if not found:
        raise GlimpseError(
            f"{path} calls none of the {len(photos)} photos in {folder} openly licensed; the licences that count are "
            f"{', '.join(OPEN_LICENCES)}"
        )
    return found


def describe_data(files: Sequence[Path], manifest: Path | None = None) -> str:
    """A model card's paragraph and table on the photos that a model was trained on.

    Args:
        files: the photos, all of which the manifest may name.
        manifest: a CSV file with the columns `file` or `name` and `licence`; None where there is none.

    Returns:
        Markdown without a last line break.

    Raises:
        GlimpseError: not a manifest.
    """
    if manifest is None:
        return f"Trained on {len(files):,} photos. No manifest says where they come from or on which terms."
    stated = read_manifest(manifest, "licence")
    sources = Counter(_source(stated, file) for file in files)
    opened = sum(count for (_, _, free), count in sources.items() if free)
    lines = [
        f"Trained on {len(files):,} photos, {opened:,} of them openly licensed.",
        "",
        "| source | photos | terms | open |",
        "|---|---:|---|---|",
    ]
    for (source, terms, free), count in sorted(sources.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f"| {source} | {count:,} | {terms} | {'yes' if free else 'no'} |")
    return "\n".join(lines)


def _source(manifest: Manifest, file: Path) -> tuple[str, str, bool]:
    """Origin and terms of a photo as cells of a table, and whether it is open."""
    row = manifest.row(file)
    if row is None:
        return "not in the manifest", "unknown", False
    origin = row.get("repo") or row.get("tag") or "not stated"
    return _cell(origin), _cell(row["licence"] or "not stated"), is_open(row)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
