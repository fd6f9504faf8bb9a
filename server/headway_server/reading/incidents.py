"""Reading the store: incidents, for the API and the pages; and which of them may stand beside other persons'.

Incidents of days of a wearable are about health. The pages of the fleet list none of them, only how many there are; nor any of
a pack that this server does not know, for it might be such a one. What a device tells of itself goes by the pack it runs.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.packs.processes import Processes
from headway_server.store.tables import day_totals, devices, incidents


def shown_together(processes: Processes) -> ColumnElement[bool]:
    """Return the condition, on incidents joined with their devices, under which one may be listed beside others'."""
    of_trips = [known.process.id for known in processes.all() if known.process.pack.kind != "day"]
    i, d = incidents.c, devices.c
    return or_(i.pack_id.in_(of_trips), and_(i.pack_id.is_(None), d.pack_id.in_(of_trips)))


async def listed(
    connection: AsyncConnection,
    *,
    is_open: bool | None = None,
    device: str | None = None,
    person: str | None = None,
    only: ColumnElement[bool] | None = None,
    before: int | None = None,
    limit: int,
) -> list[Row[Any]]:
    """Return up to `limit` incidents, the last committed first.

    is_open: only those that are open, or closed. only: as `shown_together` gives it. before: those committed before the one
    with that id.
    """
    i = incidents.c
    query = select(incidents).order_by(i.id.desc()).limit(limit)
    if is_open is not None:
        query = query.where(_is_open(is_open))
    if device is not None:
        query = query.where(i.device == device)
    if person is not None:
        query = query.where(i.person == person)
    if only is not None:
        query = query.join(devices, devices.c.device == i.device).where(only)
    if before is not None:
        query = query.where(i.id < before)
    return list(await connection.execute(query))


async def counted(
    connection: AsyncConnection, *, is_open: bool | None = None, only: ColumnElement[bool] | None = None
) -> int:
    """Return how many there are; the arguments are those of `listed`."""
    query = select(func.count()).select_from(incidents)
    if is_open is not None:
        query = query.where(_is_open(is_open))
    if only is not None:
        query = query.join(devices, devices.c.device == incidents.c.device).where(only)
    return int((await connection.execute(query)).scalar_one())


async def with_trips(connection: AsyncConnection, persons: Iterable[str]) -> set[str]:
    """Return those of `persons` that have trips, and so a page of their own."""
    t = day_totals.c
    return set((await connection.execute(select(t.person).where(t.person.in_(sorted(persons))).distinct())).scalars())


def _is_open(is_open: bool) -> ColumnElement[bool]:
    i = incidents.c
    return i.closed_by_boot.is_(None) if is_open else i.closed_by_boot.is_not(None)


def took_ms(row: Row[Any]) -> int | None:
    """Return the time to restore; None while it is open, and where the clock was never set or put back between."""
    if row.opened_ms is None or row.closed_ms is None or row.closed_ms < row.opened_ms:
        return None
    return int(row.closed_ms - row.opened_ms)
