"""By which record each boot is dated (`dating`), and what is dated again when a better one comes: trips, incidents and services.

A trip moves to the totals of its new day, unless it is superseded; epochs go by arrival and do not change. Folds keep the
days that they tell.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, delete, or_, select, true, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import record, topics
from headway_server.ingest import tally_rows, told_dates, trip_rows
from headway_server.ingest.arrival import Arrival, Find, Received, read
from headway_server.ingest.dating import Anchor, anchor_of, date
from headway_server.ingest.device_rows import lock
from headway_server.ingest.tally_rows import Key, day_key
from headway_server.packs.processes import Processes
from headway_server.store.database import Database, slices, upsert_into
from headway_server.store.tables import boot_clocks, boots, day_totals, devices, episodes, marks, records
from headway_server.totals.periods import day_of

Boot = tuple[str, int]  # device, boot
Place = tuple[int, int]  # boot, seq
Refresh = Callable[[AsyncConnection], Awaitable[object]]

TO_DATE = "boots to be dated"  # the mark of a database of before, left by its migration
_RECORDS_AT_ONCE = 500


async def learn(
    connection: AsyncConnection, find: Find, refresh: Refresh, arrivals: Iterable[Arrival]
) -> dict[Boot, Anchor]:
    """Take what records that are stored tell of their boots' time; return what the boots of `arrivals` are dated by now.

    What is stored already is dated again where that is better than before. refresh: reads the packs anew, called when a
    trip is of one that `find` does not know. The devices' rows are locked.
    """
    told: dict[Boot, Anchor] = {}
    concerned: set[Boot] = set()
    for a in arrivals:
        concerned.add((a.device, a.boot))
        anchor = anchor_of(a.seq, a.mono_ms, a.wall_ms, a.clock)
        if anchor is not None and anchor.is_better_than(told.get((a.device, a.boot))):
            told[a.device, a.boot] = anchor
    known = await _known(connection, concerned)
    better = {boot: anchor for boot, anchor in told.items() if anchor.is_better_than(known.get(boot))}
    known |= better
    if better:
        await connection.execute(
            upsert_into(connection, boot_clocks, ("device", "boot"), ("seq", "clock", "ahead_ms")),
            [
                {"device": device, "boot": boot, "seq": its.seq, "clock": its.clock, "ahead_ms": its.ahead_ms}
                for (device, boot), its in better.items()
            ],
        )
        begun = await _begun_before(connection, better)
        if begun:
            await _date_again(connection, find, refresh, begun, _MAY_CHANGE)
            await told_dates.date_again(connection, begun)
    return known


def dated(arrival: Arrival, anchor: Anchor | None, find: Find) -> Arrival:
    """Return `arrival` with its trip, incident or service, if it is of one, dated. anchor: of its boot."""
    trip = arrival.episode
    if anchor is None or arrival.mono_ms is None:
        return arrival
    if trip is None:
        return told_dates.dated(arrival, anchor)
    start_ms, by_boot = date(arrival.mono_ms, arrival.wall_ms, arrival.clock, trip.ago_ms, anchor)
    process = find(trip.pack_id)
    assert process is not None  # noqa: S101 - it was found when the trip was read
    day = day_of(process, start_ms, trip.utc_offset_min)
    return replace(arrival, episode=replace(trip, start_ms=start_ms, day=day, dated_by_boot=by_boot))


async def _known(connection: AsyncConnection, of: set[Boot]) -> dict[Boot, Anchor]:
    known: dict[Boot, Anchor] = {}
    for some in slices(sorted(of)):
        rows = await connection.execute(_CLOCKS, {"boots": some})
        known.update({(row.device, row.boot): Anchor(row.seq, row.clock, row.ahead_ms) for row in rows})
    return known


async def _begun_before(connection: AsyncConnection, anchors: dict[Boot, Anchor]) -> dict[Boot, Anchor]:
    # Of a boot that begins with the batch under way nothing was stored with another date; most are that.
    found: dict[Boot, Anchor] = {}
    for some in slices(sorted(anchors)):
        rows = await connection.execute(_BEGUN, {"boots": some})
        found.update({(device, boot): anchors[device, boot] for device, boot in rows})
    return found


_BOOTS: BindParameter[tuple[str, int]] = bindparam("boots", expanding=True)
_CLOCKS = select(boot_clocks).where(tuple_(boot_clocks.c.device, boot_clocks.c.boot).in_(_BOOTS))
_BEGUN = select(boots.c.device, boots.c.boot).where(tuple_(boots.c.device, boots.c.boot).in_(_BOOTS))

_e, _r = episodes.c, records.c
# A synced trip keeps its own date; one whose time cannot be has none, whatever its clock is said to be.
_MAY_CHANGE = or_(_e.clock < record.SYNCED, _e.start_ms.is_(None), _e.dated_by_boot)
_OF_BOOTS = (
    select(
        _e.id, _e.device, _e.boot, _e.person, _e.pack_id, _e.context, _e.superseded, _e.start_ms, _e.day, _e.dated_by_boot,
        _e.utc_offset_min, _r.payload,
    )
    .join(records, and_(_r.device == _e.device, _r.boot == _e.boot, _r.seq == _e.seq))
    .where(tuple_(_e.device, _e.boot).in_(_BOOTS))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Date:
    row: Any  # of `episodes`, as it was
    start_ms: int | None
    day: int
    by_boot: bool


async def _date_again(
    connection: AsyncConnection,
    find: Find,
    refresh: Refresh,
    anchors: Mapping[Boot, Anchor | None],
    which: ColumnElement[bool],
) -> None:
    query = _OF_BOOTS.where(which)
    changed: list[_Date] = []
    for some in slices(sorted(anchors)):
        for row in (await connection.execute(query, {"boots": some})).all():
            if find(row.pack_id) is None:
                await refresh(connection)
            process = find(row.pack_id)
            if process is None:
                continue  # its pack was taken out of the database by hand
            its = record.decode(row.payload)
            ago_ms = record.parse_episode(its.body)[1]
            start_ms, by_boot = date(its.mono_ms, its.wall_ms, its.clock, ago_ms, anchors[row.device, row.boot])
            if (start_ms, by_boot) != (row.start_ms, row.dated_by_boot):
                day = day_of(process, start_ms, row.utc_offset_min)
                changed.append(_Date(row, start_ms, day, by_boot))
    await _put(connection, find, changed)


async def _put(connection: AsyncConnection, find: Find, changed: list[_Date]) -> None:
    if not changed:
        return
    await connection.execute(
        update(episodes)
        .where(episodes.c.id == bindparam("of"))
        .values(start_ms=bindparam("began_ms"), day=bindparam("on"), dated_by_boot=bindparam("by_boot")),
        [{"of": c.row.id, "began_ms": c.start_ms, "on": c.day, "by_boot": c.by_boot} for c in changed],
    )
    days: set[Key] = set()
    for c in changed:
        if c.day != c.row.day and not c.row.superseded:
            days |= {
                day_key(c.row.device, c.row.person, c.row.pack_id, day, c.row.context) for day in (c.row.day, c.day)
            }
    await tally_rows.put(connection, day_totals, await trip_rows.days_again(connection, find, days))


async def date_all(database: Database, processes: Processes, now: int) -> int:
    """Date the boots of a database of before, once; return how many devices were looked at. now: Unix ms.

    To be called at the start. What is done stays done if it is interrupted, and is not harmed by being done again, also by
    several servers.
    """
    async with database.read() as connection:
        if (await connection.execute(select(marks.c.name).where(marks.c.name == TO_DATE))).first() is None:
            return 0
        names = list((await connection.execute(select(devices.c.device).order_by(devices.c.device))).scalars())
    for device in names:
        after = (0, 0)
        boots: set[Boot] = set()
        while True:
            async with database.write() as connection:
                await lock(connection, [device], now)
                arrivals, after = await _records_after(connection, processes.find, device, after)
                if not arrivals:
                    break
                boots |= {(device, a.boot) for a in arrivals}
                await learn(connection, processes.find, processes.refresh, arrivals)
        for boot in sorted(boots):
            async with database.write() as connection:
                await lock(connection, [device], now)
                known = await _known(connection, {boot})
                await _date_again(connection, processes.find, processes.refresh, {boot: known.get(boot)}, true())
                await told_dates.date_again(connection, {boot: known.get(boot)})
    async with database.write() as connection:
        await connection.execute(delete(marks).where(marks.c.name == TO_DATE))
    return len(names)


async def _records_after(
    connection: AsyncConnection, find: Find, device: str, after: Place
) -> tuple[list[Arrival], Place]:
    # Without those that are refused now; none when there are no more.
    r = records.c
    found: list[Arrival] = []
    group, name = device.split("/")
    while not found:
        query = select(r.boot, r.seq, r.payload).where(r.device == device, tuple_(r.boot, r.seq) > after)
        rows = (await connection.execute(query.order_by(r.boot, r.seq).limit(_RECORDS_AT_ONCE))).all()
        if not rows:
            break
        after = (rows[-1].boot, rows[-1].seq)
        read_again = (read(Received(topics.topic(group, name, topics.UP), row.payload), find) for row in rows)
        found = [a for a in read_again if isinstance(a, Arrival)]
    return found, after
