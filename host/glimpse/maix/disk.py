# SPDX-License-Identifier: Apache-2.0
"""What lies on a K210 node's disk (its SD card, or MaixPy's own /flash), and writing it to a card."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from glimpse import firmware
from glimpse.errors import GlimpseError
from glimpse.files import read_bytes, write_whole
from glimpse.maix import KMODEL, MODEL
from glimpse.maix.check import FALLBACK, expectation, fallback
from glimpse.maix.raw_repl import MAIN
from glimpse.zoo import ZooModel

SETTINGS = "settings.json"
"""The node's settings, which are its owner's: a card that has some keeps them."""
KEPT = frozenset({SETTINGS})
CHECK = "check.json"
"""What firmware/maix/check.py expects to see."""
MAX_KMODEL = 8 << 20


def kmodel_of(model: ZooModel) -> bytes:
    """A model's network for the accelerator.

    Raises:
        GlimpseError: it has none, or what it has is none.
    """
    file = model.folder / KMODEL
    if not file.is_file():
        other = "" if model.name == MODEL else f", or use --model {MODEL}"
        raise GlimpseError(
            f"model {model.name} has no {KMODEL}; write it with glimpse export {model.name} --kmodel{other}"
        )
    return read_bytes(file, "kmodel", MAX_KMODEL)


def node_files(model: ZooModel, source: Path | None = None) -> dict[str, bytes]:
    """Everything that a node needs on its disk.

    Args:
        model: what it shall run.
        source: folder of its scripts; None: the checkout's firmware/maix.

    Returns:
        Name -> contents. No folders: MaixPy's own file system has none.

    Raises:
        GlimpseError: the checkout's firmware/maix or the model's kmodel is missing.
    """
    source = source or firmware.root() / "firmware" / "maix"
    files = {path.name: path.read_bytes() for path in sorted(source.glob("*.py"))}
    if (source / SETTINGS).is_file():
        files[SETTINGS] = (source / SETTINGS).read_bytes()
    if MAIN not in files:
        raise GlimpseError(f"{source} has no {MAIN}; restore the source folder")
    network = kmodel_of(model)
    name = f"{model.name}.kmodel"
    files[name] = network
    files[f"{model.name}.blob"] = model.blob
    files[model.name + FALLBACK] = fallback(network, name)
    files[CHECK] = expectation(network, name)
    return files


def write_card(folder: Path, files: Mapping[str, bytes], keep: frozenset[str] = KEPT) -> list[str]:
    """Writes files to a mounted SD card, or any folder.

    Each is whole or not there; main.py leaves first and comes last, so that a node with a card that was pulled out too
    early does not start a mixture.

    Args:
        folder: where the card is mounted.
        files: name -> contents.
        keep: names that stay as they are where they exist.

    Returns:
        The names that were kept.

    Raises:
        GlimpseError: no such folder, it is full or write protected.
    """
    if not folder.is_dir():
        raise GlimpseError(f"there is no folder {folder}; mount the SD card and give the folder that it is mounted on")
    need, room = sum(map(len, files.values())), shutil.disk_usage(folder).free
    if need > room:
        raise GlimpseError(f"{folder} has {room:,} bytes left, the node needs {need:,}; free some of the card")
    kept = [name for name in files if name in keep and (folder / name).is_file()]
    try:
        (folder / MAIN).unlink(missing_ok=True)
    except OSError as error:
        raise GlimpseError(
            f"cannot replace {folder / MAIN}: {(error.strerror or str(error)).lower()}; slide the card's lock back"
        ) from error
    for name in sorted(set(files) - set(kept), key=lambda name: (name == MAIN, name)):
        write_whole(folder / name, files[name])
    return kept
