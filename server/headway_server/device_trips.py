"""A device's trips as it closed them, one after the other: what its series took, in the order in which they took it.

A correction of a day's reports changes no series on a device, so of a trip that was corrected the first record is given. What
never came is not there: where records were lost, or folded into days, a device's series have seen more than this.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.episode import ELAPSED
from headway_edge.core.process import Process
from headway_protocol import record
from headway_server.tables import devices, episodes, records


@dataclass(frozen=True, slots=True)
class DeviceTrip:
    """One trip.

    totals: what it adds to its person's. day: local, as the device took it; None where it had no clock. start_ms: Unix time, None
    where nothing tells.
    """

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
    d, e, r = devices.c, episodes.c, records.c
    having = select(d.device, d.person).where(
        select(e.id).where(e.device == d.device, e.pack_id == process.id).exists()
    )
    if person is not None:
        having = having.where(d.person == person)
    for device, whose in list(await connection.execute(having.order_by(d.device))):
        query = (
            select(r.payload, e.start_ms)
            .select_from(episodes.join(records, and_(r.device == e.device, r.boot == e.boot, r.seq == e.seq)))
            .where(e.device == device, e.pack_id == process.id, e.revises_boot.is_(None))
            .order_by(e.boot, e.seq)
        )
        rows = await connection.execute(query)
        yield DeviceTrips(device, whose, [_trip(process, payload, start_ms) for payload, start_ms in rows])


def _trip(process: Process, payload: bytes, start_ms: int | None) -> DeviceTrip:
    # The day as the record has it: whatever dates a trip later, its device's series took it on this day, or without one.
    told = record.decode(payload)
    _, ago_ms, packed, _, offset_min, _ = record.parse_episode(told.body)
    numbers = process.numbers(packed)
    day = None if told.wall_ms is None or offset_min is None else process.day(told.wall_ms - ago_ms, offset_min)
    return DeviceTrip(process.totals(numbers), day, start_ms, 100 * numbers[ELAPSED])
