"""What is stored of one device, parted into runs: stretches of its records in which it ran one pack for one class."""

from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.episode import ELAPSED
from headway_edge.core.process import Process
from headway_protocol import record, topics
from headway_server.ingest.arrival import Arrival, Birth, Episode, Find, Received, read
from headway_server.recounting.recount import Place
from headway_server.store.tables import episodes, records

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class StoredTrip:
    """A trip, or day, as its record says it.

    start_ms, end_ms: by the device's clock, in UTC or in its local time as was asked for; None where that had never been set.
    utc_offset_min: None: not known. counts, gates: packed. is_correction: it takes the place of an earlier record.
    """

    place: Place
    start_ms: int | None
    end_ms: int | None
    utc_offset_min: int | None
    counts: bytes
    gates: bytes
    is_correction: bool


@dataclass(slots=True)
class Run:
    """Consecutive records of one pack and class; trips that another record supersedes are left out.

    vehicle_class: as the device told it, None where it did not. since_ms, until_ms: the device took the samples after the one, up
    to and with the other; None: no border is known.
    """

    pack_id: bytes
    vehicle_class: str | None
    born_ms: int | None = None
    trips: list[StoredTrip] = field(default_factory=list)
    since_ms: int | None = None
    until_ms: int | None = None

    @property
    def offset_min(self) -> int:
        """How far local time was ahead of UTC with the first trip that says so, else 0."""
        return next((trip.utc_offset_min for trip in self.trips if trip.utc_offset_min is not None), 0)


@dataclass(slots=True)
class Stored:
    """All of a device. superseded: trips in whose place another record is. unread: records whose meaning is not known here."""

    runs: list[Run] = field(default_factory=list)
    superseded: int = 0
    unread: int = 0


async def stored_runs(connection: AsyncConnection, find: Find, device: str, is_local: bool) -> Stored:
    """Return what is stored of a device, read again from its records. is_local: give times of its local clock."""
    r, e = records.c, episodes.c
    same = and_(e.device == r.device, e.boot == r.boot, e.seq == r.seq)
    query = (
        select(r.boot, r.seq, r.payload, e.superseded)
        .select_from(records.outerjoin(episodes, same))
        .where(r.device == device, r.kind.in_([record.BIRTH, record.EPISODE]))
        .order_by(r.boot, r.seq)
    )
    group, name = device.split("/")
    topic = topics.topic(group, name, topics.UP)
    found = Stored()
    of: dict[Place, Run] = {}
    async for row in await connection.stream(query):
        now = read(Received(topic, row.payload), find)
        if not isinstance(now, Arrival) or (now.birth is None and now.episode is None):
            found.unread += 1
        elif now.birth is not None:
            _born(found.runs, now.birth, record.decode(row.payload).wall_ms)
        elif now.episode is not None:
            run = of[row.boot, row.seq] = _run_of(found.runs, of, now.episode)
            if row.superseded:
                found.superseded += 1
            else:
                process = find(now.episode.pack_id)
                assert process is not None  # noqa: S101 - it was found when the trip was read
                run.trips.append(_trip((row.boot, row.seq), now.episode, process, is_local))
    _set_borders(found.runs, is_local)
    return found


def _born(runs: list[Run], birth: Birth, wall_ms: int | None) -> None:
    if birth.pack is None:
        return
    pack_id, vehicle_class = birth.pack[0], birth.vehicle_class or None
    if not runs or (runs[-1].pack_id, runs[-1].vehicle_class) != (pack_id, vehicle_class):
        runs.append(Run(pack_id, vehicle_class, wall_ms))


def _run_of(runs: list[Run], of: dict[Place, Run], episode: Episode) -> Run:
    # The last one; another one where the birth between them is not here. A correction is of the run of what it corrects.
    corrected = None if episode.revises is None else of.get(episode.revises)
    if corrected is not None and corrected.pack_id == episode.pack_id:
        return corrected
    if not runs or runs[-1].pack_id != episode.pack_id:
        runs.append(Run(episode.pack_id, runs[-1].vehicle_class if runs else None))
    return runs[-1]


def _trip(place: Place, episode: Episode, process: Process, is_local: bool) -> StoredTrip:
    start_ms, end_ms = episode.start_ms, None
    if start_ms is not None:
        start_ms += _MINUTE_MS * (episode.utc_offset_min or 0) if is_local else 0
        end_ms = start_ms + 100 * process.numbers(episode.counts)[ELAPSED]
    correction = episode.revises is not None
    return StoredTrip(place, start_ms, end_ms, episode.utc_offset_min, episode.counts, episode.gates, correction)


def _set_borders(runs: list[Run], is_local: bool) -> None:
    for i, run in enumerate(runs):
        born_ms = run.born_ms
        if born_ms is not None:
            born_ms += _MINUTE_MS * run.offset_min if is_local else 0
            born_ms -= (
                1 if i == 0 else 0
            )  # a device that begins has its first sample yet to come, one that changes has had it
        if i > 0:
            ends_ms = [trip.end_ms for trip in runs[i - 1].trips if trip.end_ms is not None]
            born_ms = max([born_ms, *ends_ms] if born_ms is not None else ends_ms, default=None)
        starts_ms = [trip.start_ms for trip in run.trips if trip.start_ms is not None]
        if starts_ms and (born_ms is not None or i > 0):
            born_ms = min(starts_ms) - 1 if born_ms is None else min(born_ms, min(starts_ms) - 1)
        run.since_ms = born_ms
    for run, after in pairwise(runs):
        run.until_ms = after.since_ms
