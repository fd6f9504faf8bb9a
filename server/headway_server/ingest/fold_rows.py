"""Folds: which records count no more because a later one stands in their place, in whatever order they come.

A record that a fold names counts no more, nor does any record of the same trip (`revisions`), nor a fold that another one
names, or names all of. Only records of the same device and pack are meant. What a fold names may come before it, after it,
or never. The ranges are kept, so that it is known of a record that comes late.

An epoch that is closed never changes: what a fold names and is in the totals of one stays there, and is taken out of what the
fold adds to the open epoch. Out of a highest or lowest value nothing can be taken.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.episode import DISTANCE
from headway_edge.core.process import Process
from headway_protocol.fold import named
from headway_server.ingest import fold_table
from headway_server.ingest.arrival import Arrival, Find
from headway_server.ingest.fold_table import Ranges, Stored
from headway_server.ingest.folded import Folded, Range
from headway_server.ingest.revisions import CHANGED_COLUMNS, MARK, Changed, Place
from headway_server.store.database import slices
from headway_server.store.tables import episodes, fold_ranges
from headway_server.totals.tally import Tally, less


@dataclass(frozen=True, slots=True)
class Settled:
    """What changed. trips: that count no more. before, after: folds that are new or count otherwise, as they were and are.

    Of a new fold there is nothing in `before`.
    """

    trips: list[Changed]
    before: list[Stored]
    after: list[Stored]


async def settle(
    connection: AsyncConnection,
    find: Find,
    new_trips: Iterable[Arrival],
    new_folds: list[tuple[Arrival, Folded]],
    epoch: int,
    persons: Mapping[str, str],
) -> Settled:
    """Store the folds, find out what counts no more now that they and the trips are stored, and mark it.

    epoch: the open one. The devices' rows are locked; corrections among the trips are settled (`revisions.settle`).
    """
    await fold_table.insert(connection, new_folds, epoch, persons)
    places: defaultdict[str, list[Place]] = defaultdict(list)
    for a in new_trips:
        places[a.device].append((a.boot, a.seq))
    concerned = {a.device for a, _ in new_folds}
    for some in slices(sorted(places.keys() - concerned)):
        concerned |= set((await connection.execute(_WITH_FOLDS, {"names": some})).scalars())
    settled = Settled([], [], [])
    for device in sorted(concerned):
        mine = {(a.boot, a.seq) for a, _ in new_folds if a.device == device}
        await _settle_device(connection, find, _Device(device, places[device], mine, epoch), settled)
    return settled


_WITH_FOLDS = (
    select(fold_ranges.c.device).where(fold_ranges.c.device.in_(bindparam("names", expanding=True))).distinct()
)


@dataclass(frozen=True, slots=True)
class _Known:
    """Of a device: its folds, what they name, and the trips that are concerned, whole, by (pack id, first record)."""

    folds: dict[Place, Stored]
    ranges: Ranges
    trips: Mapping[tuple[bytes, Place], list[Any]]


@dataclass(frozen=True, slots=True)
class _Device:
    device: str
    trips: list[Place]  # that are new, as are the folds
    folds: set[Place]
    epoch: int


async def _settle_device(connection: AsyncConnection, find: Find, new: _Device, settled: Settled) -> None:
    stored = await fold_table.stored(connection, new.device)
    ranges = await fold_table.ranges(connection, new.device)
    by_trip = await _trips_near(connection, new.device, new.trips, new.folds)
    judged = new.folds
    if any(row.trip_boot is not None for rows in by_trip.values() for row in rows):
        # What is one trip now may not have been when a fold of this epoch came that names a part of it.
        judged = judged | {place for place, its in stored.items() if its.epoch == new.epoch}
        by_trip = await _trips_near(connection, new.device, new.trips, judged)
    changed = []
    for (pack_id, first), members in by_trip.items():
        at = [first, *((row.boot, row.seq) for row in members)]
        if any(_is_named(stored, ranges, pack_id, place) for place in at):
            for row in members:
                counted = None if row.counted_epoch == new.epoch else row.counted_epoch
                if not row.superseded:
                    changed.append(Changed(row, superseded=True, counted_epoch=counted))
    if changed:
        await connection.execute(
            MARK, [{"of": c.row.id, "now": c.superseded, "counts_in": c.counted_epoch} for c in changed]
        )
    settled.trips.extend(changed)
    known = _Known(stored, ranges, by_trip)
    found = _judge(find, known, judged, new.epoch)
    found = {place: its for place, its in found.items() if place in new.folds or its != stored[place]}
    if found:
        await fold_table.put_marks(connection, found.values())
    settled.before.extend(stored[place] for place in found if place not in new.folds)
    settled.after.extend(found.values())


def _is_named(stored: Mapping[Place, Stored], ranges: Ranges, pack_id: bytes, place: Place) -> bool:
    return any(its.pack_id == pack_id and named(ranges[by], *place) for by, its in stored.items())


def _judge(find: Find, known: _Known, judged: set[Place], epoch: int) -> dict[Place, Stored]:
    """Decide how folds count, and those in whose place they stand. judged: new ones, and others of the open epoch."""
    stored, ranges = known.folds, known.ranges
    changed: dict[Place, Stored] = {}
    for place in sorted(judged):
        its = stored[place]
        same = {at: other for at, other in stored.items() if other.pack_id == its.pack_id and at != place}
        under = [at for at in same if at < place and takes_place(ranges[place], at, ranges[at])]
        if any(at > place and takes_place(ranges[at], place, ranges[place]) for at in same):
            changed[place] = replace(its, superseded=True, counted_epoch=None, counted=None)
        elif (process := find(its.pack_id)) is not None:
            counted = its.tally
            for closed in _in_closed_epochs(process, epoch, its, ranges[place], known.trips):
                counted = less(process, counted, closed)
            for at in under:
                earlier = stored[at]
                if earlier.counted is not None and earlier.counted_epoch != epoch:
                    counted = less(process, counted, earlier.counted)
            counts = counted.trips > 0
            changed[place] = replace(its, counted_epoch=epoch if counts else None, counted=counted if counts else None)
        for at in under:
            earlier = changed.get(at, stored[at])
            if not earlier.superseded:
                now = earlier.counted_epoch == epoch
                changed[at] = replace(
                    earlier,
                    superseded=True,
                    counted_epoch=None if now else earlier.counted_epoch,
                    counted=None if now else earlier.counted,
                )
    return changed


def takes_place(ranges: list[Range], at: Place, its: list[Range]) -> bool:
    """Whether a fold that names `ranges` stands in the place of an earlier one at `at` that names `its`."""
    return named(ranges, *at) or all(_is_within(part, ranges) for part in its)


def _is_within(part: Range, ranges: list[Range]) -> bool:
    # Ranges of one fold are apart from each other, so one of them has it all.
    return any(boot == part[0] and first <= part[1] and part[2] <= last for boot, first, last in ranges)


def _in_closed_epochs(
    process: Process, epoch: int, its: Stored, ranges: list[Range], by_trip: Mapping[tuple[bytes, Place], list[Any]]
) -> Iterable[Tally]:
    for (pack_id, first), members in by_trip.items():
        if pack_id == its.pack_id and any(named(ranges, *at) for at in (first, *((r.boot, r.seq) for r in members))):
            for row in members:
                if row.counted_epoch is not None and row.counted_epoch != epoch:
                    numbers = process.numbers(row.counts)
                    yield Tally(1, numbers[DISTANCE], process.totals(numbers))


async def _trips_near(
    connection: AsyncConnection, device: str, trips: Iterable[Place], of_folds: Iterable[Place]
) -> dict[tuple[bytes, Place], list[Any]]:
    """The trips that records `trips` belong to or that folds name, whole: {(pack id, first record as known): rows}."""
    e, f = episodes.c, fold_ranges.c
    columns = select(*CHANGED_COLUMNS, e.counts, e.trip_boot, e.trip_seq)
    rows: dict[int, Any] = {}
    for some in slices(sorted(trips)):
        query = columns.where(e.device == device, tuple_(e.boot, e.seq).in_(some))
        rows.update({row.id: row for row in await connection.execute(query)})
    for boot, seq in sorted(of_folds):
        told = and_(f.device == device, f.told_boot == boot, f.told_seq == seq, e.device == f.device)
        for at_boot, at_seq in ((e.boot, e.seq), (e.trip_boot, e.trip_seq)):
            within = and_(told, e.pack_id == f.pack_id, at_boot == f.boot, at_seq.between(f.first_seq, f.last_seq))
            rows.update({row.id: row for row in await connection.execute(columns.join(fold_ranges, within))})
    for some in slices(sorted({(row.trip_boot, row.trip_seq) for row in rows.values() if row.trip_boot is not None})):
        query = columns.where(e.device == device, e.trip_boot.is_not(None), tuple_(e.trip_boot, e.trip_seq).in_(some))
        rows.update({row.id: row for row in await connection.execute(query)})
    found: defaultdict[tuple[bytes, Place], list[Any]] = defaultdict(list)
    for _, row in sorted(rows.items()):
        first = (row.boot, row.seq) if row.trip_boot is None else (row.trip_boot, row.trip_seq)
        found[row.pack_id, first].append(row)
    return found
