"""Erasing a person: every row of theirs in one transaction, and a tombstone by which nothing of it comes back.

A tombstone is a keyed hash of a device's address (`erasure_key`). Until the device says that it has wiped its store,
nothing is taken from it (`tombstones`). The journal beside the database has every erasure as well, so that a restored
backup forgets again (`replay`). Published benchmarks stay: they are means over people, and nobody in them can be named.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.erasure import personal_rows
from headway_server.erasure.erasure_journal import Erased, ErasureJournal, Wiped
from headway_server.errors import ServerError
from headway_server.store import audit_log
from headway_server.store.batches_out import keep_batches_out
from headway_server.store.database import Database, insert_into, slices
from headway_server.store.tables import dead_letters, devices, erased_devices, erasures, marks, metadata

log = structlog.get_logger(__name__)

ANY_BOOT = 0  # in `from_boot`: an operator said that the device is wiped
_KEY_MARK = "erasure key/"  # in `tables.marks`, followed by the key's fingerprint


class NothingToErase(ServerError):  # noqa: N818 - named for what happened
    """Nothing is known of the person."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased. places: {table: rows}. devices: the addresses, for telling the broker; nobody is to keep them."""

    number: int
    version: int
    erased_at_ms: int
    places: dict[str, int]
    devices: list[str]


async def erase(database: Database, journal: ErasureJournal, person: str, now: int, actor: str) -> Erasure:
    """Erase a person. now: Unix ms. actor: of `audit_log`.

    All or nothing. Raises NothingToErase, ServerError where the journal cannot be written, SQLAlchemyError or OSError
    where the database fails: then nothing is erased, or it is at the next start or the next erasure, because the journal
    comes first.
    """
    key = journal.key
    again = await _catch_up(database, journal, now) if await _lags(database, journal) else []
    before = next((erasure for whose, erasure in again if whose == key.person(person).hex()), None)
    async with database.write() as connection:
        # None is between its look at the tombstones and its rows when this goes through.
        await keep_batches_out(connection)
        await _check_key(connection, journal)
        addresses = await personal_rows.devices_of(connection, person)
        places = await personal_rows.delete_rows(connection, person, addresses)
        if not places and before is not None:
            return before
        if not places:
            number = await _number_of(connection, key.person(person))
            raise NothingToErase(
                "nothing is stored of this person"
                if number is None
                else f"nothing is stored of this person any more: it was erased with number {number}",
                "look for the person's id on the fleet's page",
            )
        await _mark_key(connection, journal, now)
        number, version = await _next(connection, journal, now)
        entry = Erased(number, version, now, key.person(person).hex(), [key.device(one).hex() for one in addresses])
        await _note(connection, entry, places)
        await audit_log.note(connection, now, actor, audit_log.ERASED, {"erasure": number}, key.person(person))
        await asyncio.to_thread(journal.append, entry)
    await database.cut_off_log()
    log.info("person erased", number=number, devices=len(addresses), rows=sum(places.values()))
    return Erasure(number, version, now, places, addresses)


async def replay(database: Database, journal: ErasureJournal, now: int) -> int:
    """Erase again what the journal says and the database does not know; return how many erasures that is. now: Unix ms.

    To be called at every start, and when a backup was restored. What the database knows and the journal does not, because
    another server wrote it, is in the journal afterwards. Raises ServerError where the database's erasures were made with
    another key.
    """
    return len(await _catch_up(database, journal, now))


async def _lags(database: Database, journal: ErasureJournal) -> bool:
    # Whether the journal has an erasure that the database has not: its commit failed, and the server went on.
    entries = await asyncio.to_thread(journal.entries)
    async with database.read() as connection:
        known = set((await connection.execute(select(erasures.c.number))).scalars())
    return any(isinstance(entry, Erased) and entry.number not in known for entry in entries)


async def _catch_up(database: Database, journal: ErasureJournal, now: int) -> list[tuple[str, Erasure]]:
    """Do as `replay`; return what was erased again, the newest first, each with the hash of its person in hexadecimal."""
    entries = await asyncio.to_thread(journal.entries)
    again: list[tuple[str, Erasure]] = []
    async with database.write() as connection:
        known = set((await connection.execute(select(erasures.c.number))).scalars())
        if not known:
            # Nothing was made with any key yet: the server that started last says which it is.
            await connection.execute(delete(marks).where(marks.c.name.startswith(_KEY_MARK)))
        await _mark_key(connection, journal, now)
        await _check_key(connection, journal)
        written = {entry.number for entry in entries if isinstance(entry, Erased)}
        for number in sorted(known - written):
            await asyncio.to_thread(journal.append, await _entry_of(connection, number))
        if written - known:
            await keep_batches_out(connection)
            # Another server may have been about to commit it.
            known = set((await connection.execute(select(erasures.c.number))).scalars())
            addresses, persons = await _everybody(connection)
            for entry in entries:
                if not isinstance(entry, Erased) or entry.number in known:
                    continue
                hashes = set(entry.devices)
                theirs = [one for one in addresses if journal.key.device(one).hex() in hashes]
                person = next((one for one in persons if journal.key.person(one).hex() == entry.person), "")
                places = await personal_rows.delete_rows(connection, person, theirs)
                await _note(connection, entry, places)
                again.insert(0, (entry.person, Erasure(entry.number, entry.version, entry.at_ms, places, theirs)))
                log.warning("erased again", number=entry.number, rows=sum(places.values()))
        for told in entries:
            if isinstance(told, Wiped):
                await _confirm(connection, bytes.fromhex(told.device), told.version, told.boot, told.at_ms)
        if again:
            detail = {"erasures": sorted(erasure.number for _, erasure in again), "again": True}
            await audit_log.note(connection, now, audit_log.COMMAND, audit_log.ERASED, detail)
    if again:
        await database.cut_off_log()
    return again


async def confirmed(connection: AsyncConnection, journal: ErasureJournal, entry: Wiped) -> None:
    """A device says that it is wiped: note it, within the caller's transaction, in the journal as well."""
    numbers = await _confirm(connection, bytes.fromhex(entry.device), entry.version, entry.boot, entry.at_ms)
    if numbers:
        await asyncio.to_thread(journal.append, entry)
        await audit_log.note(connection, entry.at_ms, audit_log.DEVICE, audit_log.WIPED, {"erasures": numbers})


async def confirmed_by_hand(
    database: Database, journal: ErasureJournal, number: int, address: str, now: int, actor: str
) -> bool:
    """An operator says that a device of an erasure was reflashed or destroyed; return False where it waits for none such.

    Whatever comes under its address is taken from then on, also from earlier boots.
    """
    e, x = erased_devices.c, erasures.c
    digest = journal.key.device(address)
    async with database.write() as connection:
        query = select(x.version).join(erased_devices, e.number == x.number)
        is_it = (e.device_hash == digest, e.number == number, e.confirmed_at_ms.is_(None))
        version = (await connection.execute(query.where(*is_it))).scalar_one_or_none()
        if version is None:
            return False
        entry = Wiped(digest.hex(), version, ANY_BOOT, now)
        numbers = await _confirm(connection, digest, entry.version, entry.boot, entry.at_ms)
        detail = {"erasures": numbers, "by_hand": True}
        await audit_log.note(connection, now, actor, audit_log.WIPED, detail, digest)
        await asyncio.to_thread(journal.append, entry)
    return True


async def listed(connection: AsyncConnection) -> list[Row[Any]]:
    """Return every erasure, the newest first."""
    return list(await connection.execute(select(erasures).order_by(erasures.c.number.desc())))


async def found(connection: AsyncConnection, number: int) -> tuple[Row[Any], list[Row[Any]]] | None:
    """Return an erasure and its devices; None for a number that there is not."""
    row = (await connection.execute(select(erasures).where(erasures.c.number == number))).one_or_none()
    if row is None:
        return None
    of_it = select(erased_devices).where(erased_devices.c.number == number).order_by(erased_devices.c.device_hash)
    return row, list(await connection.execute(of_it))


async def cleared(database: Database, hashes: Iterable[bytes], now: int) -> None:
    """Note that the broker keeps nothing more for these devices."""
    async with database.write() as connection:
        e = erased_devices.c
        for some in slices(sorted(hashes)):
            await connection.execute(
                update(erased_devices)
                .where(e.device_hash.in_(some), e.cleared_at_ms.is_(None))
                .values(cleared_at_ms=now)
            )


async def _next(connection: AsyncConnection, journal: ErasureJournal, now: int) -> tuple[int, int]:
    row = (await connection.execute(select(func.max(erasures.c.number), func.max(erasures.c.version)))).one()
    written = [one for one in await asyncio.to_thread(journal.entries) if isinstance(one, Erased)]
    number = max(row[0] or 0, *(one.number for one in written), 0)
    version = max(row[1] or 0, *(one.version for one in written), 0)
    # Orders follow the clock, so that those of a server that was set up anew are newer as well.
    return number + 1, max(version + 1, now // 1000)


async def _number_of(connection: AsyncConnection, person_hash: bytes) -> int | None:
    query = select(func.max(erasures.c.number)).where(erasures.c.person_hash == person_hash)
    found: int | None = (await connection.execute(query)).scalar_one()
    return found


async def _note(connection: AsyncConnection, entry: Erased, places: dict[str, int]) -> None:
    row = {
        "number": entry.number,
        "version": entry.version,
        "person_hash": bytes.fromhex(entry.person),
        "erased_at_ms": entry.at_ms,
        "places": places,
    }
    await connection.execute(erasures.insert(), row)
    if entry.devices:
        rows = [{"device_hash": bytes.fromhex(one), "number": entry.number} for one in entry.devices]
        await connection.execute(erased_devices.insert(), rows)


async def _entry_of(connection: AsyncConnection, number: int) -> Erased:
    row = (await connection.execute(select(erasures).where(erasures.c.number == number))).one()
    e = erased_devices.c
    hashes = (await connection.execute(select(e.device_hash).where(e.number == number))).scalars()
    return Erased(number, row.version, row.erased_at_ms, row.person_hash.hex(), sorted(one.hex() for one in hashes))


async def _confirm(connection: AsyncConnection, device: bytes, version: int, boot: int, at_ms: int) -> list[int]:
    e = erased_devices.c
    up_to = select(erasures.c.number).where(erasures.c.version <= version)
    rows = await connection.execute(
        select(e.number).where(e.device_hash == device, e.confirmed_at_ms.is_(None), e.number.in_(up_to))
    )
    numbers = sorted(rows.scalars())
    if numbers:
        await connection.execute(
            update(erased_devices)
            .where(e.device_hash == device, e.number.in_(numbers))
            .values(confirmed_at_ms=at_ms, from_boot=boot)
        )
    return numbers


async def _everybody(connection: AsyncConnection) -> tuple[list[str], list[str]]:
    """Return the addresses of all devices and the ids of all persons of which there is anything."""
    addresses = set((await connection.execute(select(devices.c.device))).scalars())
    topics = await connection.execute(select(dead_letters.c.topic).distinct())
    addresses |= {one for topic in topics.scalars() if (one := personal_rows.address_in(topic)) is not None}
    persons: set[str] = set()
    for table in metadata.sorted_tables:
        if "person" in table.c:
            persons |= set((await connection.execute(select(table.c.person).distinct())).scalars())
    return sorted(addresses), sorted(persons)


async def _check_key(connection: AsyncConnection, journal: ErasureJournal) -> None:
    query = select(marks.c.name).where(marks.c.name.startswith(_KEY_MARK))
    names = set((await connection.execute(query)).scalars())
    if names - {_KEY_MARK + journal.key.fingerprint}:
        raise ServerError(
            f"{journal.key_path} is not the key that this database's erasures are made with",
            "put the one file there, of before or of the database's other servers: else what is erased could come back",
        )


async def _mark_key(connection: AsyncConnection, journal: ErasureJournal, now: int) -> None:
    names = select(marks.c.name).where(marks.c.name.startswith(_KEY_MARK))
    if (await connection.execute(names)).first() is None:
        mark = {"name": _KEY_MARK + journal.key.fingerprint, "at_ms": now}
        await connection.execute(insert_into(connection, marks).on_conflict_do_nothing(), mark)
