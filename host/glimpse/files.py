# SPDX-License-Identifier: Apache-2.0
"""Output files that are either whole or not there."""

import contextlib
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from glimpse.errors import GlimpseError


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file through a temporary neighbour, so that a failure never costs an existing file.

    Args:
        path: where to; links are followed, devices (/dev/null) are written to directly.
        data: all of the contents.

    Raises:
        GlimpseError: the folder is missing, the path is a folder, or writing is not allowed or possible.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # /dev/stdout too, which leads to no path
            path.write_bytes(data)
            return
        path = Path(os.path.realpath(path))
        _check_target(path)
        _replace(path, data)
    except OSError as error:
        raise GlimpseError(f"cannot write {path}: {_reason(error)}; name another place or free this one") from error


def check_place(output: Path, source: Path | None = None) -> None:
    """Refuses, before any work is done, an output that could not be written or would replace its source.

    Raises:
        GlimpseError: as write_whole would, or because both are one file.
    """
    try:
        if source is not None and output.exists() and source.exists() and output.samefile(source):
            raise GlimpseError(f"writing {output} would replace what is being read; name another output")
        if output.exists() and not output.is_file() and not output.is_dir():
            return  # a device or a pipe
        path = Path(os.path.realpath(output))
        _check_target(path)
        if not path.exists() and not os.access(path.parent, os.W_OK):
            raise GlimpseError(f"cannot write {path}: the folder {path.parent} is write protected; name another place")
    except OSError as error:
        raise GlimpseError(f"cannot write {output}: {_reason(error)}; name another place or free this one") from error


def _check_target(path: Path) -> None:
    if path.is_dir():
        raise GlimpseError(f"cannot write {path}: it is a folder; give the name of a file in it")
    if not path.parent.is_dir():
        raise GlimpseError(f"cannot write {path}: the folder {path.parent} does not exist; create it first")
    # Replacing would get past a file's own write protection, because only the folder has to be writable.
    if path.exists() and not os.access(path, os.W_OK):
        raise GlimpseError(f"cannot write {path}: the file is write protected; name another file or allow writing")


def _replace(path: Path, data: bytes) -> None:
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask()
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - mkstemp gives a descriptor
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def make_folder(path: Path) -> None:
    """Creates a folder and those above it where they are missing.

    Raises:
        GlimpseError: a file stands in the way, or creating is not allowed.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise GlimpseError(f"cannot create the folder {path}: a file has that name; name another folder") from error
    except OSError as error:
        raise GlimpseError(f"cannot create the folder {path}: {_reason(error)}; name another folder") from error


def read_bytes(path: Path, what: str, limit: int) -> bytes:
    """The contents of a regular file.

    Args:
        path: the file.
        what: the kind of file in a sentence, such as "photo".
        limit: bytes that such a file has at most.

    Raises:
        GlimpseError: missing, a folder, a device, unreadable or larger than `limit`.
    """
    try:
        mode, size = path.stat().st_mode, path.stat().st_size
        if stat.S_ISDIR(mode):
            raise GlimpseError(f"cannot read {path}: it is a folder; give one {what}")
        if not stat.S_ISREG(mode):
            raise GlimpseError(f"cannot read {path}: it is not a regular file; save it to disk first")
        if size > limit:
            raise GlimpseError(f"cannot read {path}: {size:,} bytes are more than a {what} may have ({limit:,})")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise GlimpseError(f"cannot read {path}: there is no such file; check the name") from error
    except PermissionError as error:
        raise GlimpseError(f"cannot read {path}: permission denied; allow reading with chmod +r") from error
    except (OSError, ValueError) as error:
        raise GlimpseError(f"cannot read {path}: {_reason(error)}; copy it to another place and try again") from error


def write_json(where: str, numbers: dict[str, Any]) -> None:
    """Writes the numbers of a command to a file, or to standard output for "-".

    Args:
        where: the argument of --json.
        numbers: only what JSON can hold; infinite values must be None by now.

    Raises:
        GlimpseError: the file cannot be written.
    """
    text = json.dumps(numbers, indent=2, allow_nan=False) + "\n"
    if where == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_whole(Path(where), text.encode())


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]
