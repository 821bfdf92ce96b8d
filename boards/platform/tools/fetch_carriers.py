# SPDX-License-Identifier: Apache-2.0
"""Fetch the third-party C sources that this repository builds with, and check what was fetched.

CMSIS-NN, CMSIS-Core and ST's register header of the STM32F746 reach us inside one Python wheel, because
PyPI is reachable wherever this repository is built and a git host may not be. The wheel is pinned by its
sha256; only the folders below are taken out of it:

    .deps/cmsis_nn/{Include,Source}   CMSIS-NN 12.5.1, Apache-2.0
    .deps/cmsis_core/Include          CMSIS-Core (M), Apache-2.0
    .deps/stm32f7/Include             CMSIS device header, BSD-3-Clause

Runs on the standard library alone, so that setup.py can call it before anything is installed:

    python boards/platform/tools/fetch_carriers.py [--root DIR]
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aidge-export-arm-cortexm"
VERSION = "0.2.1"  # later versions no longer carry CMSIS-NN
SHA256 = "0ea6a694b8c1397bf52158c27854bbd4ddfca433ed4cf06a4c92843b480acbf0"

_NN = "aidge_export_arm_cortexm/_CMSIS-NN/CMSIS-NN/"
_F7 = "aidge_export_arm_cortexm/boards/stm32/F7/Drivers/CMSIS/"
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

# what lies in the wheel -> where it goes below .deps; a trailing / means the whole folder
CONTENTS = {
    "cmsis_nn": {_NN + "Source/": "Source/", _NN + "Include/": "Include/", _NN + "LICENSE": "LICENSE"},
    "cmsis_core": {_F7 + "Include/" + name: "Include/" + name for name in _CORE_HEADERS}
    | {_F7 + "LICENSE.txt": "LICENSE.txt"},
    "stm32f7": {_F7 + "Device/ST/STM32F7xx/Include/" + name: "Include/" + name for name in _DEVICE_HEADERS}
    | {_F7 + "Device/ST/STM32F7xx/LICENSE.txt": "LICENSE.txt"},
}
# CMSIS-NN's own licence file is not in the wheel; every source file carries its SPDX line
_OPTIONAL = {_NN + "LICENSE"}
_REQUIRED_FILE = {
    "cmsis_nn": "Include/arm_nnfunctions.h",
    "cmsis_core": "Include/core_cm7.h",
    "stm32f7": "Include/stm32f746xx.h",
}
_STAMP = ".carrier-sha256"


class CarrierError(RuntimeError):
    """A sentence that says what is wrong and what to do."""


def is_current(dependencies: Path) -> bool:
    """Say whether every folder is there and was unpacked from the pinned wheel."""
    for name, required in _REQUIRED_FILE.items():
        stamp = dependencies / name / _STAMP
        if not stamp.is_file() or stamp.read_text().strip() != SHA256:
            return False
        if not (dependencies / name / required).is_file():
            return False
    return True


def download(folder: Path) -> Path:
    """Let pip fetch the pinned wheel into `folder` (so that the user's index settings apply)."""
    requirements = folder / "carrier.txt"
    requirements.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--dest", str(folder), "-r", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if result.returncode != 0 or len(wheels) != 1:
        lines = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel arrived"]
        raise CarrierError(
            f"{PACKAGE} {VERSION} (the CMSIS-NN sources) could not be fetched from PyPI: "
            f"{lines[-1].removeprefix('ERROR: ')}; check the network and run `make setup` again."
        )
    return wheels[0]


def check(wheel: Path) -> None:
    """Refuse a wheel whose bytes are not the pinned ones."""
    seen = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if seen != SHA256:
        raise CarrierError(f"{wheel.name} has sha256 {seen}, not the pinned {SHA256}; delete it and fetch it again.")


def unpack(wheel: Path, dependencies: Path) -> None:
    """Unpack each folder beside its final place and rename it there, so that none is ever half there."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        for folder, sources in CONTENTS.items():
            with tempfile.TemporaryDirectory(prefix=f".{folder}-", dir=dependencies) as scratch:
                fresh = Path(scratch) / folder
                for source, target in sources.items():
                    members = [n for n in names if n == source or (source.endswith("/") and n.startswith(source))]
                    if not members and source not in _OPTIONAL:
                        raise CarrierError(f"{wheel.name} lacks {source}; its pin in {Path(__file__).name} is wrong.")
                    for member in members:
                        path = fresh / (target + member[len(source) :])
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(archive.read(member))
                (fresh / _STAMP).write_text(SHA256 + "\n")
                final = dependencies / folder
                if final.exists():
                    shutil.rmtree(final)
                fresh.rename(final)


def fetch(root: Path) -> bool:
    """Bring `root`/.deps up to date; return whether anything had to be fetched."""
    dependencies = root / ".deps"
    if is_current(dependencies):
        return False
    dependencies.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=dependencies) as scratch:
        wheel = download(Path(scratch))
        check(wheel)
        unpack(wheel, dependencies)
    return True


def main() -> int:
    """Run from the command line; exit 1 with one sentence when it cannot be done."""
    parser = argparse.ArgumentParser(description="Fetch the pinned third-party C sources into .deps.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[3], help="repository root")
    try:
        fetched = fetch(parser.parse_args().root)
    except (CarrierError, OSError, zipfile.BadZipFile) as error:
        print(f"fetch_carriers: {error}", file=sys.stderr)
        return 1
    print("third-party C sources: " + ("fetched and checked" if fetched else "already there"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
