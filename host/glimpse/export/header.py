# SPDX-License-Identifier: Apache-2.0
"""Writes a model as a C header, for images that carry one: python -m glimpse.export.header MODEL_DIR OUT_H."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from glimpse.binding import Model
from glimpse.errors import GlimpseError
from glimpse.export.folder import blob_from_folder

_PER_LINE = 20


def bytes_text(data: bytes) -> str:
    """Bytes as the lines between the braces of a C array."""
    return "\n".join(
        "    " + " ".join(f"{byte}," for byte in data[at : at + _PER_LINE]) for at in range(0, len(data), _PER_LINE)
    )


def header_text(blob: bytes, origin: str) -> str:
    """A C and C++ header of a model: glimpse_builtin_model, aligned to 16, and the memory that it needs in bytes.

    origin: named in its first comment. Raises GlimpseError when nodes refuse the blob.
    """
    model = Model(blob)
    return f"""/* Made from {origin}; do not edit. */
#ifndef GLIMPSE_BUILTIN_MODEL_H
#define GLIMPSE_BUILTIN_MODEL_H

#include <stdint.h>

#ifdef __cplusplus
#define GLIMPSE_BUILTIN_MODEL_ALIGNED alignas(16)
#else
#define GLIMPSE_BUILTIN_MODEL_ALIGNED _Alignas(16)
#endif

/* As glimpse_encoder_buffer_size and its like say of it. */
#define GLIMPSE_BUILTIN_BUFFER_BYTES {model.buffer_bytes}u
#define GLIMPSE_BUILTIN_LATENT_BYTES {model.symbol_count}u
#define GLIMPSE_BUILTIN_SIDE_BYTES {model.side_bytes}u

GLIMPSE_BUILTIN_MODEL_ALIGNED static const uint8_t glimpse_builtin_model[{len(blob)}] = {{
{bytes_text(blob)}
}};

#endif
"""


def write_header(model_dir: Path | str, out: Path | str) -> None:
    """Writes the header of a model folder.

    Raises GlimpseError when the folder is no usable model or the file cannot be written.
    """
    write_if_changed(Path(out), header_text(blob_from_folder(model_dir), f"the model folder {Path(model_dir).name}"))


def write_if_changed(target: Path, text: str) -> None:
    """Writes a file, and leaves an identical one alone so that nothing is rebuilt for it.

    Raises GlimpseError when the file cannot be written.
    """
    try:
        if target.exists() and target.read_text() == text:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    except OSError as error:
        raise GlimpseError(f"{target} cannot be written: {error.strerror or error}.") from error


def run(module: str, write: Callable[[str, str], None], arguments: list[str]) -> int:
    """The command line of a module that writes one header; exit status 0 done, 1 failed, 2 wrong usage."""
    if len(arguments) != 2:
        print(f"usage: python -m {module} MODEL_DIR OUT_H", file=sys.stderr)
        return 2
    try:
        write(*arguments)
    except GlimpseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def main(arguments: list[str]) -> int:
    """Writes a model as a C header; exit status as `run`."""
    return run("glimpse.export.header", write_header, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
