# SPDX-License-Identifier: Apache-2.0
"""A K210 board: what kflash programs is packed, not compiled (run by SCons inside PlatformIO)."""

import os
import subprocess
import sys
from pathlib import Path

from SCons.Script import AlwaysBuild, Default, Import

Import("env")
env = globals()["env"]
PROJECT = Path(env.subst("$PROJECT_DIR"))
sys.path.insert(0, str(PROJECT / "boards" / "platform" / "tools"))

import built_in_model  # noqa: E402
import upload  # noqa: E402

MODEL = os.environ.get("GLIMPSE_MODEL") or env.GetProjectOption("custom_model")
FIRMWARE = env.GetProjectOption("custom_maixpy", "")


def flash(*words) -> int:
    """Run `glimpse flash`, whose sentences are the build's."""
    python = built_in_model.python_with_glimpse(env, PROJECT)
    command = [python, "-m", "glimpse.cli", "flash", "--model", MODEL, *words]
    command += ["--firmware", FIRMWARE] if FIRMWARE else []
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


def pack(target, source, env) -> int:
    """Write the package."""
    return flash("--target", "maix", "--kfpkg", str(target[0]))


def program(target, source, env) -> int:
    """Program the board, and write the node's files to it."""
    port = upload.serial_port(env.subst("$UPLOAD_PORT"))
    if not port:
        return 1
    board = env.GetProjectOption("custom_kflash_board", "")
    speed = env.subst("$UPLOAD_SPEED")
    return flash("--target", f"maix:{port}", "--baud", speed, *(["--board", board] if board else []))


package = env.Command(str(Path(env.subst("$BUILD_DIR")) / "node.kfpkg"), [], env.VerboseAction(pack, "Packing $TARGET"))
AlwaysBuild(package)  # what it is made from is found by glimpse, and it takes a second
Default(package)
AlwaysBuild(env.Alias("upload", [], env.VerboseAction(program, "Programming the board")))
