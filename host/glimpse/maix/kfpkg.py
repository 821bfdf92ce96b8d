# SPDX-License-Identifier: Apache-2.0
"""Packages for kflash (.kfpkg): a zip of flash-list.json and the files that it names."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from glimpse.errors import GlimpseError

FLASH_BYTES = 16 << 20
"""Flash of every Sipeed Maix board."""
SECTOR = 4096
"""Bytes that are erased together; kflash writes from sector to sector."""
FIRMWARE_ADDRESS = 0
"""Where the chip's own loader looks for a program, behind a header that kflash makes."""
KMODEL_ADDRESS = 0x300000
"""Where MaixPy's users put a network by convention; MaixPy v1 itself is smaller than 3 MB."""
DISK_ADDRESS = 0xD00000
"""MaixPy's own file system (SPIFFS, /flash) is from here to the end."""
WRAPPING = 37
"""Bytes that kflash puts around a program: a flag, its size and a SHA-256."""


@dataclass(frozen=True)
class Part:
    """One file of a package.

    Attributes:
        name: of the file, without folders.
        address: in the flash, a multiple of SECTOR.
        data: its bytes.
        program: true for what the chip starts, which kflash wraps in size and SHA-256.
    """

    name: str
    address: int
    data: bytes
    program: bool = False

    @property
    def end(self) -> int:
        """The first byte of the flash behind it."""
        return self.address + len(self.data) + (WRAPPING if self.program else 0)


def write(parts: Sequence[Part]) -> bytes:
    """A package of these parts; the same parts give the same bytes.

    kflash reads flash-list.json with a regular expression before it parses it, because addresses were once bare
    hexadecimal numbers there: `"address": (.*),` becomes text up to the last comma of that line. So every key stands on
    a line of its own, and the address is never the last key of its object.

    Raises:
        GlimpseError: no parts, one that lies outside the flash or between sectors, or two that overlap.
    """
    _check(parts)
    listed = [
        {"address": part.address, "bin": part.name, "sha256Prefix": part.program}
        for part in sorted(parts, key=lambda part: part.address)
    ]
    text = json.dumps({"version": "0.1.1", "files": listed}, indent=2) + "\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in [("flash-list.json", text.encode()), *((part.name, part.data) for part in parts)]:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # no clock in the bytes
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            package.writestr(entry, data)
    return file.getvalue()


def _check(parts: Sequence[Part]) -> None:
    if not parts:
        raise GlimpseError("a .kfpkg without parts programs nothing; give a firmware, a network or both")
    ordered = sorted(parts, key=lambda part: part.address)
    for part in ordered:
        if part.address % SECTOR or part.address < 0:
            raise GlimpseError(f"{part.name} would start at 0x{part.address:X}; flash is written in steps of 4 kB")
        if not part.data:
            raise GlimpseError(f"{part.name} is empty; build it again")
        if part.end > FLASH_BYTES:
            raise GlimpseError(f"{part.name} would end at 0x{part.end:X}, behind the 16 MB of flash; move it")
    for first, second in pairwise(ordered):
        if first.end > second.address:
            raise GlimpseError(
                f"{first.name} ends at 0x{first.end:X}, but {second.name} begins at 0x{second.address:X}; "
                "use a smaller build of one of them"
            )
    if len({part.name for part in parts}) < len(parts):
        raise GlimpseError("two parts of the package have one name; rename one file")
