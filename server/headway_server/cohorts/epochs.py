"""Closing an epoch: what the persons of a cohort did becomes its benchmark, and the next epoch opens.

An epoch is a stretch of the server's order of commit, not of anybody's clock. A trip belongs to the epoch that was open
when it was committed, however old it is: so a closed epoch never changes, and a device that comes back after a month
adds to the present one. What devices are told of it: `headway_server.publishing.publications`.
"""

from collections import defaultdict
from dataclasses import dataclass
from random import Random, SystemRandom

import structlog
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.backups.restore import restored_ms
from headway_server.cohorts.benchmark_members import Members, earlier_sets, numbers_of, recollect, remember
from headway_server.cohorts.benchmarks import knots
from headway_server.cohorts.differencing import choose, members, nearest, set_of
from headway_server.errors import EpochNotClosed
from headway_server.ingest.tally_rows import tally_of
from headway_server.packs.processes import Processes
from headway_server.publishing.publications import Cohort, Publication, benchmark_messages
from headway_server.store import audit_log
from headway_server.store.batches_out import keep_batches_out
from headway_server.store.database import Database, insert_into
from headway_server.store.tables import benchmarks, devices, epochs, person_totals, withheld
from headway_server.totals.tally import Tally, merge

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
    chance: Random | None = None,
    actor: str = audit_log.TIMER,
) -> ClosedEpoch:
    """Close the open epoch, store its benchmarks, open the next, and say what to publish to which device.

    k_floor: persons a cohort needs, and by how many its tables differ (`differencing`), at least 5. now: Unix ms.
    expected: the number the caller believes to be open; of two closers that saw the same epoch, one closes it and the
    other gets EpochNotClosed, which is also raised for an epoch without trips unless `even_if_empty`. chance: who is
    left out where somebody must be; None: what nobody can foresee. actor: of `audit_log`. All or nothing: a database
    error leaves the epoch open.
    """
    async with database.write() as connection:
        await keep_batches_out(connection)
        number, opened_at_ms = (await connection.execute(_OPEN_EPOCH)).one()
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
        restored = await restored_ms(connection)
        published: list[_Published] = []
        if restored is not None and restored >= opened_at_ms:
            held_back = [_after_restore(*cohort, len(persons)) for cohort, persons in totals.items()]
        else:
            await recollect(connection, processes, lambda epoch: person_totals_of(connection, processes, epoch))
            numbers = await numbers_of(connection, {person for persons in totals.values() for person in persons})
            earlier = await earlier_sets(connection)
            published, held_back = _evaluate(processes, totals, k_floor, numbers, earlier, chance or SystemRandom())
        await _store(connection, number, published, held_back)
        cohorts = {(row.of.cohort, row.of.pack_id): len(totals[row.of.cohort, row.of.pack_id]) for row in published}
        publications = await benchmark_messages(connection, processes, cohorts=set(cohorts))
        await audit_log.note(connection, now, actor, audit_log.EPOCH_CLOSED, {"epoch": number})
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


@dataclass(frozen=True, slots=True)
class _Published:
    """A table: whom it is over, how many they are, and its knots."""

    of: Members
    persons: int
    shares: list[int]
    values: list[int]


def _after_restore(cohort: str, pack_id: bytes, persons: int) -> Withheld:
    reason = (
        "the database was restored from a backup in this epoch, so what was published after the backup is not known, and "
        "another benchmark beside it might tell about single persons; the next close publishes again"
    )
    return Withheld(cohort, pack_id, ALL_CHARACTERISTICS, persons, reason)


def _evaluate(
    processes: Processes,
    totals: dict[Cohort, dict[str, Tally]],
    k_floor: int,
    numbers: dict[str, int],
    earlier: defaultdict[int, list[int]],
    chance: Random,
) -> tuple[list[_Published], list[Withheld]]:
    """Make the tables of an epoch. numbers: of persons. earlier: the sets of earlier tables by characteristic; grows."""
    published: list[_Published] = []
    held_back = []
    # Characteristics of the same persons with the same past get the same persons: what is told belongs together.
    chosen: dict[tuple[int, frozenset[int]], int | None] = {}
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
            values = {
                numbers[person]: value
                for person, tally in persons.items()
                if (value := characteristic.value(tally.totals)) is not None
            }
            reason = ""
            if any(abs(value) > _INT64_MAX for value in values.values()):
                reason = "a value of more than 63 bits"
            elif len(values) < k_floor:
                reason = f"{len(values)} of at least {k_floor} persons have a value"
            else:
                present, past = set_of(values), earlier[characteristic.id]
                key = present, frozenset(past)
                if key not in chosen:
                    chosen[key] = choose(present, past, k_floor, chance)
                kept = chosen[key]
                table = None if kept is None else knots([values[number] for number in members(kept)], k_floor)
                if kept is None or table is None:
                    reason = _too_like(len(values), nearest(present, past), k_floor)
                else:
                    past.append(kept)
                    of = Members(cohort, pack_id, characteristic.id, kept)
                    published.append(_Published(of, kept.bit_count(), *table))
            if reason:
                held_back.append(Withheld(cohort, pack_id, characteristic.id, len(values), reason))
    return published, held_back


def _too_like(persons: int, differ: int, k_floor: int) -> str:
    return (
        f"the {persons} persons differ by {differ} from those of an earlier benchmark, and too few are left to leave others out: "
        f"the two, subtracted, would tell about fewer than {k_floor}; there is another when the same persons drive again or "
        f"{k_floor} differ, or with a lower k_floor"
    )


async def _store(
    connection: AsyncConnection, epoch: int, published: list[_Published], held_back: list[Withheld]
) -> None:
    if published:
        await connection.execute(
            insert_into(connection, benchmarks),
            [
                {
                    "epoch": epoch,
                    "cohort": row.of.cohort,
                    "pack_id": row.of.pack_id,
                    "characteristic": row.of.characteristic,
                    "persons": row.persons,
                    "shares_permille": row.shares,
                    "knot_values": row.values,
                }
                for row in published
            ],
        )
        await remember(connection, epoch, [row.of for row in published])
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
