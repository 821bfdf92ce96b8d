# SPDX-License-Identifier: Apache-2.0
"""Revisions of models: the current ones of the zoo, and older ones in archives, which stay decodable.

An archive is a folder of model folders, `ARCHIVE/mcucoder@4/model.toml` and so on; what the folders are called does not
matter, only what their model.toml says. Looked through are those named by a person, then `archive` beside the zoo's
models, then `glimpse/archive` in the place for a user's data.
"""

import os
import shutil
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from glimpse import zoo
from glimpse.errors import GlimpseError
from glimpse.files import make_folder
from glimpse.zoo import ZooModel

REVISIONS = 256
DEPTHS = ("model.toml", "*/model.toml", "*/*/model.toml")
# What a receiver and a node need of a model; reports and checkpoints stay behind.
KEPT_FILES = ("model.toml", "encoder.tflite", "decoder.tflite", "tables.json", "card.md")


@dataclass(frozen=True)
class Revision:
    """A model folder, as its model.toml names it."""

    name: str
    number: int
    revision: int
    folder: Path

    @property
    def title(self) -> str:
        """What a person calls it, `mcucoder@4`."""
        return f"{self.name}@{self.revision}"


def places(extra: Iterable[Path] = ()) -> list[Path]:
    """The archives that are looked through, those in `extra` first."""
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return [*extra, *(folder / "archive" for folder in zoo.FOLDERS), Path(home).expanduser() / "glimpse" / "archive"]


def read_revision(folder: Path) -> Revision | None:
    """What a folder's model.toml says; None when it is not a model's."""
    try:
        section = tomllib.loads((folder / "model.toml").read_text())["model"]
        found = Revision(str(section["name"]), int(section["id"]), int(section["revision"]), folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if 0 <= found.revision < REVISIONS else None


def revisions(extra: Iterable[Path] = ()) -> list[Revision]:
    """Every revision at hand: the zoo's current ones, then the archives' in the order of `places`.

    Folders that are not a model's are passed over, so that a damaged copy does not hide the sound ones beside it.

    Raises:
        GlimpseError: a folder of `extra` is not there.
    """
    extra = [Path(place) for place in extra]
    for place in extra:
        if not place.is_dir():
            raise GlimpseError(f"there is no archive {place}; give a folder of model folders")
    current = [zoo.load(name).folder for name in zoo.names()]
    old = [file.parent for place in places(extra) for depth in DEPTHS for file in sorted(place.glob(depth))]
    return [found for folder in (*current, *old) if (found := read_revision(folder))]


def find(name: str, revision: int, extra: Iterable[Path] = ()) -> ZooModel:
    """One revision of a model by its name.

    Raises:
        GlimpseError: it is not at hand.
    """
    extra = list(extra)
    found = [item for item in revisions(extra) if item.name == name]
    for item in found:
        if item.revision == revision:
            return ZooModel(item.folder)
    known = ", ".join(dict.fromkeys(item.title for item in found)) or f"no {name}"
    raise GlimpseError(f"there is no {name}@{revision}, only {known}; name the archive that has it with --archive")


class Shelf:
    """The models that a receiver chooses from by what a packet says: number and lowest bit of the revision.

    Of several revisions with this bit the one is taken that is nearest before the current one, or the current one
    itself: nodes are never ahead of the zoo, and seldom more than one revision behind (docs/wire-format.md, Revisions).
    Of a model that only archives have, the highest revision counts as the current one.
    The folders are listed once; make another shelf after they changed.

    Args:
        extra: archives to look through before the usual ones.

    Raises:
        GlimpseError: a folder of `extra` is not there.
    """

    def __init__(self, extra: Iterable[Path] = ()) -> None:
        self._revisions = revisions(extra)
        self._chosen: dict[tuple[int, int], ZooModel | None] = {}

    def knows(self, number: int) -> bool:
        """Whether any revision of this model is at hand."""
        return any(item.number == number for item in self._revisions)

    def choose(self, number: int, bit: int) -> ZooModel | None:
        """The model of a packet, None when none fits or when its folder cannot be used."""
        key = number, bit
        if key not in self._chosen:
            self._chosen[key] = self._choose(*key)
        return self._chosen[key]

    def _choose(self, number: int, bit: int) -> ZooModel | None:
        family = [item for item in self._revisions if item.number == number]
        if not family:
            return None
        in_zoo = [item for item in family if item.folder.parent in zoo.FOLDERS]
        current = in_zoo[0] if in_zoo else max(family, key=lambda item: item.revision)
        fitting = [item for item in family if item.revision % 2 == bit]
        # Stable: of equal revisions the first place wins, and of one number in two families the current one's.
        fitting.sort(key=lambda item: (item.name != current.name, (current.revision - item.revision) % REVISIONS))
        for item in fitting:
            model = ZooModel(item.folder)
            try:
                model.binding  # noqa: B018 - loads it
            except GlimpseError:  # a damaged copy must not stop a receiver of many nodes
                continue
            return model
        return None


class OneModel:
    """A shelf of a single model, for packets that are known to be its own.

    Args:
        model: whose packets are taken.
    """

    def __init__(self, model: ZooModel) -> None:
        self._model = model

    def knows(self, number: int) -> bool:
        """Whether this is the model's number."""
        return number == self._model.binding.id

    def choose(self, number: int, bit: int) -> ZooModel | None:
        """The model, or None when the packet names another number or revision."""
        binding = self._model.binding
        return self._model if (number, bit) == (binding.id, binding.revision % 2) else None


def keep(folder: Path, archive: Path) -> Path:
    """Copies the model that lies in `folder` to `ARCHIVE/NAME@REVISION`; the same one there already is left alone.

    Returns:
        The folder of the copy.

    Raises:
        GlimpseError: there is no model, another one has its name and revision, or the archive cannot be written.
    """
    found = read_revision(folder)
    if found is None:
        raise GlimpseError(f"{folder} holds no model to keep; name a model folder")
    target = archive / found.title
    if (target / "model.toml").is_file():
        if ZooModel(target).blob != ZooModel(folder).blob:
            raise GlimpseError(f"{target} is another model of that name and revision; name another archive")
        return target
    make_folder(target)
    try:
        # model.toml last: a folder without it is no model, so a copy that broke off is not taken for one.
        for file in sorted(KEPT_FILES, key=lambda name: name == "model.toml"):
            if (folder / file).is_file():
                shutil.copyfile(folder / file, target / file)
    except OSError as error:
        raise GlimpseError(f"cannot write {target}: {error.strerror or error}; name another archive") from error
    return target
