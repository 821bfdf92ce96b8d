# SPDX-License-Identifier: Apache-2.0
"""The C header of the model that a firmware is built with, made from the model's folder by the host package.

It is the model that the environment variable GLIMPSE_MODEL names, or else custom_model in platformio.ini: a name below
models/ or the path of a folder.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

# What a blob is made from; results and weights beside it change without changing a firmware.
FILES = ("encoder.tflite", "model.toml", "tables.json")


def make(env, project: Path, header: Path, *, needed: bool, exporter: str = "glimpse.export.header") -> None:
    """Write `header` when the model or its exporter changed; end the build with a sentence when it cannot be."""
    name = os.environ.get("GLIMPSE_MODEL") or env.GetProjectOption("custom_model", "")
    if not name:
        return
    model = project / "models" / name  # an absolute path stays what it is
    if not model.is_dir():
        if needed:
            _stop(env, f"there is no model {name}: {model} does not exist (GLIMPSE_MODEL, custom_model).")
        print(f"Built-in model: none, {model} does not exist (tests are built without it)")
        return

    stamp = header.with_suffix(".sha256")
    digest = _digest([model / file for file in FILES] + sorted((project / "host" / "glimpse" / "export").glob("*.py")))
    if header.is_file() and stamp.is_file() and stamp.read_text() == digest:
        return
    header.parent.mkdir(parents=True, exist_ok=True)
    command = [python_with_glimpse(env, project), "-m", exporter, str(model), str(header)]
    result = subprocess.run(command, cwd=project, check=False)
    if result.returncode != 0 or not header.is_file():
        _stop(env, f"the header of the built-in model was not made from {model} (see above).")
    stamp.write_text(digest)


def size(header: Path) -> int:
    """Bytes of the model, or of its flatbuffer, in a header that `make` wrote; 0 without one."""
    found = re.search(r"\bglimpse_builtin_(?:model|tflite)\[(\d+)\]", header.read_text()) if header.is_file() else None
    return int(found[1]) if found else 0


def _stop(env, sentence: str) -> None:
    sys.stderr.write(f"Error: {sentence}\n")
    env.Exit(1)


def _digest(files: list[Path]) -> str:
    seen = hashlib.sha256()
    for path in files:
        seen.update(f"{path}\0".encode())
        seen.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    return seen.hexdigest()


def python_with_glimpse(env, project: Path) -> str:
    """Return the interpreter that has the host package; end the build with a sentence when none has."""
    for python in (sys.executable, str(project / ".venv" / "bin" / "python")):
        if not Path(python).exists():
            continue
        probe = [python, "-c", "import importlib.util as u, sys; sys.exit(u.find_spec('glimpse') is None)"]
        if subprocess.run(probe, cwd="/", check=False, capture_output=True).returncode == 0:
            return python
    _stop(env, "no Python here has the glimpse package; run `make setup`.")
    return ""
