"""Reading what the store has of a person: days, epochs, packs and cohorts; nothing here writes."""

from typing import Any

from sqlalchemy import Row, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.cohorts.epochs import UNKNOWN_COHORT
from headway_server.ingest.tally_rows import tally_of
from headway_server.publishing.publications import Cohort
from headway_server.store.tables import day_totals, devices, episodes, month_totals, person_totals
from headway_server.totals.tally import Tally

_DAY_MS = 86_400_000

_of_cohort = func.coalesce(devices.c.vehicle_class, UNKNOWN_COHORT)


async def cohorts_of(connection: AsyncConnection, person: str) -> list[Cohort]:
    """Return the cohorts that a person's devices are in, each with the pack the device runs."""
    d = devices.c
    query = select(d.vehicle_class, d.pack_id).where(d.person == person, d.vehicle_class.is_not(None)).distinct()
    return [(cohort, pack_id) for cohort, pack_id in await connection.execute(query)]


async def packs_of(connection: AsyncConnection, person: str) -> list[bytes]:
    """Return the ids of the packs that a person has trips of, the one with most first."""
    each = union_all(
        *(
            select(table.c.pack_id, table.c.trips).where(table.c.person == person)
            for table in (day_totals, month_totals)
        )
    ).subquery()
    query = select(each.c.pack_id).group_by(each.c.pack_id).order_by(func.sum(each.c.trips).desc(), each.c.pack_id)
    return list((await connection.execute(query)).scalars())


async def days_of(
    connection: AsyncConnection,
    person: str,
    pack_id: bytes,
    *,
    first: int | None = None,
    before: int | None = None,
    cohort: str | None = None,
) -> list[tuple[int, int, Tally]]:
    """Return a person's (day, context, tally), ... of a pack, one for each device.

    first, before: from the day `first` on, before the day `before`. cohort: of devices of that vehicle class only.
    """
    t = day_totals.c
    query = select(t.day, t.context, t.trips, t.distance_m, t.totals).where(t.person == person, t.pack_id == pack_id)
    if first is not None:
        query = query.where(t.day >= first)
    if before is not None:
        query = query.where(t.day < before)
    if cohort is not None:
        query = query.join(devices, devices.c.device == t.device).where(_of_cohort == cohort)
    return [(row.day, row.context, tally_of(row)) for row in await connection.execute(query.order_by(t.day))]


async def folded_months_of(
    connection: AsyncConnection, person: str, pack_id: bytes, *, before: int | None = None
) -> list[tuple[int, int, Tally]]:
    """Return the (first day, context, tally), ... of months that a full device folded: those trips are in no day.

    before: of months that begin before that day.
    """
    t = month_totals.c
    query = select(t.day, t.context, t.trips, t.distance_m, t.totals).where(t.person == person, t.pack_id == pack_id)
    if before is not None:
        query = query.where(t.day < before)
    return [(row.day, row.context, tally_of(row)) for row in await connection.execute(query.order_by(t.day))]


async def epochs_of(connection: AsyncConnection, person: str, pack_id: bytes, numbers: list[int]) -> list[Row[Any]]:
    """Return a person's (epoch, cohort, trips, distance_m, totals), ... of a pack in `numbers`, one for each device."""
    t = person_totals.c
    # By device, which is what the rows are found by.
    drove = union_all(
        *(
            select(table.c.device).where(table.c.person == person, table.c.pack_id == pack_id)
            for table in (day_totals, month_totals)
        )
    )
    query = (
        select(t.epoch, _of_cohort.label("cohort"), t.trips, t.distance_m, t.totals)
        .join(devices, devices.c.device == t.device)
        .where(t.epoch.in_(numbers), t.device.in_(drove), t.person == person, t.pack_id == pack_id)
        .order_by(t.epoch, t.device)
    )
    return list(await connection.execute(query))


async def utc_offset_of(connection: AsyncConnection, person: str) -> int:
    """Return the offset of a person's local time in minutes, as their last trip to be committed said; 0 if none did."""
    e = episodes.c
    theirs = select(devices.c.device).where(devices.c.person == person)
    last = select(func.max(e.id)).where(e.device.in_(theirs)).scalar_subquery()
    return (await connection.execute(select(e.utc_offset_min).where(e.id == last))).scalar_one_or_none() or 0


async def today_of(connection: AsyncConnection, person: str, now_ms: int) -> int:
    """Return the day that it is in a person's local time, as `periods` counts days. now_ms: Unix time."""
    return (now_ms + 60_000 * await utc_offset_of(connection, person)) // _DAY_MS
