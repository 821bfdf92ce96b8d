# SPDX-License-Identifier: Apache-2.0
"""The checkout's firmware: where it is, building it with PlatformIO, and what it occupies."""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from elftools.elf.elffile import ELFFile

from glimpse.errors import GlimpseError
from glimpse.files import make_folder
from glimpse.progress import progress

SOURCES = ("firmware", "boards", "models", "platformio.ini", "host/glimpse/export")
SUFFIXES = {".c", ".h", ".cc", ".ld", ".txt", ".json", ".toml", ".tflite", ".ini", ".py"}


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


def elf_path(environment: str) -> Path:
    """Where PlatformIO leaves an environment's firmware."""
    name = "program" if environment == "native" else "firmware.elf"
    return root() / ".pio" / "build" / environment / name


def _newest_source() -> float:
    newest = 0.0
    for source in SOURCES:
        path = root() / source
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.suffix in SUFFIXES:
                newest = max(newest, file.stat().st_mtime)
    return newest


def platformio(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs PlatformIO in the checkout, with its settings there.

    Raises:
        GlimpseError: it is not installed.
    """
    beside = Path(sys.executable).parent / "pio"
    pio = str(beside) if beside.is_file() else shutil.which("pio")
    if pio is None:
        raise GlimpseError("PlatformIO is not installed; run `make setup` in the source folder")
    environment = {**os.environ, "PLATFORMIO_CORE_DIR": str(root() / ".platformio")}
    return subprocess.run([pio, *words], cwd=root(), capture_output=True, text=True, check=False, env=environment)


def build(environment: str, *, only_if_old: bool = True) -> Path:
    """Builds an environment of platformio.ini; returns its ELF.

    Raises:
        GlimpseError: PlatformIO or the compiler is missing, or the build fails (its last lines are shown).
    """
    with _alone():
        return _build(environment, only_if_old=only_if_old)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time in this checkout: two would write the same files. The lock goes with its process."""
    lock = root() / ".pio" / ".building"
    make_folder(lock.parent)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(environment: str, *, only_if_old: bool) -> Path:
    elf = elf_path(environment)
    if only_if_old and elf.is_file() and elf.stat().st_mtime >= _newest_source():
        return elf
    with progress(f"building {environment} with PlatformIO"):
        result = platformio("run", "-s", "-e", environment)
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-15:])
        raise GlimpseError(
            f"building {environment} failed; run `pio run -e {environment}` to see it whole. Its last lines:\n{tail}"
        )
    os.utime(elf)  # PlatformIO leaves an unchanged file alone
    return elf


def memory(elf: Path) -> dict[str, int]:
    """What an image occupies.

    Returns:
        Bytes: flash (code, constants and initial data, the built-in model included), model (that part of it),
        static (RAM apart from the two below), buffers (working memory of the network), latent, and
        reserved_stack.
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
    size = {
        name: symbols[name]["st_size"] if name in symbols else 0
        for name in ("glimpse_builtin_model", "working_buffer", "node_latent")
    }
    # Buffers in external memory, as TFLM's on the emulated Cortex-M7, are no part of the board's own RAM.
    inside = sum(size[name] for name in ("working_buffer", "node_latent") if symbols[name]["st_shndx"] in counted)
    return {
        "flash": flash,
        "model": size["glimpse_builtin_model"],
        "buffers": size["working_buffer"],
        "latent": size["node_latent"],
        "static": ram - inside,
    }
