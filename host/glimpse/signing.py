# SPDX-License-Identifier: Apache-2.0
"""Signed models: who may send models to a node (docs/security.md).

A signer's file is text that only its owner can read, and only its owner should:

    glimpse-signer 1
    seed 64 hexadecimal digits

Nodes are given the public key that follows from the seed. A signed model is the blob, `GLPS` and a signature of the
blob (docs/model-blob.md, "Signed models").
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from glimpse.binding import signing
from glimpse.errors import GlimpseError
from glimpse.keys import read_private, write_private

FIRST_LINE = "glimpse-signer 1"
MAKER = "glimpse model new-signer"
MARK = b"GLPS"
CHANGE = b"GLPKEY1\0"  # before the two keys of a change of keys, as in firmware/app/update.c
SIZE_AT = 8  # in a model blob: u32, its bytes


@dataclass(frozen=True)
class Signer:
    """Whoever owns this may send models to the nodes that know its public key.

    Attributes:
        seed: 32 bytes; not in the repr.
        public: 32 bytes.
    """

    seed: bytes = field(repr=False)
    public: bytes

    def sign(self, blob: bytes) -> bytes:
        """A model blob with its signature behind it."""
        return blob + MARK + signing.sign(self.seed, blob)

    def endorse(self, successor: bytes) -> bytes:
        """The signature with which a node takes another public key in the place of this one."""
        return signing.sign(self.seed, CHANGE + self.public + successor)


def make_signer(path: Path) -> Signer:
    """Writes a new signer to a new file that only its owner may read.

    Raises:
        GlimpseError: the file exists or cannot be written.
    """
    seed = secrets.token_bytes(signing.SEED_BYTES)
    write_private(path, [FIRST_LINE, f"seed {seed.hex()}"])
    return Signer(seed, signing.public_key(seed))


def read_signer(path: Path) -> Signer:
    """The signer in a file.

    Raises:
        GlimpseError: missing, readable by others than its owner, or not a signer's file.
    """
    text = read_private(path, MAKER)
    try:
        first, second = text.decode("ascii").splitlines()
        seed = bytes.fromhex(second.removeprefix("seed "))
    except ValueError:
        first, seed = "", b""  # the cause would show the line
    if first != FIRST_LINE or len(seed) != signing.SEED_BYTES:
        raise GlimpseError(f"{path} is not a signer's file, or damaged; make one with {MAKER}")
    return Signer(seed, signing.public_key(seed))


def split_signed(data: bytes) -> tuple[bytes, bytes | None]:
    """(model blob, its signature or None) of a file of `glimpse model sign`, or of a bare blob.

    Raises:
        GlimpseError: neither.
    """
    size = int.from_bytes(data[SIZE_AT : SIZE_AT + 4], "little")
    blob, rest = data[:size], data[size:]
    if len(data) < SIZE_AT + 4 or len(blob) < size or (rest and (rest[:4] != MARK or len(rest) != 4 + 64)):
        raise GlimpseError("not a signed model, or damaged; make it again with glimpse model sign")
    return blob, rest[4:] or None
