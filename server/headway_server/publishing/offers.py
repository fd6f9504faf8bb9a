"""Offering packs to devices: signed, stored with the device, and kept for it at the broker until it comes.

What was signed is stored (version, until when, the signature), so that the same bytes are retained again whenever the broker is
reached, by any server of the database. It is signed anew, with a higher version, when the pack or its words are others, and
when half of its time is over; and with the same version when another key signs now. The version follows Unix seconds: also after
the restore of an older backup it is above those that devices took before.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import structlog
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import pack_offer, signed, topics
from headway_protocol.errors import DecodeError
from headway_server.errors import ServerError
from headway_server.packs.catalogue import for_device
from headway_server.packs.processes import KnownPack, Processes
from headway_server.publishing.publications import Publication
from headway_server.signing import Signing
from headway_server.store import audit_log
from headway_server.store.database import Database, slices
from headway_server.store.tables import devices

log = structlog.get_logger(__name__)

_DAY_S = 86_400
_D = devices.c
_COLUMNS = (
    _D.device, _D.offered_pack_id, _D.offer_version, func.coalesce(_D.offer_not_after_s, 0), _D.offer_hash, _D.offer_seal,
)  # fmt: skip
# Asked at every birth: built once.
_OFFERED = select(*_COLUMNS).where(_D.offered_pack_id.is_not(None)).order_by(_D.device)
_OFFERED_TO = _OFFERED.where(_D.device.in_(bindparam("names", expanding=True)))


class _Stored(NamedTuple):
    # _COLUMNS of one device that was offered a pack. `seal`: the algorithm (a byte), the key's id, the signature.
    device: str
    pack_id: bytes
    version: int
    not_after_s: int
    hash: bytes | None
    seal: bytes | None


class OfferRefused(ServerError):  # noqa: N818 - named for what happened
    """The pack was not offered: the device could not run it."""


class Offers:
    """The offers of one server. now_ms: Unix ms. days: for how long an offer may be taken."""

    def __init__(
        self, database: Database, processes: Processes, signing: Signing, now_ms: Callable[[], int], days: float
    ) -> None:
        self._database, self._processes, self._signing = database, processes, signing
        self._now_ms, self._length_s = now_ms, int(days * _DAY_S)

    async def offer(self, device: str, pack_id: bytes) -> list[Publication] | None:
        """Store the offer of a known pack, signed anew, and return what to publish; None for a device that never spoke.

        Raises OfferRefused where the pack has nothing to say of the device's class.
        """
        pack = self._processes.pack(pack_id)
        assert pack is not None  # noqa: S101 - who offers a pack has looked it up
        process = pack.process
        async with self._database.write() as connection:
            found = (
                await connection.execute(
                    select(_D.device, _D.vehicle_class).where(_D.device == device).with_for_update()
                )
            ).one_or_none()
            if found is None:
                return None
            if found.vehicle_class not in process.pack.classes:
                known = ", ".join(process.pack.classes)
                shown = f"of class {found.vehicle_class!r}" if found.vehicle_class else "of a class it has not told yet"
                raise OfferRefused(
                    f"pack {process.name} version {process.version} knows the classes {known}; {device} is {shown}",
                    "offer a pack that knows it",
                )
            # Without the hash of what was signed before: who offers the same again means it, and it gets a higher version.
            await connection.execute(
                update(devices).where(_D.device == device).values(offered_pack_id=pack_id, offer_hash=None)
            )
            await self._sign(connection, [device])
            detail = {"pack": pack_id.hex()}
            await audit_log.note(connection, self._now_ms(), audit_log.OPERATOR, audit_log.PACK_OFFERED, detail)
            return list(self._publications(await _rows(connection, [device])))

    async def messages(self, names: Iterable[str] | None = None) -> Iterator[Publication]:
        """Return the offer of each device that was offered a pack, or of those in `names`; signed first where that is due."""
        await self.renew(names)
        async with self._database.read() as connection:
            return self._publications(await _rows(connection, names))

    async def renew(self, names: Iterable[str] | None = None) -> list[str]:
        """Sign what is not signed, by another key, or half over; return the devices whose offers are others now."""
        names = None if names is None else sorted(names)
        async with self._database.read() as connection:
            due = [row.device for row in await _rows(connection, names) if self._is_due(row)]
        for some in slices(due):
            async with self._database.write() as connection:
                await self._sign(connection, some)
            await asyncio.sleep(0)
        return due

    async def _sign(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        rows = await connection.execute(select(*_COLUMNS).where(_D.device.in_(names)).with_for_update())
        now_s = min(self._now_ms() // 1000, signed.TIME_S_MAX - self._length_s)
        for row in [_Stored(*one) for one in rows]:
            made = self._made(row)
            if made is None or not self._is_due(row):
                continue  # another server was quicker
            body, digest = made
            version, not_after_s = row.version, row.not_after_s
            if not self._is_fresh(row):
                version, not_after_s = min(max(version + 1, now_s), signed.VERSION_MAX), now_s + self._length_s
            said = signed.statement(signed.OFFER, row.device, version, not_after_s, body)
            algorithm, key_id, sign = self._signing.signer(row.device)
            await connection.execute(
                update(devices)
                .where(_D.device == row.device)
                .values(
                    offer_version=version,
                    offer_not_after_s=not_after_s,
                    offer_hash=digest,
                    offer_seal=bytes([algorithm]) + key_id + sign(signed.DOMAIN + said),
                )
            )

    def _is_due(self, row: _Stored) -> bool:
        if self._made(row) is None:
            return False  # a pack that this server does not know
        algorithm, key_id, _ = self._signing.signer(row.device)
        sealed_by = bytes([algorithm]) + key_id
        return not self._is_fresh(row) or row.seal is None or row.seal[: len(sealed_by)] != sealed_by

    def _is_fresh(self, row: _Stored) -> bool:
        made = self._made(row)
        if made is None or row.hash != made[1]:
            return False
        # Also anew where it lasts longer than any that is made now: the clock was wrong, or the setting another.
        return self._length_s / 2 <= row.not_after_s - self._now_ms() / 1000 <= self._length_s + _DAY_S

    def _publications(self, rows: Sequence[_Stored]) -> Iterator[Publication]:
        # One at a time: every device's own is another, and of many KB.
        seal_at = 1 + signed.KEY_ID_BYTES
        for row in rows:
            made, seal = self._made(row), row.seal
            if made is None or seal is None or row.hash != made[1]:
                continue  # signed at the next look
            said = signed.statement(signed.OFFER, row.device, row.version, row.not_after_s, made[0])
            group, name = row.device.split("/")
            yield Publication(
                topics.topic(group, name, topics.PACK), signed.joined(said, seal[0], seal[1:seal_at], seal[seal_at:])
            )

    def _made(self, row: _Stored) -> tuple[bytes, bytes] | None:
        pack = self._processes.pack(row.pack_id)
        return None if pack is None else _body_of(pack, self._signing.is_band(row.device))


async def _rows(connection: AsyncConnection, names: Iterable[str] | None) -> Sequence[_Stored]:
    if names is None:
        return [_Stored(*row) for row in await connection.execute(_OFFERED)]
    found: list[_Stored] = []
    for some in slices(sorted(names)):
        found += [_Stored(*row) for row in await connection.execute(_OFFERED_TO, {"names": some})]
    return found


@lru_cache(64)
def _body_of(pack: KnownPack, is_band: bool) -> tuple[bytes, bytes] | None:
    # What is signed, and its SHA-256. A microcontroller has no room for words.
    try:
        body = pack_offer.encode(pack.data, "{}") if is_band else offer_body(pack)
    except DecodeError as e:
        # Checked when it was added: another version of Headway, with another limit, has stored it.
        log.error("pack not offered", pack=pack.process.name, reason=str(e), next_step="publish it with shorter texts")
        return None
    return body, hashlib.sha256(body).digest()


def offer_body(pack: KnownPack) -> bytes:
    """Return what of an offer is signed. Raises DecodeError where the texts are more than a message takes."""
    texts = json.dumps(for_device(pack.process.catalogue), ensure_ascii=False, separators=(",", ":"))
    return pack_offer.encode(pack.data, texts)
