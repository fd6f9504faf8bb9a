"""Whether everything derived in the store is what its records say: each device's records are read again and compared.

Compared are the rows of trips with their marks and dates, the totals of epochs and of days, incidents with what closes them,
services, the devices' counters, how far each boot is complete and what it lacks, and the records' own hashes. Not compared
are the benchmarks of closed epochs: they are what was published, and a vehicle class that was told later does not change them.

A device is compared within one reading transaction, so a server may go on writing meanwhile. Memory: the trips of one
device, about half a kilobyte each.
"""

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Table, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import topics
from headway_server.ingest.arrival import Arrival, Episode, Find, Received, Refusal, read
from headway_server.ingest.revisions import revised_by
from headway_server.ingest.tally_rows import KEYS, tally_of
from headway_server.packs.processes import Processes
from headway_server.recounting.recount import Mark, Place, Told, Trip, marks, marks_of_folds, sums
from headway_server.recounting.recount_dates import BootTimes
from headway_server.recounting.recount_folds import Fold, fold_columns
from headway_server.recounting.verified_boots import boots_that_differ
from headway_server.store.database import Database
from headway_server.store.tables import (
    boot_clocks,
    day_totals,
    devices,
    episodes,
    folds,
    incident_closings,
    incidents,
    losses,
    month_totals,
    person_totals,
    records,
    services,
)
from headway_server.totals.periods import day_of

_DEVICES_AT_ONCE = 200

# What can differ.
RECORD, TRIP, DAY, EPOCH, COUNTER = "record", "trip", "day totals", "epoch totals", "device counter"
INCIDENT, CLOSING, SERVICE = "incident", "closing of an incident", "service"
FOLD, MONTH = "fold", "month totals"
CLOCK = "clock of a boot"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is stored otherwise than the records say.

    what: one of the above, or of `verified_boots`. key: of what, within the device.
    """

    device: str
    what: str
    key: str
    stored: str
    computed: str


@dataclass(slots=True)
class Progress:
    """How far a verification is; the numbers are of what was compared."""

    devices_total: int = 0
    devices: int = 0
    records: int = 0
    trips: int = 0


@dataclass(slots=True)
class _Read:
    """A device's records, read again. seqs, ranges: that are handled, by boot. stored: the marks as they are stored."""

    records: int = 0
    seqs: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    ranges: defaultdict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    trips: dict[Place, Trip] = field(default_factory=dict)
    folds: dict[Place, Fold] = field(default_factory=dict)
    stored: dict[Place, Mark] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    times: BootTimes = field(default_factory=BootTimes)
    begun: list[tuple[Any, Arrival]] = field(default_factory=list)  # trips: the row that is stored, the record


async def verify(
    database: Database, processes: Processes, tell: Callable[[Progress], None] = lambda _progress: None
) -> AsyncIterator[Difference]:
    """Give every difference, device by device in the order of names. tell: called after each device."""
    progress = Progress()
    async with database.read() as connection:
        progress.devices_total = (await connection.execute(select(func.count()).select_from(devices))).scalar_one()
    after = ""
    while True:
        async with database.read() as connection:
            query = select(devices.c.device).where(devices.c.device > after).order_by(devices.c.device)
            names = list((await connection.execute(query.limit(_DEVICES_AT_ONCE))).scalars())
        if not names:
            return
        for after in names:
            async with database.read() as connection:
                await processes.refresh(connection)
                found = await verify_device(connection, processes.find, after, progress)
            progress.devices += 1
            tell(progress)
            for difference in found:
                yield difference


async def verify_device(
    connection: AsyncConnection, find: Find, device: str, progress: Progress | None = None
) -> list[Difference]:
    """Return the differences of one device, in one reading transaction of `connection`."""
    found: list[Difference] = []
    again = await _read_again(connection, find, device, found)
    _date_trips(find, device, again, found)
    again.told.date(again.times)
    computed = marks(again.trips, again.folds)
    found += (
        Difference(device, TRIP, _at(place), _mark(again.stored[place]), _mark(mark))
        for place, mark in computed.items()
        if mark != again.stored[place]
    )
    fold_marks = marks_of_folds(find, again.trips, again.folds, computed)
    folds_with_marks = {place: (fold, fold_marks[place]) for place, fold in again.folds.items()}
    totals = sums(find, device, again.trips, computed, folds_with_marks)
    for table, what, expected in (
        (day_totals, DAY, totals.days),
        (month_totals, MONTH, totals.months),
        (person_totals, EPOCH, totals.epochs),
    ):
        keys, t = KEYS[table], table.c
        rows = await connection.execute(select(*keys, t.trips, t.distance_m, t.totals).where(t.device == device))
        stored = {tuple(row[: len(keys)]): tally_of(row) for row in rows}
        for key in sorted(stored.keys() | expected.keys()):
            if stored.get(key) != expected.get(key):
                names = ", ".join(_part(c.name, part) for c, part in zip(keys[1:], key[1:], strict=True))
                found.append(Difference(device, what, names, _text(stored.get(key)), _text(expected.get(key))))
    row = (await connection.execute(select(devices).where(devices.c.device == device))).one()
    for name, number in (
        ("records", again.records),
        ("trips", totals.trips),
        ("distance_m", totals.distance_m),
    ):
        if row._mapping[name] != number:
            found.append(Difference(device, COUNTER, name, str(row._mapping[name]), str(number)))
    for rows_of, kind, columns in (
        (incidents, INCIDENT, again.told.incidents_closed()),
        (incident_closings, CLOSING, again.told.closings),
        (services, SERVICE, again.told.services),
        (boot_clocks, CLOCK, again.times.columns()),
        (folds, FOLD, {place: fold_columns(*both) for place, both in folds_with_marks.items()}),
    ):
        found += await _rows(connection, device, rows_of, kind, columns)
    found += [
        Difference(device, *different)
        for different in await boots_that_differ(connection, device, again.seqs, again.ranges)
    ]
    if progress is not None:
        progress.records += again.records
        progress.trips += len(again.trips)
    return found


async def _read_again(connection: AsyncConnection, find: Find, device: str, found: list[Difference]) -> _Read:
    again = _Read()
    r, e, lost, f = records.c, episodes.c, losses.c, folds.c
    same = and_(e.device == r.device, e.boot == r.boot, e.seq == r.seq)
    told = and_(lost.device == r.device, lost.told_boot == r.boot, lost.told_seq == r.seq)
    folded = and_(f.device == r.device, f.boot == r.boot, f.seq == r.seq)
    query = (
        select(r.boot, r.seq, r.hash, r.payload, r.parked, e.id, e.person, e.pack_id, e.epoch, e.start_ms,
               e.dated_by_boot, e.utc_offset_min, e.day, e.context, e.counts, e.gates, e.distance_m, e.revises_boot,
               e.revises_seq, e.trip_boot, e.trip_seq, e.superseded, e.counted_epoch, lost.boot.label("lost_boot"),
               lost.first_seq, lost.last_seq, f.person.label("fold_person"), f.epoch.label("fold_epoch"))
        .select_from(records.outerjoin(episodes, same).outerjoin(losses, told).outerjoin(folds, folded))
        .where(r.device == device)
        .order_by(r.boot, r.seq)
    )  # fmt: skip
    group, name = device.split("/")
    topic = topics.topic(group, name, topics.UP)
    async for row in await connection.stream(query):
        again.records += 1
        again.seqs[row.boot].append(row.seq)
        _compare_record(device, row, read(Received(topic, row.payload), find), again, found)
    without = select(e.boot, e.seq).where(
        e.device == device,
        ~select(r.seq).where(r.device == e.device, r.boot == e.boot, r.seq == e.seq).exists(),
    )
    for boot, seq in await connection.execute(without):
        found.append(Difference(device, TRIP, _at((boot, seq)), "a trip", "no record of it"))
    return again


def _compare_record(device: str, row: Any, now: Any, again: _Read, found: list[Difference]) -> None:
    place = (row.boot, row.seq)

    def differs(what: str, stored: str, computed: str) -> None:
        found.append(Difference(device, what, _at(place), stored, computed))

    if hashlib.sha256(row.payload).digest() != row.hash:
        differs(RECORD, f"hash {row.hash.hex()[:16]}…", "other bytes")
        return
    if not isinstance(now, Arrival):
        if row.parked is None:
            differs(RECORD, "accepted", f"refused: {now.reason}" if isinstance(now, Refusal) else "no record")
        return
    if (row.parked is None) is not (now.parked is None):
        differs(RECORD, _reading(row.parked), _reading(now.parked))
        return
    loss = None if now.loss is None else (now.loss.boot, now.loss.first_seq, now.loss.last_seq)
    stored_loss = None if row.lost_boot is None else (row.lost_boot, row.first_seq, row.last_seq)
    if loss != stored_loss:
        differs(RECORD, f"loss {stored_loss}", f"loss {loss}")
    if loss is not None:
        again.ranges[loss[0]].append(loss[1:])
    if now.folded is not None:
        for boot, *named in now.folded.ranges:
            again.ranges[boot].append((named[0], named[1]))
        if row.fold_epoch is None:
            differs(FOLD, "no row", "a record")
        else:
            again.folds[place] = Fold(row.fold_person, row.fold_epoch, now.folded)
    again.told.add(place, now)
    again.times.add(now)
    if now.episode is None:
        if row.id is not None:
            differs(TRIP, "a trip", "a record of another kind")
        return
    if row.id is None:
        differs(TRIP, "no trip", "a trip")
        return
    of_record = _columns(now.episode)
    for name, value in of_record.items():
        if row._mapping[name] != value:
            differs(TRIP, f"{name} {_text(row._mapping[name])}", f"{name} {_text(value)}")
    episode = now.episode
    again.trips[place] = Trip(
        row.person, episode.pack_id, row.epoch, episode.day, episode.context, episode.counts, revised_by(now)
    )
    again.begun.append((row, now))
    first = None if row.trip_boot is None else (row.trip_boot, row.trip_seq)
    again.stored[place] = Mark(bool(row.superseded), row.counted_epoch, first)


def _date_trips(find: Find, device: str, again: _Read, found: list[Difference]) -> None:
    # When all records are read: any of a boot may be what its trips are dated by.
    for row, now in again.begun:
        place, process = (row.boot, row.seq), find(row.pack_id)
        if process is None or now.episode is None:
            continue
        start_ms, by_boot = again.times.start(now)
        day = day_of(process, start_ms, now.episode.utc_offset_min)
        again.trips[place] = replace(again.trips[place], day=day)
        found += (
            Difference(device, TRIP, _at(place), f"{name} {_text(row._mapping[name])}", f"{name} {_text(value)}")
            for name, value in (("start_ms", start_ms), ("day", day), ("dated_by_boot", by_boot))
            if row._mapping[name] != value
        )


def _columns(episode: Episode) -> dict[str, Any]:
    boot, seq = episode.revises or (None, None)
    return {
        "pack_id": episode.pack_id,
        "utc_offset_min": episode.utc_offset_min,
        "context": episode.context,
        "counts": episode.counts,
        "gates": episode.gates,
        "distance_m": episode.tally.distance_m,
        "revises_boot": boot,
        "revises_seq": seq,
    }


async def _rows(
    connection: AsyncConnection, device: str, table: Table, what: str, expected: dict[Place, dict[str, Any]]
) -> list[Difference]:
    """Compare a table that has a row for each record of its kind."""
    rows = await connection.execute(select(table).where(table.c.device == device))
    stored = {(row.boot, row.seq): row._mapping for row in rows}
    found = []
    for place in sorted(stored.keys() | expected.keys()):
        is_stored, is_expected = stored.get(place), expected.get(place)
        if is_stored is None or is_expected is None:
            there = ("no row", "a record") if is_stored is None else ("a row", "no record of it")
            found.append(Difference(device, what, _at(place), *there))
            continue
        found += (
            Difference(device, what, _at(place), f"{name} {_text(is_stored[name])}", f"{name} {_text(value)}")
            for name, value in is_expected.items()
            if is_stored[name] != value
        )
    return found


def _at(place: Place) -> str:
    return f"boot {place[0]} seq {place[1]}"


def _mark(mark: Mark) -> str:
    counts = "superseded" if mark.superseded else "counts"
    where = "in no epoch" if mark.counted_epoch is None else f"in epoch {mark.counted_epoch}"
    return f"{counts}, {where}" + ("" if mark.first is None else f", of the trip of {_at(mark.first)}")


def _reading(parked: str | None) -> str:
    return "read" if parked is None else f"not read: {parked}"


def _part(name: str, part: Any) -> str:
    return f"{name} {_text(part)}"


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else "nothing" if value is None else str(value)
