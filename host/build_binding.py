# SPDX-License-Identifier: Apache-2.0
"""Compiles firmware/core, nn and link, with CMSIS-NN's portable path and Monocypher, into the module glimpse._core."""

import os
import re
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
DEPS = ROOT / ".deps"

# cffi reads declarations, not headers with macros: host/declarations has what Python uses, one file for each subject,
# under the #include lines of the headers that it is from. The others may name what core.h declares.
DECLARATIONS = sorted((ROOT / "host" / "declarations").glob("*.h"), key=lambda file: (file.name != "core.h", file.name))
INCLUDE = re.compile(r"^#include .*$", re.MULTILINE)


def _declarations() -> tuple[str, str]:
    """(#include lines, what cffi is to read) of all files."""
    texts = [file.read_text() for file in DECLARATIONS]
    includes = [line for text in texts for line in INCLUDE.findall(text)]
    return "\n".join([*includes, '#include "app/protocol.h"']), "\n".join(INCLUDE.sub("", text) for text in texts)


def _protocol_declarations() -> str:
    """The enumerations of app/protocol.h, so that the host has no second copy of its numbers."""
    text = (FIRMWARE / "app" / "protocol.h").read_text()
    return "\n".join(f"#define {name} ..." for name in re.findall(r"\bNODE_\w+(?= = \w)", text))


def _sources() -> list[str]:
    ours = [
        *sorted((FIRMWARE / "core").glob("*.c")),
        *sorted((FIRMWARE / "nn").glob("*.c")),
        *sorted((FIRMWARE / "link").glob("*.c")),
        FIRMWARE / "app" / "pattern.c",
    ]
    listed = (FIRMWARE / "nn" / "cmsis_nn_sources.txt").read_text().split("\n")
    kernels = [DEPS / "cmsis_nn" / line.strip() for line in listed if line.strip() and not line.startswith("#")]
    # setuptools wants paths relative to setup.py.
    return [os.path.relpath(path, ROOT) for path in [*ours, *kernels, DEPS / "monocypher" / "monocypher.c"]]


includes, declarations = _declarations()
builder = FFI()
builder.cdef(declarations + _protocol_declarations())
builder.set_source(
    "glimpse._core",
    includes,
    sources=_sources(),
    include_dirs=[os.path.relpath(p, ROOT) for p in (FIRMWARE, DEPS / "cmsis_nn" / "Include", DEPS / "monocypher")],
    extra_compile_args=["-std=c11", "-O2", "-w"],
)

if __name__ == "__main__":
    builder.compile(verbose=True)
