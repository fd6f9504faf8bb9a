"""The keys by which a Linux device knows its server: what is signed by one of them, for this device, is genuine.

Ed25519 (RFC 8032). A key is written as `headway key show` prints it, 64 hexadecimal digits, or as base64 of its 32 bytes. More
than one are held while one replaces the other.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from headway_edge.orders.freshness import KEYS_MAX
from headway_protocol import signed
from headway_protocol.errors import DecodeError
from headway_protocol.order_codes import FORGED

KEY_BYTES = 32


def key_id(public_key: bytes) -> bytes:
    """Return by what a key is named in messages: the first 8 bytes of its SHA-256.

    >>> key_id(bytes(32)).hex()
    '66687aadf862bd77'
    """
    return hashlib.sha256(public_key).digest()[: signed.KEY_ID_BYTES]


def read_key(text: str) -> bytes:
    """Return the 32 bytes of a public key. Raises ValueError for text that is none.

    >>> read_key("00" * 32) == read_key("A" * 43 + "=") == bytes(32)
    True
    """
    text = text.strip()
    try:
        found = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if len(found) != KEY_BYTES:
        raise ValueError(f"{text[:80]!r} is no public key; `headway key show` at the server prints it")
    return found


class ServerKeys:
    """The public keys that a device holds.

    address: the device's own, "group/device". keys: as text (`read_key`), at most KEYS_MAX. Raises ValueError.
    """

    def __init__(self, address: str, keys: Iterable[str] = ()) -> None:
        raw = [read_key(text) for text in keys]
        if len(raw) > KEYS_MAX:
            raise ValueError(f"{len(raw)} keys; at most {KEYS_MAX} are held at a time")
        self.address = address
        self._keys = {key_id(one): Ed25519PublicKey.from_public_bytes(one) for one in raw}

    @property
    def ids(self) -> list[bytes]:
        """By what the keys are named."""
        return list(self._keys)

    def opened(self, data: bytes, size_max: int, purpose: int) -> tuple[bytes, int, int, bytes]:
        """Return (key id, version, not_after_s, body) of what a key held here signed for this device and purpose.

        Raises DecodeError as `headway_protocol.signed.opened`.
        """
        if not self._keys and len(data) <= size_max:
            raise DecodeError(FORGED, "this device holds no key of its server (pack_keys)")
        version, not_after_s, body = signed.opened(data, size_max, purpose, self.address, self._verify)
        return signed.parts(data, size_max)[1], version, not_after_s, body

    def _verify(self, algorithm: int, name: bytes, data: bytes, signature: bytes) -> bool:
        key = self._keys.get(name)
        if key is None or algorithm != signed.ED25519:
            return False
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True
