# SPDX-License-Identifier: Apache-2.0
"""Key files: what a device and its receiver share, readable by their owner alone (docs/security.md).

A key file is text:

    glimpse-key 1
    key 64 hexadecimal digits
    device 16 hexadecimal digits
    secret yes

Beside FILE lies FILE.counter once the key is in use: the next counter of what this computer sealed, or the word
`node` once a node seals with it and counts for itself; and FILE.downlinks once this computer has told that node
something: the next counter of that direction. No error and no output of this module shows a key.
"""

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from glimpse.binding.seal import COUNTER_END, DEVICE_BYTES, KEY_BYTES, Seal
from glimpse.errors import GlimpseError
from glimpse.files import write_whole

FIRST_LINE = "glimpse-key 1"
MAX_FILE_BYTES = 1024
ON_NODE = "node"


@dataclass(frozen=True)
class DeviceKey:
    """What a device and its receiver share.

    Attributes:
        key: 32 bytes; not in the repr.
        device: 8 bytes that name the device.
        secret: packets are enciphered, not only authenticated.
    """

    key: bytes = field(repr=False)
    device: bytes
    secret: bool

    def seal(self, direction: int) -> Seal:
        """Closes and opens packets of one direction, binding.seal.UPLINK or DOWNLINK."""
        return Seal(self.key, self.device, direction, self.secret)


def make_key(path: Path, device: bytes | None = None, secret: bool = True) -> DeviceKey:
    """Writes a new random key to a new file that only its owner may read.

    Args:
        path: must not exist.
        device: 8 bytes; None: random ones.
        secret: whether packets are to be enciphered.

    Raises:
        GlimpseError: the file exists or cannot be written.
    """
    made = DeviceKey(secrets.token_bytes(KEY_BYTES), device or secrets.token_bytes(DEVICE_BYTES), secret)
    lines = [FIRST_LINE, f"key {made.key.hex()}", f"device {made.device.hex()}", f"secret {'yes' if secret else 'no'}"]
    write_private(path, lines)
    return made


def write_private(path: Path, lines: list[str]) -> None:
    """Writes a new file that only its owner may read.

    Raises:
        GlimpseError: the file exists or cannot be written.
    """
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:  # noqa: PTH123 - the mode
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise GlimpseError(f"{path} exists, and a key that is overwritten is lost; name another file") from error
    except OSError as error:
        raise GlimpseError(
            f"cannot write {path}: {(error.strerror or 'failed').lower()}; name another place"
        ) from error


def read_key(path: Path) -> DeviceKey:
    """The key in a file.

    Raises:
        GlimpseError: missing, readable by others than its owner, or not a key file.
    """
    return _parse(read_private(path, "glimpse key new"), path)


def read_private(path: Path, maker: str) -> bytes:
    """What is in a file that holds a key.

    Args:
        path: of the file.
        maker: the command that makes such files.

    Raises:
        GlimpseError: missing, or readable by others than its owner.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise GlimpseError(f"cannot read {path}: it is not a regular file; give a file of {maker}")
            if status.st_mode & 0o077:
                raise GlimpseError(
                    f"{path} may be read by others than its owner, so its key may be known; make another key with "
                    f"{maker}, or if nobody has read it, chmod 600 it"
                )
            return file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise GlimpseError(f"cannot read {path}: there is no such file; make one with {maker}") from error
    except OSError as error:
        raise GlimpseError(f"cannot read {path}: {(error.strerror or 'failed').lower()}; give a key file") from error


def _parse(text: bytes, path: Path) -> DeviceKey:
    wrong = GlimpseError(f"{path} is not a key file, or damaged; make one with glimpse key new")
    try:
        first, *lines = text.decode("ascii").splitlines()
        names = dict(line.split(" ", 1) for line in lines)
        key, device = bytes.fromhex(names["key"]), bytes.fromhex(names["device"])
        secret = {"yes": True, "no": False}[names["secret"]]
    except (ValueError, KeyError):
        raise wrong from None  # the cause would show the line
    if first != FIRST_LINE or len(names) != 3 or len(lines) != 3:
        raise wrong
    if (len(key), len(device)) != (KEY_BYTES, DEVICE_BYTES):
        raise wrong
    return DeviceKey(key, device, secret)


def reserve_counters(path: Path, count: int) -> int:
    """Counters that nobody has used under this key and nobody else will: the first of `count`.

    They count as used from now on, whether or not they are; the file beside the key says so before this returns.

    Raises:
        GlimpseError: a node counts for itself, the counter has ended or the file cannot be written.
    """
    with _locked(path):
        used = _used(path)
        if used == ON_NODE:
            raise GlimpseError(
                f"the key in {path} was installed on a node, which counts its packets itself; make another key for this"
            )
        _write(_counter_file(path), str(_after(path, used, count)))
        return used


def reserve_downlink(path: Path) -> int:
    """A counter of packets to the node that nobody has used under this key and nobody else will.

    Raises:
        GlimpseError: the counter has ended, or the file cannot be written.
    """
    with _locked(path):
        file = path.with_name(path.name + ".downlinks")
        used = _number(file, path)
        _write(file, str(_after(path, used, 1)))
        return used


def _after(path: Path, used: int, count: int) -> int:
    if used + count > COUNTER_END:
        raise GlimpseError(f"the counter of the key in {path} has ended; make another key with glimpse key new")
    return used + count


def is_on_node(path: Path) -> bool:
    """Whether a key was installed on a node, or was about to be.

    Raises:
        GlimpseError: what lies beside the key is damaged.
    """
    return _used(path) == ON_NODE


def give_to_node(path: Path) -> None:
    """Marks a key as a node's, before it is installed there: from then on only that node may count under it.

    Raises:
        GlimpseError: the key was in use before, here or on a node.
    """
    with _locked(path):
        used = _used(path)
        if used == ON_NODE:
            raise GlimpseError(
                f"the key in {path} was installed before; a node that has lost its counter must get a new key, so make "
                "another one with glimpse key new"
            )
        if used:
            raise GlimpseError(f"the key in {path} has sealed packets on this computer; make another one for the node")
        _write(_counter_file(path), ON_NODE)


def _counter_file(path: Path) -> Path:
    return path.with_name(path.name + ".counter")


def _used(path: Path) -> int | str:
    """The next counter, or ON_NODE."""
    file = _counter_file(path)
    with contextlib.suppress(OSError, ValueError):  # _number says what is wrong
        if file.read_text("ascii").strip() == ON_NODE:
            return ON_NODE
    return _number(file, path)


def _number(file: Path, path: Path) -> int:
    """The next counter in a file beside the key in `path`."""
    try:
        text = file.read_text("ascii").strip()
        if not 0 <= int(text) <= COUNTER_END:
            raise ValueError
        return int(text)
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise GlimpseError(f"{file} is damaged, so it is not known what {path} has sealed; make another key") from error


def _write(file: Path, text: str) -> None:
    write_whole(file, (text + "\n").encode())


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two commands that seal with one key at the same time get different counters."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise GlimpseError(f"cannot read {path}: {(error.strerror or 'failed').lower()}; give a key file") from error
