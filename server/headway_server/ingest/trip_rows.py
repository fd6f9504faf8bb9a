"""The rows of trips, and what they add to their persons' totals of the epoch and of the day; where the records are stored.

What a new trip adds is merged in. Where a correction takes something back out, which a maximum does not allow, the totals
concerned are merged again from the trips that are left.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.episode import DISTANCE
from headway_protocol.fold import DAY_SPAN
from headway_server.ingest import fold_rows, revisions, tally_rows
from headway_server.ingest.arrival import Arrival, Episode, Find
from headway_server.ingest.fold_table import Stored, stored_of
from headway_server.ingest.revisions import Changed
from headway_server.ingest.tally_rows import Key, day_key, epoch_key, tally_of
from headway_server.store.database import insert_into
from headway_server.store.tables import day_totals, episodes, folds, month_totals, person_totals
from headway_server.totals.tally import Tally, merge


async def insert(
    connection: AsyncConnection, find: Find, stored: list[Arrival], epoch: int, persons: dict[str, str]
) -> dict[str, tuple[int, int]]:
    """Insert the trips and folds among `stored`, which must be new; return {device: (trips, metres)} by how much more there is.

    epoch: the open one. persons: {device: person}. The devices' rows are locked (`device_rows.lock`), so nobody else
    changes these totals.
    """
    new = [(a, a.episode) for a in stored if a.episode is not None]
    new_folds = [(a, a.folded) for a in stored if a.folded is not None]
    if not new and not new_folds:
        return {}
    changed = []
    if new:
        rows = [_row(a, trip, epoch, persons[a.device]) for a, trip in new]
        await connection.execute(insert_into(connection, episodes), rows)
        changed = await revisions.settle(connection, (a for a, _ in new), epoch)
    settled = await fold_rows.settle(connection, find, (a for a, _ in new), new_folds, epoch, persons)
    changed += settled.trips

    days, epochs = _to_merge_again(changed, epoch)
    months = _add_folds(settled.before + settled.after, epoch, days, epochs)
    added_days: dict[Key, Tally] = {}
    added_epochs: dict[Key, Tally] = {}
    for a, trip in new:
        owner = (a.device, persons[a.device], trip.pack_id)
        for added, again, key in (
            (added_days, days, day_key(*owner, trip.day, trip.context)),
            (added_epochs, epochs, epoch_key(*owner, epoch)),
        ):
            if key not in again:
                process = find(trip.pack_id)
                assert process is not None  # noqa: S101 - it was found when the trip was read
                added[key] = merge(process, added.get(key), trip.tally)
    await tally_rows.add(connection, find, day_totals, added_days)
    await tally_rows.add(connection, find, person_totals, added_epochs)
    await tally_rows.put(connection, day_totals, await days_again(connection, find, days))
    await tally_rows.put(connection, month_totals, await _months_again(connection, find, months))
    await tally_rows.put(connection, person_totals, await _epochs_again(connection, find, epochs, epoch))
    return _more(new, changed, settled)


def _row(a: Arrival, trip: Episode, epoch: int, person: str) -> dict[str, Any]:
    boot, seq = trip.revises or (None, None)
    return {
        "device": a.device,
        "boot": a.boot,
        "seq": a.seq,
        "person": person,
        "pack_id": trip.pack_id,
        "epoch": epoch,
        "start_ms": trip.start_ms,
        "dated_by_boot": trip.dated_by_boot,
        "utc_offset_min": trip.utc_offset_min,
        "day": trip.day,
        "context": trip.context,
        "clock": a.clock,
        "counts": trip.counts,
        "gates": trip.gates,
        "distance_m": trip.tally.distance_m,
        "revises_boot": boot,
        "revises_seq": seq,
        "superseded": False,
        "counted_epoch": epoch,
    }


def _to_merge_again(changed: Iterable[Changed], epoch: int) -> tuple[set[Key], set[Key]]:
    days, epochs = set(), set()
    for one in changed:
        row = one.row
        if one.days_change:
            days.add(day_key(row.device, row.person, row.pack_id, row.day, row.context))
        if one.epoch_changes:
            epochs.add(epoch_key(row.device, row.person, row.pack_id, epoch))
    return days, epochs


def _add_folds(changed: Iterable[Stored], epoch: int, days: set[Key], epochs: set[Key]) -> set[Key]:
    # What folds change is always merged again. Returns the months.
    months: set[Key] = set()
    for its in changed:
        owner = (its.device, its.person, its.pack_id)
        (days if its.span == DAY_SPAN else months).add(day_key(*owner, its.day, its.context))
        if its.counted_epoch == epoch:
            epochs.add(epoch_key(*owner, epoch))
    return months


async def days_again(connection: AsyncConnection, find: Find, keys: set[Key]) -> dict[Key, Tally | None]:
    """Return what the trips and folds of days add up to that count now, None where there are none left."""
    e = episodes.c
    found: dict[Key, Tally | None] = dict.fromkeys(keys)
    for device in sorted({key[0] for key in keys}):
        days = {key[3] for key in keys if key[0] == device}
        query = select(e.person, e.pack_id, e.day, e.context, e.counts)
        for row in await connection.execute(query.where(e.device == device, e.day.in_(days), e.superseded.is_(False))):
            _merge_trip(find, found, day_key(device, row.person, row.pack_id, row.day, row.context), row.counts)
    await _merge_folds(connection, find, found, folds.c.span == DAY_SPAN)
    return found


async def _months_again(connection: AsyncConnection, find: Find, keys: set[Key]) -> dict[Key, Tally | None]:
    found: dict[Key, Tally | None] = dict.fromkeys(keys)
    await _merge_folds(connection, find, found, folds.c.span != DAY_SPAN)
    return found


async def _merge_folds(
    connection: AsyncConnection, find: Find, found: dict[Key, Tally | None], which: ColumnElement[bool]
) -> None:
    f = folds.c
    for device in sorted({key[0] for key in found}):
        days = {key[3] for key in found if key[0] == device}
        query = select(f.person, f.pack_id, f.day, f.context, f.trips, f.distance_m, f.totals)
        query = query.where(f.device == device, f.day.in_(days), f.superseded.is_(False), which)
        for row in await connection.execute(query):
            _merge_tally(find, found, day_key(device, row.person, row.pack_id, row.day, row.context), tally_of(row))


async def _epochs_again(connection: AsyncConnection, find: Find, keys: set[Key], epoch: int) -> dict[Key, Tally | None]:
    e = episodes.c
    found: dict[Key, Tally | None] = dict.fromkeys(keys)
    for device in sorted({key[0] for key in keys}):
        query = select(e.person, e.pack_id, e.counts).where(e.device == device, e.counted_epoch == epoch)
        for row in await connection.execute(query):
            _merge_trip(find, found, epoch_key(device, row.person, row.pack_id, epoch), row.counts)
        for folded in await connection.execute(
            select(folds).where(folds.c.device == device, folds.c.counted_epoch == epoch)
        ):
            its = stored_of(folded)
            if its.counted is not None:
                _merge_tally(find, found, epoch_key(device, its.person, its.pack_id, epoch), its.counted)
    return found


def _merge_trip(find: Find, found: dict[Key, Tally | None], key: Key, packed: bytes) -> None:
    process = find(key[2])
    if key in found and process is not None:
        numbers = process.numbers(packed)
        found[key] = merge(process, found[key], Tally(1, numbers[DISTANCE], process.totals(numbers)))


def _merge_tally(find: Find, found: dict[Key, Tally | None], key: Key, tally: Tally) -> None:
    process = find(key[2])
    if key in found and process is not None:
        found[key] = merge(process, found[key], tally)


def _more(
    new: list[tuple[Arrival, Episode]], changed: Iterable[Changed], settled: fold_rows.Settled
) -> dict[str, tuple[int, int]]:
    more: dict[str, tuple[int, int]] = {}

    def count(device: str, trips: int, distance_m: int) -> None:
        before = more.get(device, (0, 0))
        more[device] = before[0] + trips, before[1] + distance_m

    for a, trip in new:
        count(a.device, 1, trip.tally.distance_m)
    for one in changed:
        if one.days_change:
            count(one.row.device, -1, -one.row.distance_m)
    for sign, those in ((-1, settled.before), (1, settled.after)):
        for its in those:
            if not its.superseded:
                count(its.device, sign * its.tally.trips, sign * its.tally.distance_m)
    return more
