"""Closing an epoch: what the persons of a cohort did becomes its benchmark, and the next epoch opens.

An epoch is a stretch of the server's order of commit, not of anybody's clock. A trip belongs to the epoch that was open
when it was committed, however old it is: so a closed epoch never changes, and a device that comes back after a month
adds to the present one. Benchmarks are retained messages. Publishing them may be interrupted and is repeated whenever
the broker is reached again (`latest_messages`); it changes nothing to say the same twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core import period
from headway_edge.core.characteristics import PERIOD
from headway_protocol import benchmark, topics
from headway_server.arrival import PACK_ID
from headway_server.benchmarks import knots
from headway_server.database import Database, insert_into
from headway_server.errors import EpochNotClosed
from headway_server.tables import benchmarks, devices, epochs, person_totals, withheld

log = structlog.get_logger(__name__)

UNKNOWN_COHORT = "unknown"  # devices whose birth has not come
ALL_CHARACTERISTICS = 0  # in `withheld`: the whole cohort

Cohort = tuple[str, bytes]  # cohort, pack id

_OPEN_EPOCH = select(epochs.c.number, epochs.c.opened_at_ms).where(epochs.c.closed_at_ms.is_(None))


@dataclass(frozen=True, slots=True)
class Publication:
    """A retained message to publish."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Withheld:
    """What was not published, and why. characteristic: its id, or ALL_CHARACTERISTICS."""

    cohort: str
    pack_id: bytes
    characteristic: int
    persons: int
    reason: str


@dataclass(frozen=True, slots=True)
class ClosedEpoch:
    """The outcome of a close. cohorts: those that have a benchmark, with their number of persons."""

    number: int
    persons: int
    cohorts: dict[str, int]
    withheld: list[Withheld]
    publications: list[Publication]


async def open_number(database: Database) -> tuple[int, int]:
    """Return (number, opened_at_ms) of the open epoch."""
    async with database.read() as connection:
        row = (await connection.execute(_OPEN_EPOCH)).one()
        return row.number, row.opened_at_ms


async def close_epoch(
    database: Database, k_floor: int, now: int, *, expected: int | None = None, even_if_empty: bool = False
) -> ClosedEpoch:
    """Close the open epoch, store its benchmarks, open the next, and say what to publish to which device.

    k_floor: persons a cohort needs, at least 5. now: Unix ms. expected: the number the caller believes to be open; of
    two closers that saw the same epoch, one closes it and the other gets EpochNotClosed, which is also raised for an
    epoch without trips unless `even_if_empty`. All or nothing: a database error leaves the epoch open.
    """
    async with database.write() as connection:
        number = (await connection.execute(_OPEN_EPOCH.with_for_update())).one().number
        if expected is not None and number != expected:
            raise EpochNotClosed(f"epoch {expected} is closed already, {number} is open", "look at its benchmarks")
        totals = await person_totals_of(connection, number)
        if not totals and not even_if_empty:
            raise EpochNotClosed(f"epoch {number} has no trips yet", "wait for devices to send some")
        await connection.execute(update(epochs).where(epochs.c.number == number).values(closed_at_ms=now))
        await connection.execute(
            insert_into(connection, epochs), {"number": number + 1, "opened_at_ms": now, "closed_at_ms": None}
        )
        published, held_back = _evaluate(totals, k_floor)
        await _store(connection, number, published, held_back)
        publications = await _messages(connection, cohorts={cohort for cohort, _, _, _, _ in published})
    for item in held_back:
        log.info("benchmark held back", epoch=number, cohort=item.cohort, persons=item.persons, reason=item.reason)
    people = {cohort: len(persons) for (cohort, _), persons in totals.items()}
    cohorts = {cohort: people[cohort] for cohort in sorted({row[0] for row in published})}
    log.info("epoch closed", epoch=number, cohorts=cohorts, messages=len(publications))
    everybody = {person for persons in totals.values() for person in persons}
    return ClosedEpoch(number, len(everybody), cohorts, held_back, publications)


async def latest_messages(database: Database, only: Iterable[str] | None = None) -> list[Publication]:
    """Return the newest benchmark message of every device (or of `only` those) whose cohort has one."""
    async with database.read() as connection:
        return await _messages(connection, names=None if only is None else set(only))


async def person_totals_of(connection: AsyncConnection, epoch: int) -> dict[Cohort, dict[str, list[int]]]:
    """Return {(cohort, pack id): {person: totals}} of an epoch, each person's devices of that cohort merged."""
    t = person_totals.c
    rows = await connection.execute(
        select(t.person, t.pack_id, t.totals, devices.c.vehicle_class)
        .join(devices, devices.c.device == t.device)
        .where(t.epoch == epoch)
        .order_by(t.device)
    )
    found: defaultdict[Cohort, dict[str, list[int]]] = defaultdict(dict)
    for person, pack_id, totals, vehicle_class in rows:
        persons = found[vehicle_class or UNKNOWN_COHORT, pack_id]
        before = persons.get(person)
        persons[person] = totals if before is None else period.merge(before, totals)
    return dict(found)


_Published = tuple[str, bytes, int, int, tuple[list[int], list[int]]]


def _evaluate(totals: dict[Cohort, dict[str, list[int]]], k_floor: int) -> tuple[list[_Published], list[Withheld]]:
    published: list[_Published] = []
    held_back = []
    for (cohort, pack_id), persons in sorted(totals.items()):
        n = len(persons)
        if cohort == UNKNOWN_COHORT:
            reason = "the vehicle class is not known: no birth record has come"
            held_back.append(Withheld(cohort, pack_id, ALL_CHARACTERISTICS, n, reason))
            continue
        if n < k_floor:
            reason = f"{n} of at least {k_floor} persons"
            held_back.append(Withheld(cohort, pack_id, ALL_CHARACTERISTICS, n, reason))
            continue
        for characteristic in PERIOD:
            values = [v for v in map(characteristic.value, persons.values()) if v is not None]
            table = knots(values, k_floor)
            if table is None:
                reason = f"{len(values)} of at least {k_floor} persons have a value"
                held_back.append(Withheld(cohort, pack_id, characteristic.id, len(values), reason))
            else:
                published.append((cohort, pack_id, characteristic.id, len(values), table))
    return published, held_back


async def _store(
    connection: AsyncConnection, epoch: int, published: list[_Published], held_back: list[Withheld]
) -> None:
    if published:
        await connection.execute(
            insert_into(connection, benchmarks),
            [
                {
                    "epoch": epoch,
                    "cohort": cohort,
                    "pack_id": pack_id,
                    "characteristic": characteristic,
                    "persons": persons,
                    "shares_permille": shares,
                    "knot_values": values,
                }
                for cohort, pack_id, characteristic, persons, (shares, values) in published
            ],
        )
    if held_back:
        await connection.execute(
            insert_into(connection, withheld),
            [
                {
                    "epoch": epoch,
                    "cohort": item.cohort,
                    "pack_id": item.pack_id,
                    "characteristic": item.characteristic,
                    "persons": item.persons,
                    "reason": item.reason,
                }
                for item in held_back
            ],
        )


async def _messages(
    connection: AsyncConnection, *, cohorts: set[str] | None = None, names: set[str] | None = None
) -> list[Publication]:
    """The newest benchmark of each device's cohort. A cohort without one keeps what its devices hold: no message."""
    b = benchmarks.c
    newest = (
        select(b.cohort, func.max(b.epoch).label("epoch")).where(b.pack_id == PACK_ID).group_by(b.cohort).subquery()
    )
    rows = await connection.execute(
        select(b.cohort, b.epoch, b.characteristic, b.persons, b.shares_permille, b.knot_values)
        .join(newest, (newest.c.cohort == b.cohort) & (newest.c.epoch == b.epoch))
        .where(b.pack_id == PACK_ID)
        .order_by(b.cohort, b.characteristic)
    )
    tables: defaultdict[tuple[str, int], list[tuple[int, int, list[int], list[int]]]] = defaultdict(list)
    for cohort, epoch, characteristic, persons, shares, values in rows:
        if cohorts is None or cohort in cohorts:
            tables[cohort, epoch].append((characteristic, persons, shares, values))
    payloads = {cohort: benchmark.encode(epoch, cohort, PACK_ID, found) for (cohort, epoch), found in tables.items()}
    fleet = await connection.execute(select(devices.c.device, devices.c.vehicle_class).order_by(devices.c.device))
    return [
        Publication(_bench_topic(device), payloads[vehicle_class])
        for device, vehicle_class in fleet
        if vehicle_class in payloads and (names is None or device in names)
    ]


def _bench_topic(device: str) -> str:
    group, name = device.split("/")
    return topics.topic(group, name, topics.BENCH)
