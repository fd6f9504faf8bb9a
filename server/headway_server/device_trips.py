"""A device's trips as it closed them, one after the other: what its series took, in the order in which they took it.

A correction of a day's reports changes no series on a device, so of a trip that was corrected the first record is given. What
never came is not there: where records were lost, or folded into days, a device's series have seen more than this.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.episode import ELAPSED
from headway_edge.core.process import Process
from headway_protocol.record import UNSYNCED
from headway_server.periods import UNDATED
from headway_server.tables import devices, episodes


@dataclass(frozen=True, slots=True)
class DeviceTrip:
    """One trip. totals: what it adds to its person's. day: local, None where the device had no clock. start_ms: Unix time or None."""

    totals: list[int]
    day: int | None
    start_ms: int | None
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class DeviceTrips:
    """The trips of one device."""

    device: str
    person: str
    trips: list[DeviceTrip]


async def device_trips(
    connection: AsyncConnection, process: Process, person: str | None = None
) -> AsyncIterator[DeviceTrips]:
    """Yield the trips of each device by one process, device by device. person: of their devices only; None: of everybody's."""
    d, e = devices.c, episodes.c
    having = select(d.device, d.person).where(
        select(e.id).where(e.device == d.device, e.pack_id == process.id).exists()
    )
    if person is not None:
        having = having.where(d.person == person)
    for device, whose in list(await connection.execute(having.order_by(d.device))):
        query = (
            select(e.counts, e.day, e.start_ms, e.clock)
            .where(e.device == device, e.pack_id == process.id, e.revises_boot.is_(None))
            .order_by(e.boot, e.seq)
        )
        rows = await connection.execute(query)
        yield DeviceTrips(device, whose, [_trip(process, row) for row in rows])


def _trip(process: Process, row: Row[Any]) -> DeviceTrip:
    numbers = process.numbers(row.counts)
    # By the clock that the device had then: whatever dates a trip later, its series have taken it without a day.
    known = row.clock != UNSYNCED and row.day != UNDATED
    return DeviceTrip(process.totals(numbers), row.day if known else None, row.start_ms, 100 * numbers[ELAPSED])
