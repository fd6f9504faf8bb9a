"""The server's keys: what it signs with, so that devices obey it and nobody else who can publish on their topics.

A key file is text of three lines; whoever can read it can command the fleet:

    headway signing key 1
    ed25519 <64 hexadecimal digits: the private key, RFC 8032>
    bands <64 hexadecimal digits: the master from which the keys of microcontrollers are derived>

Linux devices hold the public key. A microcontroller has no Ed25519: it holds a key of its own, HKDF-SHA256 (RFC 5869) of the
master and its address, and verifies HMAC-SHA256. Several files are held while a key is replaced: the first one signs.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headway_protocol import signed
from headway_server.errors import ServerError
from headway_server.settings import ServerSettings
from headway_server.store.database_file import parse_url, path_of
from headway_server.store.secret_file import write_new

log = structlog.get_logger(__name__)

Signer = tuple[int, bytes, Callable[[bytes], bytes]]  # as `headway_protocol.signed.sealed` takes it

_TITLE = "headway signing key 1"
_BAND_INFO = b"headway band key 1\x00"
_KEY_BYTES = 32


def key_id(key: bytes) -> bytes:
    """Return by what a key is named in messages: the first 8 bytes of the SHA-256 of a public key, or of a band's own."""
    return hashlib.sha256(key).digest()[: signed.KEY_ID_BYTES]


@dataclass(frozen=True)
class SigningKey:
    """The content of a key file."""

    seed: bytes = field(repr=False)
    band_master: bytes = field(repr=False)

    @classmethod
    def new(cls, band_master: bytes | None = None) -> "SigningKey":
        """Return a key that nobody has. band_master: of an older key, whose bands go on as they are."""
        return cls(secrets.token_bytes(_KEY_BYTES), band_master or secrets.token_bytes(_KEY_BYTES))

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    def band_key(self, address: str) -> bytes:
        """Return the key of one microcontroller, 32 bytes. address: "group/device"."""
        return HKDF(SHA256(), _KEY_BYTES, None, _BAND_INFO + address.encode()).derive(self.band_master)

    def text(self) -> str:
        """Return it as its file has it."""
        return f"{_TITLE}\ned25519 {self.seed.hex()}\nbands {self.band_master.hex()}\n"


class Signing:
    """What a server signs with. keys: the first one signs. band_groups: groups whose devices are microcontrollers."""

    def __init__(self, keys: Sequence[SigningKey], band_groups: Sequence[str] = ()) -> None:
        self.keys = tuple(keys)
        self._band_groups = frozenset(band_groups)
        private = Ed25519PrivateKey.from_private_bytes(self.keys[0].seed)
        self._signer: Signer = (signed.ED25519, key_id(self.keys[0].public), private.sign)

    def is_band(self, address: str) -> bool:
        """Whether a device is a microcontroller."""
        return address.partition("/")[0] in self._band_groups

    def signer(self, address: str) -> Signer:
        """Return (algorithm, key id, function that signs) for what a device is to obey. address: "group/device"."""
        if not self.is_band(address):
            return self._signer
        key = self.keys[0].band_key(address)
        return signed.HMAC_SHA256, key_id(key), lambda data: hmac.digest(key, data, "sha256")


def key_paths(settings: ServerSettings) -> tuple[Path, ...]:
    """Return where the keys are: as set, else beside an SQLite database. Raises ServerError where nobody says."""
    if settings.signing_key:
        return tuple(settings.signing_key)
    url = parse_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        raise ServerError(
            "with this database nobody says where the key is that offers are signed with",
            "set signing_key to a file of the server's own; it is made at the first start",
        )
    database = path_of(url)
    return (database.with_name(f"{database.name}.signing-key"),)


def open_signing(settings: ServerSettings) -> Signing:
    """Return the server's keys; one that is to be there alone and is not is made. Raises ServerError."""
    paths = key_paths(settings)
    if len(paths) == 1 and not paths[0].exists() and write_key(paths[0], SigningKey.new()):
        log.info("signing key made", path=str(paths[0]), next_step="give devices what `headway key show` prints")
    return Signing([read_key(path) for path in paths], settings.band_groups)


def read_key(path: Path) -> SigningKey:
    """Return the key of a file. Raises ServerError."""
    try:
        mode = path.stat().st_mode & 0o777
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise ServerError(
            f"there is no key {path}",
            "a server makes its own at the first start, `headway key new` further ones; else correct signing_key",
        ) from None
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it is not text"
        raise ServerError(
            f"cannot read the key {path}: {reason}", "let the server's user, and nobody else, read it"
        ) from e
    try:
        title, seed, master = lines
        found = SigningKey(_bytes_of("ed25519", seed), _bytes_of("bands", master))
    except ValueError:
        title, found = "", None
    if title != _TITLE or found is None:
        raise ServerError(
            f"{path} is no key of Headway, or a damaged one", "take the copy that you keep apart from the backups"
        )
    if mode & 0o077:
        log.warning("others can read the signing key", path=str(path), mode=f"{mode:o}", next_step=f"chmod 600 {path}")
    return found


def write_key(path: Path, key: SigningKey) -> bool:
    """Write a key file that its owner alone can read, whole or not at all; return False if there is one already.

    Raises ServerError.
    """
    try:
        return write_new(path, key.text())
    except OSError as e:
        raise ServerError(f"cannot write the key {path}: {e.strerror}", "check its folder, or set signing_key") from e


def _bytes_of(name: str, line: str) -> bytes:
    found, _, digits = line.partition(" ")
    raw = bytes.fromhex(digits)
    if found != name or len(raw) != _KEY_BYTES:
        raise ValueError
    return raw
