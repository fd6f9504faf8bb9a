"""Reading the store: devices, trips, cohorts, benchmarks and counters, as the API and the pages show them.

Persons have a module of their own, `person_rows`. Every function takes a connection, so that what is shown together is of
one state of the database. Nothing here writes.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, func, not_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.process import Process
from headway_server.ingest.gap_rows import OPEN_END
from headway_server.ingest.gaps import is_unfilled
from headway_server.ingest.sequence import union_size
from headway_server.publishing.publications import Cohort
from headway_server.store.tables import (
    benchmarks,
    boots,
    dead_letters,
    devices,
    episodes,
    epochs,
    folds,
    gaps,
    incident_closings,
    incidents,
    losses,
    quarantine,
    records,
    services,
    withheld,
)
from headway_server.totals.tally import Tally, merge

CLOSED_EPOCHS_MAX = 60  # of the list to choose from: more than a year of weeks


@dataclass(frozen=True, slots=True)
class Counters:
    """Where every message went. lost: seqs that devices declared lost, counted once.

    gaps, missing, unfilled: stretches that are missing, the seqs in them, and those asked for to no avail. Neither of what is
    lost nor of what is missing does an end count that nobody knows (`gap_rows.OPEN_END`). superseded: trips whose place a
    correction took. folded: trips that are known as a part of a sum only. unplaced: corrections of what is no trip here, or
    not yet, and of themselves; they count as trips. closings_unplaced: records that close no incident (`incident_rows`).
    """

    devices: int
    online: int
    trips: int
    distance_m: int
    records: int
    duplicates: int
    rejected: int
    conflicts: int
    quarantined: int
    dead_letters: int
    parked: int
    lost: int
    gaps: int
    missing: int
    unfilled: int
    superseded: int
    unplaced: int
    folded: int
    incidents: int
    incidents_open: int
    closings_unplaced: int
    services: int


@dataclass(frozen=True, slots=True)
class Knots:
    """One published distribution. values: in the characteristic's quantum."""

    epoch: int
    cohort: str
    pack_id: bytes
    characteristic: int
    persons: int
    shares_permille: list[int]
    values: list[int]


async def counters(connection: AsyncConnection, now: int) -> Counters:
    """Count everything. now: Unix ms, of the clock that gaps are asked for by."""
    d = devices.c
    row = (
        await connection.execute(
            select(
                func.count(),
                func.count().filter(d.online),
                *(
                    func.coalesce(func.sum(column), 0)
                    for column in (d.trips, d.distance_m, d.records, d.duplicates, d.rejected, d.conflicts)
                ),
            ).select_from(devices)
        )
    ).one()
    quarantined = (await connection.execute(select(func.count()).select_from(quarantine))).scalar_one()
    letters = (await connection.execute(select(func.coalesce(func.sum(dead_letters.c.count), 0)))).scalar_one()
    parked = (
        await connection.execute(select(func.count()).select_from(records).where(records.c.parked.is_not(None)))
    ).scalar_one()
    lost = 0
    ranges: defaultdict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for device, boot, first, last in await connection.execute(
        select(losses.c.device, losses.c.boot, losses.c.first_seq, losses.c.last_seq).where(
            losses.c.last_seq < OPEN_END
        )
    ):
        ranges[device, boot].append((first, last))
    lost = sum(union_size(of_boot) for of_boot in ranges.values())
    missing = await _missing(connection, now)
    superseded, unplaced = await _corrections(connection)
    sums = select(func.coalesce(func.sum(folds.c.trips), 0)).where(folds.c.superseded.is_(False))
    folded = (await connection.execute(sums)).scalar_one()
    told = await _told(connection)
    # Sums of BIGINT are NUMERIC on PostgreSQL.
    return Counters(
        *(int(n) for n in (*row, quarantined, letters, parked, lost, *missing, superseded, unplaced, folded, *told))
    )


async def _missing(connection: AsyncConnection, now: int) -> tuple[int, int, int]:
    """Count (gaps, seqs in those with an end, gaps that are unfilled)."""
    g = gaps.c
    seqs = func.coalesce(func.sum(g.last_seq - g.first_seq + 1).filter(g.last_seq < OPEN_END), 0)
    row = (await connection.execute(select(func.count(), seqs, func.count().filter(is_unfilled(now))))).one()
    return row[0], row[1], row[2]


async def _told(connection: AsyncConnection) -> tuple[int, int, int, int]:
    """Count (incidents, open ones, records that close none, services)."""
    every, still_open, closings, done = [
        (await connection.execute(query)).scalar_one()
        for query in (
            select(func.count()).select_from(incidents),
            select(func.count()).select_from(incidents).where(incidents.c.closed_by_boot.is_(None)),
            select(func.count()).select_from(incident_closings),
            select(func.count()).select_from(services),
        )
    ]
    # Each closed incident is closed by one record.
    return every, still_open, closings - (every - still_open), done


async def _corrections(connection: AsyncConnection) -> tuple[int, int]:
    e, revised = episodes.c, episodes.alias("revised")
    # Whoever is superseded or takes a place belongs to a trip of several records, which is what the index is of.
    superseded = select(func.count()).select_from(episodes).where(e.trip_boot.is_not(None), e.superseded)
    placed = (
        select(revised.c.id)
        .where(
            revised.c.device == e.device,
            revised.c.boot == e.revises_boot,
            revised.c.seq == e.revises_seq,
            revised.c.pack_id == e.pack_id,
        )
        .exists()
    )
    earlier = tuple_(e.revises_boot, e.revises_seq) < tuple_(e.boot, e.seq)
    unplaced = (
        select(func.count()).select_from(episodes).where(e.revises_boot.is_not(None), not_(and_(earlier, placed)))
    )
    return (await connection.execute(superseded)).scalar_one(), (await connection.execute(unplaced)).scalar_one()


async def list_devices(connection: AsyncConnection, after: str, limit: int) -> list[Row[Any]]:
    """Return up to `limit` devices by name, those after the name `after`."""
    query = select(devices).where(devices.c.device > after).order_by(devices.c.device).limit(limit)
    return list(await connection.execute(query))


async def find_device(connection: AsyncConnection, device: str) -> Row[Any] | None:
    """Return one device, or None."""
    return (await connection.execute(select(devices).where(devices.c.device == device))).one_or_none()


async def device_boots(connection: AsyncConnection, device: str, limit: int) -> list[Row[Any]]:
    """Return how far the device's latest boots are complete: (boot, upto, highest)."""
    query = (
        select(boots.c.boot, boots.c.upto, boots.c.highest)
        .where(boots.c.device == device)
        .order_by(boots.c.boot.desc())
        .limit(limit)
    )
    return list(await connection.execute(query))


async def device_gaps(connection: AsyncConnection, device: str, limit: int) -> list[Row[Any]]:
    """Return what is missing of a device, of the latest boot first: rows of `tables.gaps`."""
    g = gaps.c
    query = select(gaps).where(g.device == device).order_by(g.boot.desc(), g.first_seq).limit(limit)
    return list(await connection.execute(query))


async def device_losses(connection: AsyncConnection, device: str, limit: int) -> list[Row[Any]]:
    """Return what the device declared lost, latest first: (boot, first_seq, last_seq, reason)."""
    query = (
        select(losses.c.boot, losses.c.first_seq, losses.c.last_seq, losses.c.reason)
        .where(losses.c.device == device)
        .order_by(losses.c.told_boot.desc(), losses.c.told_seq.desc())
        .limit(limit)
    )
    return list(await connection.execute(query))


async def list_trips(
    connection: AsyncConnection, *, device: str | None, before: int | None, limit: int
) -> list[Row[Any]]:
    """Return up to `limit` trips, the last committed first; those committed before the trip with id `before`.

    Each row is the episode with `hash`, the SHA-256 of its record's bytes.
    """
    key = [episodes.c[name] == records.c[name] for name in ("device", "boot", "seq")]
    query = select(episodes, records.c.hash).join(records, and_(*key)).order_by(episodes.c.id.desc()).limit(limit)
    if device is not None:
        query = query.where(episodes.c.device == device)
    if before is not None:
        query = query.where(episodes.c.id < before)
    return list(await connection.execute(query))


async def list_epochs(connection: AsyncConnection) -> list[Row[Any]]:
    """Return (number, opened_at_ms, closed_at_ms): the open epoch first, then the closed ones, latest first."""
    query = select(epochs).order_by(epochs.c.number.desc()).limit(1 + CLOSED_EPOCHS_MAX)
    return list(await connection.execute(query))


def together(process: Process, tallies: Iterable[Tally]) -> Tally:
    """Return all tallies together; that of no trips for none."""
    found: Tally | None = None
    for tally in tallies:
        found = merge(process, found, tally)
    return found or Tally(0, 0, [0] * len(process.pack.period))


async def list_benchmarks(
    connection: AsyncConnection,
    *,
    epoch: int | None = None,
    up_to_epoch: int | None = None,
    of: Cohort | None = None,
) -> list[Knots]:
    """Return the published tables of `epoch`, or of each cohort's newest epoch (not after `up_to_epoch`).

    of: those of one cohort only.
    """
    b = benchmarks.c
    query = select(b.epoch, b.cohort, b.pack_id, b.characteristic, b.persons, b.shares_permille, b.knot_values)
    if epoch is not None:
        query = query.where(b.epoch == epoch)
    else:
        newest = select(b.cohort, b.pack_id, func.max(b.epoch).label("epoch")).group_by(b.cohort, b.pack_id)
        if up_to_epoch is not None:
            newest = newest.where(b.epoch <= up_to_epoch)
        latest = newest.subquery()
        query = query.join(
            latest, (latest.c.cohort == b.cohort) & (latest.c.pack_id == b.pack_id) & (latest.c.epoch == b.epoch)
        )
    if of is not None:
        query = query.where(b.cohort == of[0], b.pack_id == of[1])
    rows = await connection.execute(query.order_by(b.cohort, b.pack_id, b.characteristic))
    return [Knots(*row) for row in rows]


async def list_withheld(connection: AsyncConnection, epoch: int) -> list[Row[Any]]:
    """Return what was not published in an epoch: (cohort, pack_id, characteristic, persons, reason)."""
    w = withheld.c
    query = (
        select(w.cohort, w.pack_id, w.characteristic, w.persons, w.reason)
        .where(w.epoch == epoch)
        .order_by(w.cohort, w.pack_id, w.characteristic)
    )
    return list(await connection.execute(query))


async def devices_of_pack(connection: AsyncConnection, pack_id: bytes, limit: int) -> list[Row[Any]]:
    """Return up to `limit` devices, by name, that run a pack or were offered it."""
    d = devices.c
    query = select(d.device, d.vehicle_class, d.pack_id, d.offered_pack_id)
    query = query.where(or_(d.pack_id == pack_id, d.offered_pack_id == pack_id)).order_by(d.device).limit(limit)
    return list(await connection.execute(query))


async def devices_by_pack(connection: AsyncConnection) -> dict[bytes, int]:
    """Return {pack id: number of devices that run it}."""
    d = devices.c
    query = select(d.pack_id, func.count().label("devices")).where(d.pack_id.is_not(None)).group_by(d.pack_id)
    return {row.pack_id: row.devices for row in await connection.execute(query)}


async def devices_offered(connection: AsyncConnection, pack_id: bytes) -> list[str]:
    """Return the devices that were offered a pack."""
    query = select(devices.c.device).where(devices.c.offered_pack_id == pack_id)
    return list((await connection.execute(query)).scalars())
