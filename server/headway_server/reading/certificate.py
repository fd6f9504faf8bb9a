"""The certificate of an erasure: every place where something of the person was, what became of it there, and whether that is all.

Signed by the server's key (Ed25519, RFC 8032) over the JSON of the statement, keys sorted, without spaces. No name is
in it: whoever asked for the erasure has its number.
"""

import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Row

from headway_server.erasure.erasures import ANY_BOOT
from headway_server.errors import ServerError
from headway_server.reading.answers import instant
from headway_server.signing import SigningKey

FORMAT = "headway-erasure-certificate"
VERSION = 1
_DOMAIN = b"headway certificate 1\x00"
_DAY_MS = 86_400_000


def statement(erasure: Row[Any], devices: list[Row[Any]], erase_days: float, now: int) -> dict[str, Any]:
    """Return what a certificate says.

    erasure, devices: rows of `tables.erasures` and `tables.erased_devices`. erase_days: as set. now: Unix ms.
    """
    until_ms = erasure.erased_at_ms + round(erase_days * _DAY_MS)
    waiting = [one for one in devices if one.confirmed_at_ms is None]
    unclear = [one for one in devices if one.cleared_at_ms is None]
    aged = "aged out" if now >= until_ms else "until"
    places = [
        {
            "place": "database",
            "state": "erased",
            "rows": dict(sorted(erasure.places.items())),
            "about": "Every row of the person and of the person's devices; SQLite overwrites them (secure_delete), PostgreSQL "
            "uses their space again after VACUUM. Dead letters of the devices' topics and the quarantine are among them.",
        },
        {
            "place": "broker",
            "state": "waiting" if unclear else "cleared",
            "about": "Retained messages on bench, pack and state. What waits in a session's queue is refused when it comes."
            + (
                " What it keeps for a device that it has no word of is cleared when that one speaks." if unclear else ""
            ),
        },
        {
            "place": "devices",
            "state": "waiting" if waiting else "wiped",
            "devices": [_device(one) for one in devices],
            "about": "Each is told to wipe its store when it speaks, and until it has said so nothing of it is stored.",
        },
        {
            "place": "backups",
            "state": aged,
            "until": _shown(until_ms),
            "about": "Backups, copies and databases put aside of before are to be deleted by then; this server cannot see them. "
            "One that is restored is erased again, by the journal beside the database.",
        },
        {
            "place": "logs",
            "state": aged,
            "until": _shown(until_ms),
            "about": "This server's logs name no person and no device. Those of the broker, of proxies and of the devices may; "
            "they are to be kept no longer.",
        },
        {
            "place": "benchmarks",
            "state": "stay",
            "about": "Published means over at least five people. Whom they were over is not known any more.",
        },
        {
            "place": "journal and audit log",
            "state": "stay",
            "about": "Keyed hashes, which without the key nobody can find a name from: they keep what was "
            "erased from coming back.",
        },
    ]
    return {
        "format": FORMAT,
        "version": VERSION,
        "number": erasure.number,
        "person_hash": erasure.person_hash.hex(),
        "erased": _shown(erasure.erased_at_ms),
        "made": _shown(now),
        "places": places,
        "complete": not waiting and not unclear and now >= until_ms,
    }


def sign(said: dict[str, Any], key: SigningKey) -> dict[str, Any]:
    """Return the certificate of a statement."""
    signature = Ed25519PrivateKey.from_private_bytes(key.seed).sign(_DOMAIN + _canonical(said))
    return {"certificate": said, "algorithm": "Ed25519", "key": key.public.hex(), "signature": signature.hex()}


def verify(document: object, key: bytes | None = None) -> dict[str, Any]:
    """Return what a certificate says. key: the server's public key, from elsewhere; None: whatever key the document names.

    Raises ServerError for one that is no certificate, was changed, or was signed by another key.
    """
    try:
        said, named, signature = document["certificate"], document["key"], document["signature"]  # type: ignore[index]
        public = bytes.fromhex(named)
        raw = bytes.fromhex(signature)
        is_one = said["format"] == FORMAT and len(public) == 32
    except (KeyError, TypeError, ValueError, IndexError):
        is_one = False
    if not is_one:
        raise ServerError(
            "this is no certificate of an erasure", "name the file as `headway person certificate` wrote it"
        )
    if key is not None and public != key:
        raise ServerError(
            f"the certificate was signed by the key {named}, which is another",
            "compare `headway key show` at the server; an older certificate has an older key",
        )
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(raw, _DOMAIN + _canonical(said))
    except InvalidSignature:
        raise ServerError("the certificate was changed after it was signed", "ask for it again") from None
    found: dict[str, Any] = said
    return found


def _device(row: Row[Any]) -> dict[str, Any]:
    if row.confirmed_at_ms is not None:
        state = "wiped" if row.from_boot != ANY_BOOT else "wiped or destroyed, as the operator said"
    else:
        state = "not heard of" if row.asked_at_ms is None else "told to"
    return {
        "device_hash": row.device_hash.hex(),
        "state": state,
        "told": _shown(row.asked_at_ms),
        "wiped": _shown(row.confirmed_at_ms),
        "from_boot": row.from_boot,
    }


def _shown(at_ms: int | None) -> str | None:
    found = instant(at_ms)
    return None if found is None else found.isoformat()


def _canonical(said: object) -> bytes:
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
