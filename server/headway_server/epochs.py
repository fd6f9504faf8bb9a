"""Closing an epoch: what the persons of a cohort did becomes its benchmark, and the next epoch opens.

An epoch is a stretch of the server's order of commit, not of anybody's clock. A trip belongs to the epoch that was open
when it was committed, however old it is: so a closed epoch never changes, and a device that comes back after a month
adds to the present one. What devices are told of it: `headway_server.publications`.
"""

from collections import defaultdict
from dataclasses import dataclass

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.benchmarks import knots
from headway_server.database import Database, insert_into
from headway_server.errors import EpochNotClosed
from headway_server.processes import Processes
from headway_server.publications import Cohort, Publication, benchmark_messages
from headway_server.tables import benchmarks, devices, epochs, person_totals, withheld
from headway_server.tally import Tally, merge
from headway_server.tally_rows import tally_of

log = structlog.get_logger(__name__)

UNKNOWN_COHORT = "unknown"  # devices whose birth has not come
ALL_CHARACTERISTICS = 0  # in `withheld`: the whole cohort

_INT64_MAX = (1 << 63) - 1

_OPEN_EPOCH = select(epochs.c.number, epochs.c.opened_at_ms).where(epochs.c.closed_at_ms.is_(None))


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
    cohorts: dict[Cohort, int]
    withheld: list[Withheld]
    publications: list[Publication]


async def open_number(database: Database) -> tuple[int, int]:
    """Return (number, opened_at_ms) of the open epoch."""
    async with database.read() as connection:
        row = (await connection.execute(_OPEN_EPOCH)).one()
        return row.number, row.opened_at_ms


async def close_epoch(
    database: Database,
    processes: Processes,
    k_floor: int,
    now: int,
    *,
    expected: int | None = None,
    even_if_empty: bool = False,
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
        await processes.refresh(connection)
        totals = await person_totals_of(connection, processes, number)
        if not totals and not even_if_empty:
            raise EpochNotClosed(f"epoch {number} has no trips yet", "wait for devices to send some")
        await connection.execute(update(epochs).where(epochs.c.number == number).values(closed_at_ms=now))
        await connection.execute(
            insert_into(connection, epochs), {"number": number + 1, "opened_at_ms": now, "closed_at_ms": None}
        )
        published, held_back = _evaluate(processes, totals, k_floor)
        await _store(connection, number, published, held_back)
        cohorts = {row[:2]: len(totals[row[:2]]) for row in published}
        publications = await benchmark_messages(connection, processes, cohorts=set(cohorts))
    for item in held_back:
        log.info("benchmark held back", epoch=number, cohort=item.cohort, persons=item.persons, reason=item.reason)
    told = {f"{cohort} {pack_id.hex()}": persons for (cohort, pack_id), persons in cohorts.items()}
    log.info("epoch closed", epoch=number, cohorts=told, messages=len(publications))
    everybody = {person for persons in totals.values() for person in persons}
    return ClosedEpoch(number, len(everybody), cohorts, held_back, publications)


async def person_totals_of(
    connection: AsyncConnection, processes: Processes, epoch: int
) -> dict[Cohort, dict[str, Tally]]:
    """Return {(cohort, pack id): {person: tally}} of an epoch, each person's devices of that cohort merged."""
    t = person_totals.c
    rows = await connection.execute(
        select(t.person, t.pack_id, t.trips, t.distance_m, t.totals, devices.c.vehicle_class)
        .join(devices, devices.c.device == t.device)
        .where(t.epoch == epoch)
        .order_by(t.device)
    )
    found: defaultdict[Cohort, dict[str, Tally]] = defaultdict(dict)
    for row in rows:
        process = processes.find(row.pack_id)
        if process is not None:
            persons = found[row.vehicle_class or UNKNOWN_COHORT, row.pack_id]
            persons[row.person] = merge(process, persons.get(row.person), tally_of(row))
    return dict(found)


_Published = tuple[str, bytes, int, int, tuple[list[int], list[int]]]


def _evaluate(
    processes: Processes, totals: dict[Cohort, dict[str, Tally]], k_floor: int
) -> tuple[list[_Published], list[Withheld]]:
    published: list[_Published] = []
    held_back = []
    for (cohort, pack_id), persons in sorted(totals.items()):
        process = processes.find(pack_id)
        assert process is not None  # noqa: S101 - or there were no totals
        n = len(persons)
        if cohort == UNKNOWN_COHORT:
            reason = "the vehicle class is not known: no birth record has come"
            held_back.append(Withheld(cohort, pack_id, ALL_CHARACTERISTICS, n, reason))
            continue
        if n < k_floor:
            reason = f"{n} of at least {k_floor} persons"
            held_back.append(Withheld(cohort, pack_id, ALL_CHARACTERISTICS, n, reason))
            continue
        for characteristic in process.period:
            values = [v for tally in persons.values() if (v := characteristic.value(tally.totals)) is not None]
            table = knots(values, k_floor)
            if any(abs(value) > _INT64_MAX for value in values):
                reason = "a value of more than 63 bits"
                held_back.append(Withheld(cohort, pack_id, characteristic.id, len(values), reason))
            elif table is None:
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
