"""Corrections: which of the records of one trip counts.

A record may say that it revises an earlier one of its device. All records of a pack that follow from one another that way
are one trip; the latest of them, by (boot, seq), counts, and the others are superseded. So it does not matter in which
order they come, or whether the first is there at all. A record that says it revises itself or a later one revises none:
there are no circles. What was no trip, or one of another pack, has no place that could be taken: such a record counts as
a trip by itself.

An epoch that is closed never changes. So a trip that has a record in a closed epoch counts there as it was known then,
and not in the open one; its days have the correction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest.arrival import Arrival
from headway_server.store.database import slices
from headway_server.store.tables import episodes

Place = tuple[int, int]  # boot, seq
Group = tuple[str, bytes, Place]  # device, pack id, first record of the trip as far as is known

_e = episodes.c
CHANGED_COLUMNS = (  # of the row of a `Changed`
    _e.id, _e.device, _e.boot, _e.seq, _e.person, _e.pack_id, _e.day, _e.context, _e.epoch, _e.distance_m, _e.superseded,
    _e.counted_epoch,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changed:
    """An episode that counts otherwise than before, or than a new one by itself would."""

    row: Any  # of `episodes`, as it was
    superseded: bool
    counted_epoch: int | None

    @property
    def days_change(self) -> bool:
        """Whether the totals of its day change."""
        return self.superseded is not bool(self.row.superseded)

    @property
    def epoch_changes(self) -> bool:
        """Whether the totals of the open epoch change."""
        return bool(self.counted_epoch != self.row.counted_epoch)


def revised_by(arrival: Arrival) -> Place | None:
    """Return which record an arrival revises, None if it revises none."""
    if arrival.episode is None or arrival.episode.revises is None:
        return None
    return arrival.episode.revises if arrival.episode.revises < (arrival.boot, arrival.seq) else None


async def settle(connection: AsyncConnection, new: Iterable[Arrival], epoch: int) -> list[Changed]:
    """Find out which records are one trip now that the episodes `new` are stored, mark them, and return what changed.

    epoch: the open one. The devices' rows are locked.
    """
    groups: set[Group] = set()
    arrivals = list(new)
    for arrival in arrivals:
        revised = revised_by(arrival)
        if revised is not None and arrival.episode is not None:
            groups = await _join(connection, groups, arrival.device, arrival.episode.pack_id,
                                 (arrival.boot, arrival.seq), revised)  # fmt: skip
    groups |= await _awaited(connection, arrivals)
    changed: list[Changed] = []
    for group in sorted(groups):
        changed += await _judge(connection, group, epoch)
    if changed:
        await connection.execute(
            MARK, [{"of": c.row.id, "now": c.superseded, "counts_in": c.counted_epoch} for c in changed]
        )
    return changed


MARK = (
    update(episodes)
    .where(episodes.c.id == bindparam("of"))
    .values(superseded=bindparam("now"), counted_epoch=bindparam("counts_in"))
)


def _of(device: str, pack_id: bytes) -> ColumnElement[bool]:
    return and_(episodes.c.device == device, episodes.c.pack_id == pack_id)


def _is(place: Place) -> ColumnElement[bool]:
    return and_(episodes.c.boot == place[0], episodes.c.seq == place[1])


def _begins_with(first: Place) -> ColumnElement[bool]:
    return and_(episodes.c.trip_boot == first[0], episodes.c.trip_seq == first[1])


async def _join(
    connection: AsyncConnection, groups: set[Group], device: str, pack_id: bytes, revision: Place, revised: Place
) -> set[Group]:
    """Make one trip of the one that `revision` belongs to and the one that `revised` belongs to, or would if it came."""
    e = episodes.c
    query = select(e.boot, e.seq, e.trip_boot, e.trip_seq).where(_of(device, pack_id), or_(_is(revision), _is(revised)))
    first = {
        (boot, seq): (boot, seq) if trip_boot is None else (trip_boot, trip_seq)
        for boot, seq, trip_boot, trip_seq in await connection.execute(query)
    }
    before, after = first[revision], first.get(revised, revised)
    # Two statements: with one, SQLite would read all of the device's trips.
    for which in (or_(_is(revision), _is(revised)), _begins_with(before)):
        await connection.execute(
            update(episodes).where(_of(device, pack_id), which).values(trip_boot=after[0], trip_seq=after[1])
        )
    return (groups - {(device, pack_id, before)}) | {(device, pack_id, after)}


_AWAITED = (
    select(_e.device, _e.pack_id, _e.trip_boot, _e.trip_seq)
    .where(
        _e.device.in_(bindparam("names", expanding=True)),
        _e.trip_boot.is_not(None),
        tuple_(_e.device, _e.trip_boot, _e.trip_seq).in_(bindparam("firsts", expanding=True)),
    )
    .distinct()
)


async def _awaited(connection: AsyncConnection, new: list[Arrival]) -> set[Group]:
    """The trips whose first record is among `new` and whose later ones were here before it."""
    packs = {(a.device, a.boot, a.seq): a.episode.pack_id for a in new if a.episode is not None}
    found: set[Group] = set()
    for some in slices(sorted(packs)):
        names = sorted({device for device, _, _ in some})
        for device, pack_id, boot, seq in await connection.execute(_AWAITED, {"names": names, "firsts": some}):
            if packs[device, boot, seq] == pack_id:
                found.add((device, pack_id, (boot, seq)))
    for device, pack_id, place in found:
        await connection.execute(
            update(episodes).where(_of(device, pack_id), _is(place)).values(trip_boot=place[0], trip_seq=place[1])
        )
    return found


async def _judge(connection: AsyncConnection, group: Group, epoch: int) -> list[Changed]:
    """Decide which record of a trip counts. Who is superseded stays it: later ones only come after."""
    e = episodes.c
    device, pack_id, first = group
    members = and_(_of(device, pack_id), _begins_with(first))
    query = select(*CHANGED_COLUMNS).where(members, e.superseded.is_(False))
    counting = sorted(await connection.execute(query), key=lambda row: (row.boot, row.seq))
    first_epoch = (await connection.execute(select(func.min(e.epoch)).where(members))).scalar_one()
    changed = []
    for row in counting:
        superseded = row is not counting[-1]
        counted_epoch = row.counted_epoch
        if row.epoch == epoch:
            counted_epoch = None if superseded or first_epoch < epoch else epoch
        if (superseded, counted_epoch) != (bool(row.superseded), row.counted_epoch):
            changed.append(Changed(row, superseded, counted_epoch))
    return changed
