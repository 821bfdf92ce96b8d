# SPDX-License-Identifier: Apache-2.0
"""Manifests: CSV files that say for every photo of a folder where it comes from and what one may do with it.

One line a photo. Columns that are read here or by others: `file` (name with ending) or `name` (without), `licence`,
`licence_class`, `split`, `tag` and `repo` (the source). Others are left alone.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from glimpse.errors import GlimpseError
from glimpse.files import read_bytes

MAX_MANIFEST_BYTES = 1 << 26


@dataclass(frozen=True)
class Manifest:
    """What a manifest says."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]

    @property
    def key(self) -> str:
        """The column that names photos."""
        return "file" if "file" in self.columns else "name"

    def row(self, file: Path) -> dict[str, str] | None:
        """The line on a file, found by its name alone."""
        return self._lines.get(file.name if self.key == "file" else file.stem)

    @cached_property
    def _lines(self) -> dict[str, dict[str, str]]:
        return {row[self.key]: row for row in self.rows}


def find_manifest(folder: Path) -> Path | None:
    """Where a folder's manifest is: `manifest.csv` in it, or `FOLDER_manifest.csv` beside it."""
    folder = folder.absolute()
    for path in (folder / "manifest.csv", folder.parent / f"{folder.name}_manifest.csv"):
        if path.is_file():
            return path
    return None


def read_manifest(path: Path, *needed: str) -> Manifest:
    """Reads a manifest.

    Args:
        path: a CSV file in UTF-8 whose first line names the columns.
        needed: columns that have to be there, beside `file` or `name`.

    Raises:
        GlimpseError: unreadable, not such a file, without one of the columns, or a photo that it names twice.
    """
    data = read_bytes(path, "manifest", MAX_MANIFEST_BYTES)
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), strict=True, restval="")
        columns = tuple(reader.fieldnames or ())
        rows = tuple({key: value.strip() for key, value in row.items() if key} for row in reader)
    except (UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise GlimpseError(f"{path} is not a manifest ({error}); give a CSV file in UTF-8") from error
    missing = [column for column in needed if column not in columns]
    if "file" not in columns and "name" not in columns:
        missing.insert(0, "file")
    if missing:
        raise GlimpseError(f"the manifest {path} has no column '{missing[0]}'; its first line names {list(columns)}")
    manifest = Manifest(path, columns, rows)
    if len(manifest._lines) < len(rows):
        name, _ = Counter(row[manifest.key] for row in rows).most_common(1)[0]
        raise GlimpseError(f"the manifest {path} names '{name}' twice; keep the line that is right")
    return manifest
