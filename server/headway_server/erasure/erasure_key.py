"""What erased persons and devices are remembered by: a keyed hash, from which nobody without the key can find a name.

HMAC-SHA256 (RFC 2104) with a key of 32 random bytes in a file beside the database, which is in no backup of it: names
are short and from few, so an unkeyed hash would be found by trying. Without the file what was erased could come back,
so a server whose journal has entries does not start without the key that they were made with.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from headway_server.errors import ServerError
from headway_server.store.secret_file import write_new

KEY_BYTES = 32
HASH_BYTES = 32


class ErasureKey:
    """Hashes names. key: KEY_BYTES bytes.

    >>> key = ErasureKey(bytes(32))
    >>> key.device("depot/bus-1") == key.person("depot/bus-1")
    False
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def device(self, address: str) -> bytes:
        """Return the hash of a device, HASH_BYTES bytes. address: "group/device"."""
        return self._hash(b"device", address)

    def person(self, person: str) -> bytes:
        """Return the hash of a person."""
        return self._hash(b"person", person)

    @property
    def fingerprint(self) -> str:
        """Which key it is, in hexadecimal; nothing follows from it."""
        return self._hash(b"key", "")[:8].hex()

    def _hash(self, kind: bytes, name: str) -> bytes:
        return hmac.digest(self._key, kind + b"\x00" + name.encode(), hashlib.sha256)


def read_or_make(path: Path) -> ErasureKey:
    """Return the key in the file `path`, in hexadecimal; made with mode 0600 if there is none. Raises ServerError."""
    try:
        found = _read(path)
        if found is None:
            write_new(path, secrets.token_hex(KEY_BYTES) + "\n")
            found = _read(path)
    except OSError as e:
        raise ServerError(
            f"cannot use the erasure key {path}: {e.strerror or e}", "check that its folder can be written"
        ) from e
    assert found is not None  # noqa: S101 - `_make` returned
    return ErasureKey(found)


def _read(path: Path) -> bytes | None:
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ServerError(f"{path} is no erasure key", "put the file of before there, from its copy")
    return key
