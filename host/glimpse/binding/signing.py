# SPDX-License-Identifier: Apache-2.0
"""EdDSA over Curve25519 with BLAKE2b, by the code that a node checks signatures with (Monocypher's crypto_eddsa)."""

from glimpse._core import ffi, lib

SEED_BYTES, PUBLIC_BYTES, SIGNATURE_BYTES = 32, 32, 64


def _pair(seed: bytes) -> tuple[object, bytes]:
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes")
    secret, public = ffi.new("uint8_t[]", 64), ffi.new("uint8_t[]", PUBLIC_BYTES)
    lib.crypto_eddsa_key_pair(secret, public, ffi.from_buffer("uint8_t[]", bytearray(seed)))  # wipes what it is given
    return secret, bytes(ffi.buffer(public))


def public_key(seed: bytes) -> bytes:
    """The 32 bytes with which everybody can check what the owner of the seed signed."""
    return _pair(seed)[1]


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64 bytes of a signature; the same every time."""
    signature = ffi.new("uint8_t[]", SIGNATURE_BYTES)
    lib.crypto_eddsa_sign(signature, _pair(seed)[0], message, len(message))
    return bytes(ffi.buffer(signature))


def check(signature: bytes, public: bytes, message: bytes) -> bool:
    """Whether the owner of the public key signed the message."""
    if len(signature) != SIGNATURE_BYTES or len(public) != PUBLIC_BYTES:
        return False
    return lib.crypto_eddsa_check(signature, public, message, len(message)) == 0
