# SPDX-License-Identifier: Apache-2.0
"""The checkout's firmware: where it is, building it with PlatformIO for any model, and what it occupies."""

import configparser
import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from zlib import crc32

from elftools.elf.elffile import ELFFile

from glimpse.errors import GlimpseError
from glimpse.files import make_folder
from glimpse.progress import progress

SOURCES = ("firmware", "boards", "platformio.ini", "platformio.local.ini", "host/glimpse/export")
SUFFIXES = {".c", ".h", ".cc", ".ld", ".txt", ".json", ".ini", ".py"}
MEMORIES = {"RAM": "RAM", "CODE": "flash"}
"""Regions of the linker scripts in boards/."""
MODEL_FILES = ("encoder.tflite", "model.toml", "tables.json")
"""What a blob is made from."""

BOARDS = ("stm32f746g_disco", "nrf5340dk")
"""Real ones, that a debug probe programs."""


def root() -> Path:
    """The checkout that this package belongs to.

    Raises:
        GlimpseError: the package was installed without one.
    """
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "platformio.ini").is_file():
        raise GlimpseError(
            "emulated and real boards need Glimpse's source folder; clone it and run `make setup` there, "
            "or use --target native"
        )
    return folder


def platform_tool(name: str) -> ModuleType:
    """A module of boards/platform/tools, which PlatformIO uses too and which is no package."""
    spec = importlib.util.spec_from_file_location(
        f"glimpse_platform_{name}", root() / "boards" / "platform" / "tools" / f"{name}.py"
    )
    if spec is None or spec.loader is None:
        raise GlimpseError(f"boards/platform/tools/{name}.py is missing; restore the source folder")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def standard_model() -> Path:
    """The folder of the model that images are built with when nothing else is asked for (platformio.ini)."""
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    settings.read(root() / name for name in ("platformio.ini", "platformio.local.ini"))
    return root() / "models" / settings.get("env", "custom_model")


def build_folder(model: Path | None = None) -> Path:
    """Where PlatformIO builds images with this model, a folder for each model so that none displaces another's.

    Args:
        model: a model folder; None: the standard model.
    """
    if model is None or model.resolve() == standard_model().resolve():
        return root() / ".pio" / "build"
    place = model.resolve()
    name = place.name if place.parent == root() / "models" else f"{place.name}-{crc32(str(place).encode()):08x}"
    return root() / ".pio" / "models" / name


def elf_path(environment: str, model: Path | None = None) -> Path:
    """Where PlatformIO leaves an environment's firmware with this model built in (None: the standard one)."""
    name = "program" if environment == "native" else "firmware.elf"
    return build_folder(model) / environment / name


def _newest_source(model: Path) -> float:
    newest = 0.0
    for path in (*(root() / source for source in SOURCES), *(model / file for file in MODEL_FILES)):
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.suffix in SUFFIXES or file.parent == model:
                newest = max(newest, file.stat().st_mtime)
    return newest


def platformio(*words: str, model: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs PlatformIO in the checkout, with its settings there.

    Args:
        words: its arguments.
        model: the folder of the model to build in; None: the standard one.

    Raises:
        GlimpseError: it is not installed.
    """
    beside = Path(sys.executable).parent / "pio"
    pio = str(beside) if beside.is_file() else shutil.which("pio")
    if pio is None:
        raise GlimpseError("PlatformIO is not installed; run `make setup` in the source folder")
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(root() / ".platformio")}
    if model is not None:
        environment["GLIMPSE_MODEL"] = str(model.resolve())
    # Not its own folder by name: PlatformIO takes that for another configuration, and empties the folder.
    if build_folder(model) != build_folder():
        environment["PLATFORMIO_BUILD_DIR"] = str(build_folder(model))
    return subprocess.run([pio, *words], cwd=root(), capture_output=True, text=True, check=False, env=environment)


def build(environment: str, model: Path | None = None, *, only_if_old: bool = True) -> Path:
    """Builds an environment of platformio.ini; returns its ELF.

    Args:
        environment: its name.
        model: the folder of the model to build in; None: the standard one.
        only_if_old: not when no source is newer than the image.

    Raises:
        GlimpseError: PlatformIO or the compiler is missing, the model does not fit the board, or the build fails (its
            last lines are shown).
    """
    with _alone():
        return _build(environment, model, only_if_old=only_if_old)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in this checkout: two would write the same files. The lock goes with its process."""
    lock = root() / ".pio" / ".building"
    make_folder(lock.parent)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(environment: str, model: Path | None, *, only_if_old: bool) -> Path:
    elf = elf_path(environment, model)
    if only_if_old and elf.is_file() and elf.stat().st_mtime >= _newest_source(model or standard_model()):
        return elf
    with progress(f"building {environment} with PlatformIO"):
        result = platformio("run", "-s", "-e", environment, model=model)
    if result.returncode:
        said = (result.stdout + result.stderr).strip()
        _raise_if_too_large(said, environment, model or standard_model())
        tail = "\n".join(said.splitlines()[-15:])
        raise GlimpseError(
            f"building {environment} failed; run `pio run -e {environment}` to see it whole. Its last lines:\n{tail}"
        )
    os.utime(elf)  # PlatformIO leaves an unchanged file alone
    return elf


def _raise_if_too_large(said: str, environment: str, model: Path) -> None:
    """The linker's and PlatformIO's ways to say that an image does not fit, as one sentence."""
    lacking = {MEMORIES.get(name, name): int(n) for name, n in re.findall(r"region `(\w+)' overflowed by (\d+)", said)}
    if lacking:
        needs = " and ".join(f"{count:,} bytes more {memory}" for memory, count in lacking.items())
        raise GlimpseError(
            f"model {model.name} does not fit {environment}: the image needs {needs} than the board has; "
            "choose a smaller model or a larger board"
        )


def memory(elf: Path) -> dict[str, int]:
    """What an image occupies.

    Returns:
        Bytes: flash (code, constants and initial data, the built-in model included), model (that part of it),
        static (RAM apart from the four below), buffers (working memory of the network), latent, reference (a second
        latent, for prior knowledge), and camera (a picture that waits for the network).
    """
    with elf.open("rb") as file:
        image = ELFFile(file)
        symbols = {s.name: s for s in image.get_section_by_name(".symtab").iter_symbols()}
        flash = ram = 0
        counted = set()
        for number, section in enumerate(image.iter_sections()):
            if not section["sh_flags"] & 2 or section.name.startswith((".stack", ".external")):  # SHF_ALLOC
                continue
            counted.add(number)
            if section["sh_type"] == "SHT_NOBITS":
                ram += section["sh_size"]
            else:
                flash += section["sh_size"]
                ram += section["sh_size"] if section["sh_flags"] & 1 else 0  # SHF_WRITE: .data
    apart = ("working_buffer", "node_latent", "node_reference", "camera_snapshot")
    size = {name: symbols[name]["st_size"] if name in symbols else 0 for name in ("glimpse_builtin_model", *apart)}
    # Buffers in external memory, as TFLM's on the emulated Cortex-M7, are no part of the board's own RAM.
    inside = sum(size[name] for name in apart if name in symbols and symbols[name]["st_shndx"] in counted)
    return {
        "flash": flash,
        "model": size["glimpse_builtin_model"],
        "buffers": size["working_buffer"],
        "latent": size["node_latent"],
        "reference": size["node_reference"],
        "camera": size["camera_snapshot"],
        "static": ram - inside,
    }


def is_image(elf: Path, version: str, buffers: int, latent: int, model: bytes | None) -> bool:
    """Whether an image is, as far as a node's identity tells, the one that the node runs.

    Args:
        elf: the image, built for the node's board.
        version: of the node's firmware.
        buffers: bytes that it offers to a model's network.
        latent: bytes that it offers to a latent.
        model: the blob that is built in; None: not known, the node uses one of its slots.
    """
    sizes = memory(elf)
    with elf.open("rb") as file:
        image = ELFFile(file)
        constants = b"".join(
            s.data() for s in image.iter_sections() if s["sh_flags"] & 2 and s["sh_type"] != "SHT_NOBITS"
        )
    return (
        (sizes["buffers"], sizes["latent"]) == (buffers, latent)
        and version.encode() + b"\0" in constants
        and (model is None or (sizes["model"] == len(model) and model in constants))
    )


def program(board: str, model: Path) -> None:
    """Builds a board's firmware and programs the board through its debug probe.

    Args:
        board: one of BOARDS.
        model: folder of the model that is built in.

    Raises:
        GlimpseError: it cannot be built, or the programmer's reason.
    """
    build(board, model)
    result = platformio("run", "-s", "-e", board, "-t", "upload", model=model)
    if result.returncode:
        lines = [line for line in (result.stderr + result.stdout).splitlines() if line.strip()] or ["no message"]
        errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error")]
        raise GlimpseError(f"programming {board} failed: {(errors or lines[-1:])[0]}")
