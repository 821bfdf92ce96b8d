# SPDX-License-Identifier: Apache-2.0
"""Fetch MicroPython for WebAssembly, which the emulated K210 node runs on, and check what was fetched.

    .deps/micropython     MicroPython 1.27.0, PyScript variant, MIT

npm brings it, so that the user's registry settings apply; the package is pinned by the registry's sha512. Only tests
and the target sim:k210 need it.

    python boards/platform/tools/fetch_micropython.py [--root DIR]
"""

import argparse
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE, VERSION = "@micropython/micropython-webassembly-pyscript", "1.27.0"
INTEGRITY = "sha512-DnXx4EqxgkeaFESrS3uKrL7mLMk4mRTd0mMzaOd3HUSiZUOAE7t11uLnjf3ftF87N2xm4knHnWEKcVK4IYIUDA=="
FILES = ("micropython.mjs", "micropython.wasm", "package.json", "README.md")
_STAMP = ".integrity"


class FetchError(RuntimeError):
    """A sentence that says what is wrong and what to do."""


def is_current(folder: Path) -> bool:
    """Say whether the pinned package is there."""
    stamp = folder / _STAMP
    return stamp.is_file() and stamp.read_text().strip() == INTEGRITY and all((folder / f).is_file() for f in FILES)


def download(folder: Path) -> bytes:
    """Let npm bring the pinned package into `folder`; return its bytes."""
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm is not installed; install Debian's packages nodejs and npm and run `make setup` again.")
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder), "--loglevel", "error"]
    quiet = {"npm_config_cache": str(folder / "cache"), "npm_config_update_notifier": "false"}
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **quiet}
    )
    packages = list(folder.glob("*.tgz"))
    if result.returncode or len(packages) != 1:
        lines = [line for line in result.stderr.splitlines() if "npm err" in line.lower()] or ["nothing arrived"]
        raise FetchError(
            f"{PACKAGE} {VERSION} could not be fetched from npm: {lines[0].split('!')[-1].strip()}; "
            "check the network and run `make setup` again."
        )
    return packages[0].read_bytes()


def check(data: bytes) -> None:
    """Refuse a package whose bytes are not the pinned ones."""
    seen = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if seen != INTEGRITY:
        raise FetchError(f"{PACKAGE} {VERSION} has the integrity {seen}, not the pinned one; fetch it again.")


def fetch(root: Path) -> bool:
    """Bring `root`/.deps/micropython up to date; return whether it had to be fetched."""
    final = root / ".deps" / "micropython"
    if is_current(final):
        return False
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".micropython-", dir=final.parent) as scratch:
        data = download(Path(scratch))
        check(data)
        package = Path(scratch) / "package.tgz"
        package.write_bytes(data)
        fresh = Path(scratch) / "micropython"
        fresh.mkdir()
        with tarfile.open(package) as archive:
            for name in FILES:
                member = archive.extractfile(f"package/{name}")
                if member is None:
                    raise FetchError(f"{PACKAGE} {VERSION} lacks {name}; its pin in {Path(__file__).name} is wrong.")
                (fresh / name).write_bytes(member.read())
        (fresh / _STAMP).write_text(INTEGRITY + "\n")
        if final.exists():
            shutil.rmtree(final)
        fresh.rename(final)  # beside its place until it is whole
    return True


def main() -> int:
    """Run from the command line; exit 1 with one sentence when it cannot be done."""
    parser = argparse.ArgumentParser(description="Fetch the pinned MicroPython for WebAssembly into .deps.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[3], help="repository root")
    try:
        fetched = fetch(parser.parse_args().root)
    except (FetchError, OSError, KeyError, tarfile.TarError) as error:
        print(f"fetch_micropython: {error}", file=sys.stderr)
        return 1
    print("MicroPython for the emulated K210: " + ("fetched and checked" if fetched else "already there"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
