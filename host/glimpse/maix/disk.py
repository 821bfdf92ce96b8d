# SPDX-License-Identifier: Apache-2.0
"""What lies on a K210 node's disk (its SD card, or MaixPy's own /flash), and writing it to a card."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from glimpse import firmware
from glimpse.errors import GlimpseError
from glimpse.files import read_bytes, write_whole
from glimpse.maix.check import FALLBACK, expectation, fallback
from glimpse.maix.raw_repl import MAIN
from glimpse.targets.k210 import kmodel_of
from glimpse.zoo import ZooModel

MOST_SETTINGS = 64 << 10

SETTINGS = "settings.json"
"""The node's settings (firmware/maix/glimpse_settings.py). Its owner's: only what to run is changed."""
CHECK = "check.json"
"""What firmware/maix/check.py expects to see."""


def settings(model: ZooModel, kmodel: str | int, old: bytes | None) -> bytes:
    """settings.json that names what to run.

    Args:
        model: whose blob lies on the disk.
        kmodel: the network's file, or where it lies in flash.
        old: the file that is there; None, or nothing that a node could read: the defaults.
    """
    try:
        values = json.loads(old or b"{}")
    except ValueError:
        values = {}
    if not isinstance(values, dict):
        values = {}
    return (json.dumps({**values, "model": f"{model.name}.blob", "kmodel": kmodel}, indent=1) + "\n").encode()


def node_files(model: ZooModel, kmodel: int | None = None, source: Path | None = None) -> dict[str, bytes]:
    """Everything that a node needs on its disk, without its settings.

    Args:
        model: what it shall run.
        kmodel: where its network lies in flash; None: it lies on the disk, too.
        source: folder of its scripts; None: the checkout's firmware/maix.

    Returns:
        Name -> contents. No folders: MaixPy's own file system has none.

    Raises:
        GlimpseError: the checkout's firmware/maix is missing, or the K210 cannot run the model's network.
    """
    source = source or firmware.root() / "firmware" / "maix"
    files = {path.name: path.read_bytes() for path in sorted(source.glob("*.py"))}
    if MAIN not in files:
        raise GlimpseError(f"{source} has no {MAIN}; restore the source folder")
    name = kmodel_name(model)
    network = kmodel_of(model.folder)
    if kmodel is None:
        files[name] = network
    files[f"{model.name}.blob"] = model.blob
    other = name.removesuffix(".kmodel") + FALLBACK
    files[other] = fallback(network, name)
    files[CHECK] = expectation(network, name if kmodel is None else kmodel, other)
    return files


def kmodel_name(model: ZooModel) -> str:
    """The network's file on a node's disk.

    Raises:
        GlimpseError: the model's name can be no file's there.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", model.name):
        raise GlimpseError(
            f"model {model.name!r} cannot be a file on a node's disk; name it with letters, digits, - or _"
        )
    return f"{model.name}.kmodel"


def write_card(folder: Path, model: ZooModel, files: Mapping[str, bytes]) -> None:
    """Writes files and settings to a mounted SD card, or any folder.

    Each is whole or not there; main.py leaves first and comes last, so that a node with a card that was pulled out too
    early does not start a mixture.

    Args:
        folder: where the card is mounted.
        model: what the settings shall name.
        files: name -> contents.

    Raises:
        GlimpseError: no such folder, it is full or write protected.
    """
    if not folder.is_dir():
        raise GlimpseError(f"there is no folder {folder}; mount the SD card and give the folder that it is mounted on")
    need, room = sum(map(len, files.values())), shutil.disk_usage(folder).free
    if need > room:
        raise GlimpseError(f"{folder} has {room:,} bytes left, the node needs {need:,}; free some of the card")
    there = folder / SETTINGS
    old = read_bytes(there, "settings file", MOST_SETTINGS) if there.is_file() else None
    files = {**files, SETTINGS: settings(model, kmodel_name(model), old)}
    try:
        (folder / MAIN).unlink(missing_ok=True)
    except OSError as error:
        raise GlimpseError(
            f"cannot replace {folder / MAIN}: {(error.strerror or str(error)).lower()}; slide the card's lock back"
        ) from error
    for name in sorted(files, key=lambda name: (name == MAIN, name)):
        write_whole(folder / name, files[name])
