# SPDX-License-Identifier: Apache-2.0
"""Which photos of a folder train and which validate."""

from pathlib import Path

VALIDATION_EVERY = 20  # every 20th file, sorted by name, is held out
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def split_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Training and validation files of a folder; every 20th file sorted by name validates.

    Raises:
        FileNotFoundError: no such folder, or no photos there.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no photos (JPEG, PNG, WebP) in {folder}")
    return [f for i, f in enumerate(files) if i % VALIDATION_EVERY], files[::VALIDATION_EVERY]
