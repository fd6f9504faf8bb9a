"""A device's trips as it closed them, one after the other: what its series took, in the order in which they took it.

A correction of a day's reports changes no series on a device, so of a trip that was corrected the first record is given. What
never came is not there: where records were lost, or folded into days, a device's series have seen more than this.

Where a device learned the time late, its trips have the days that it took them on, and what it put right when a record of the
same boot knew better (`headway_edge.core.boot_dates`). No record says how far local time was from UTC at a trip that was closed
without a clock: taken is what the device's next record of a trip says, else the one before.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.boot_dates import BootClock, BootTrips
from headway_edge.core.episode import ELAPSED
from headway_edge.core.process import Process
from headway_protocol import record
from headway_protocol.errors import DecodeError
from headway_server.ingest.dating import possible
from headway_server.store.database import slices
from headway_server.store.tables import devices, episodes, records


@dataclass(frozen=True, slots=True)
class PutRight:
    """A trip that a device moved to another day. before: the day that it was on, None: none."""

    totals: list[int]
    context: int
    before: int | None
    day: int


@dataclass(frozen=True, slots=True)
class DeviceTrip:
    """One trip.

    totals: what it adds to its person's. day: local, as the device took it; None where it had no clock. start_ms: Unix time, None
    where nothing tells. context: bit mask. put_right: what the device moved to other days after this trip and before the next.
    """

    totals: list[int]
    day: int | None
    start_ms: int | None
    elapsed_ms: int
    context: int = 0
    put_right: tuple[PutRight, ...] = ()


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
            select(r.boot, r.seq, r.payload, e.start_ms, e.clock)
            .select_from(episodes.join(records, and_(r.device == e.device, r.boot == e.boot, r.seq == e.seq)))
            .where(e.device == device, e.pack_id == process.id, e.revises_boot.is_(None))
            .order_by(e.boot, e.seq)
        )
        rows = (await connection.execute(query)).all()
        told = await _clocks(connection, device, sorted({row.boot for row in rows if row.clock < record.SYNCED}))
        yield DeviceTrips(device, whose, _trips(process, rows, told))


_Clock = tuple[int, int, int | None, int]  # seq, mono_ms, wall_ms, quality


async def _clocks(connection: AsyncConnection, device: str, boots: list[int]) -> dict[int, list[_Clock]]:
    """Return what all records of some boots say of the time, in the order in which they were made."""
    r = records.c
    found: dict[int, list[_Clock]] = defaultdict(list)
    for some in slices(boots):
        query = select(r.boot, r.seq, r.payload).where(r.device == device, r.boot.in_(some)).order_by(r.boot, r.seq)
        for boot, seq, payload in await connection.execute(query):
            try:
                its = record.decode(payload)
            except DecodeError:
                continue  # of a newer version
            found[boot].append((seq, its.mono_ms, possible(its.wall_ms), its.clock))
    return found


class _Boots:
    """Follows what a device knew of the time, record by record. told: as `_clocks` gives it."""

    def __init__(self, process: Process, told: dict[int, list[_Clock]]) -> None:
        self._process = process
        self._told = told
        self._left: list[_Clock] = []
        self.boot = 0
        self.clock = BootClock()
        self.waiting = BootTrips()

    def begin(self, boot: int) -> None:
        self.boot = boot
        self._left = self._told.get(boot, [])[::-1]
        self.clock, self.waiting = BootClock(), BootTrips()

    def learn(self, upto_seq: int | None, utc_offset_min: int) -> tuple[PutRight, ...]:
        """Go on to a record, None: to the end of the boot; return what is put right by the clocks on the way."""
        found: list[PutRight] = []
        while self._left and (upto_seq is None or self._left[-1][0] <= upto_seq):
            _, mono_ms, wall_ms, quality = self._left.pop()
            if self.clock.learn(mono_ms, wall_ms, quality):
                moved = self.waiting.put_right(self.clock, lambda start_ms: self._process.day(start_ms, utc_offset_min))
                found += (PutRight(totals, context, before, day) for (context, totals), before, day in moved)
        return tuple(found)


def _trips(process: Process, rows: Sequence[Any], told: dict[int, list[_Clock]]) -> list[DeviceTrip]:
    bodies = [(its, record.parse_episode(its.body)) for its in (record.decode(row.payload) for row in rows)]
    offsets = [body[4] for _, body in bodies]
    found: list[DeviceTrip] = []
    boots = _Boots(process, told)

    def learn(upto_seq: int | None) -> None:
        near = (*offsets[len(found) :], *reversed(offsets[: len(found)]))
        rights = boots.learn(upto_seq, next((offset for offset in near if offset is not None), 0))
        if rights:
            found[-1] = replace(found[-1], put_right=found[-1].put_right + rights)

    for row, (its, (_, ago_ms, packed, _, offset_min, _)) in zip(rows, bodies, strict=True):
        if row.boot != boots.boot:
            learn(None)
            boots.begin(row.boot)
        learn(row.seq)
        numbers = process.numbers(packed)
        totals, context = process.totals(numbers), process.context(numbers)
        # The day as the device took it; without an offset it took it on none.
        start_ms = boots.clock.began_ms(its.mono_ms, possible(its.wall_ms), its.clock, ago_ms)
        day = None if start_ms is None or offset_min is None else process.day(start_ms, offset_min)
        boots.waiting.take(its.mono_ms - ago_ms, boots.clock.quality, day, (context, totals))
        found.append(DeviceTrip(totals, day, row.start_ms, 100 * numbers[ELAPSED], context))
    learn(None)
    return found
