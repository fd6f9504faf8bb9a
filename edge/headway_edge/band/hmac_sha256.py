"""HMAC-SHA256 (RFC 2104, FIPS 198-1) on what a microcontroller has: `hashlib.sha256`. MicroPython and CPython.

micropython-lib's `hmac` takes MD5 unless told otherwise and compares in a time that tells how far two digests agree.

>>> mac(b"key", (b"The quick brown fox ", b"jumps over the lazy dog")).hex()
'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8'
"""

import hashlib

from headway_protocol import const

_BLOCK_BYTES = const(64)
_INNER = const(0x36)
_OUTER = const(0x5C)


def mac(key: bytes, pieces: tuple) -> bytes:
    """Return the 32 bytes of the HMAC of the pieces, one after the other; they are not copied."""
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    inner = hashlib.sha256(_padded(key, _INNER))
    for piece in pieces:
        inner.update(piece)
    outer = hashlib.sha256(_padded(key, _OUTER))
    outer.update(inner.digest())
    return outer.digest()


def same(one: bytes, other: bytes) -> bool:
    """Tell whether two strings are equal, in a time that depends on their lengths alone."""
    if len(one) != len(other):
        return False
    different = 0
    for i in range(len(one)):
        different |= one[i] ^ other[i]
    return different == 0


def _padded(key: bytes, pad: int) -> bytes:
    block = bytearray([pad] * _BLOCK_BYTES)
    for i in range(len(key)):
        block[i] ^= key[i]
    return bytes(block)
