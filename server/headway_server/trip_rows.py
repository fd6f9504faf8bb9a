"""The rows of trips, and what they add to their persons' totals of the epoch and of the day; where the records are stored.

What a new trip adds is merged in. Where a correction takes something back out, which a maximum does not allow, the totals
concerned are merged again from the trips that are left.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.episode import DISTANCE
from headway_server import revisions, tally_rows
from headway_server.arrival import Arrival, Episode, Find
from headway_server.database import insert_into
from headway_server.revisions import Changed
from headway_server.tables import day_totals, episodes, person_totals
from headway_server.tally import Tally, merge
from headway_server.tally_rows import Key, day_key, epoch_key


async def insert(
    connection: AsyncConnection, find: Find, stored: list[Arrival], epoch: int, persons: dict[str, str]
) -> dict[str, tuple[int, int]]:
    """Insert the trips among `stored`, which must be new; return {device: (trips, metres)} by how much more there is.

    epoch: the open one. persons: {device: person}. The devices' rows are locked (`device_rows.lock`), so nobody else
    changes these totals.
    """
    new = [(a, a.episode) for a in stored if a.episode is not None]
    if not new:
        return {}
    rows = [_row(a, trip, epoch, persons[a.device]) for a, trip in new]
    await connection.execute(insert_into(connection, episodes), rows)
    changed = await revisions.settle(connection, (a for a, _ in new), epoch)

    days, epochs = _to_merge_again(changed, epoch)
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
    await tally_rows.put(connection, day_totals, await _days_again(connection, find, days))
    await tally_rows.put(connection, person_totals, await _epochs_again(connection, find, epochs, epoch))
    return _more(new, changed)


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


async def _days_again(connection: AsyncConnection, find: Find, keys: set[Key]) -> dict[Key, Tally | None]:
    e = episodes.c
    found: dict[Key, Tally | None] = dict.fromkeys(keys)
    for device in sorted({key[0] for key in keys}):
        days = {key[3] for key in keys if key[0] == device}
        query = select(e.person, e.pack_id, e.day, e.context, e.counts)
        for row in await connection.execute(query.where(e.device == device, e.day.in_(days), e.superseded.is_(False))):
            _merge_trip(find, found, day_key(device, row.person, row.pack_id, row.day, row.context), row.counts)
    return found


async def _epochs_again(connection: AsyncConnection, find: Find, keys: set[Key], epoch: int) -> dict[Key, Tally | None]:
    e = episodes.c
    found: dict[Key, Tally | None] = dict.fromkeys(keys)
    for device in sorted({key[0] for key in keys}):
        query = select(e.person, e.pack_id, e.counts).where(e.device == device, e.counted_epoch == epoch)
        for row in await connection.execute(query):
            _merge_trip(find, found, epoch_key(device, row.person, row.pack_id, epoch), row.counts)
    return found


def _merge_trip(find: Find, found: dict[Key, Tally | None], key: Key, packed: bytes) -> None:
    process = find(key[2])
    if key in found and process is not None:
        numbers = process.numbers(packed)
        found[key] = merge(process, found[key], Tally(1, numbers[DISTANCE], process.totals(numbers)))


def _more(new: list[tuple[Arrival, Episode]], changed: Iterable[Changed]) -> dict[str, tuple[int, int]]:
    more: dict[str, tuple[int, int]] = {}

    def count(device: str, trips: int, distance_m: int) -> None:
        before = more.get(device, (0, 0))
        more[device] = before[0] + trips, before[1] + distance_m

    for a, trip in new:
        count(a.device, 1, trip.tally.distance_m)
    for one in changed:
        if one.days_change:
            count(one.row.device, -1, -one.row.distance_m)
    return more
