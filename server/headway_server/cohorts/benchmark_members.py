"""Whom published tables were over: remembered for `differencing`, by numbers that only one table can turn into persons.

One row a table that was published, of the latest `differencing.EARLIER_MAX` of each cohort, pack and characteristic. A set takes
a bit for each person who was ever in one: of 200 persons, 30 characteristics and 12 epochs 9 kB.

Who is erased loses the row that says whose the number is, as all rows of a person (`personal_rows`). The number stays in the
sets and is never given again, so they count as many persons as before, one of whom nobody can name.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Select, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.cohorts.differencing import EARLIER_MAX, set_of
from headway_server.packs.processes import Processes
from headway_server.publishing.publications import Cohort
from headway_server.store.database import insert_into
from headway_server.store.tables import benchmark_members, benchmark_persons, benchmarks
from headway_server.totals.tally import Tally

CohortTotals = dict[Cohort, dict[str, Tally]]  # of each cohort: {person: tally}


@dataclass(frozen=True, slots=True)
class Members:
    """The persons of one published table. persons: a set as in `differencing`."""

    cohort: str
    pack_id: bytes
    characteristic: int
    persons: int


async def numbers_of(connection: AsyncConnection, persons: Iterable[str]) -> dict[str, int]:
    """Return {person: number}, in which those who have none yet are given the next."""
    query = select(benchmark_persons.c.person, benchmark_persons.c.number)
    known = {row.person: row.number for row in await connection.execute(query)}
    wanted = set(persons)
    new = sorted(wanted - known.keys())
    if new:
        await connection.execute(insert_into(connection, benchmark_persons), [{"person": person} for person in new])
        known = {row.person: row.number for row in await connection.execute(query)}
    return {person: known[person] for person in wanted}


async def earlier_sets(connection: AsyncConnection) -> defaultdict[int, list[int]]:
    """Return {characteristic: the sets of its latest tables}, of every cohort and pack."""
    m = benchmark_members.c
    found: defaultdict[int, list[int]] = defaultdict(list)
    for characteristic, persons in await connection.execute(select(m.characteristic, m.persons).order_by(m.epoch)):
        found[characteristic].append(int.from_bytes(persons, "little"))
    return found


async def remember(connection: AsyncConnection, epoch: int, published: Iterable[Members]) -> None:
    """Keep whom the tables of an epoch are over, and no more than the latest of each cohort."""
    rows = [
        {
            "epoch": epoch,
            "cohort": one.cohort,
            "pack_id": one.pack_id,
            "characteristic": one.characteristic,
            "persons": one.persons.to_bytes((one.persons.bit_length() + 7) // 8, "little"),
        }
        for one in published
    ]
    if not rows:
        return
    await connection.execute(insert_into(connection, benchmark_members), rows)
    m = benchmark_members.c
    key = (m.epoch, m.cohort, m.pack_id, m.characteristic)
    age = func.row_number().over(partition_by=key[1:], order_by=m.epoch.desc()).label("age")
    aged = select(*key, age).subquery()
    is_old = select(aged).where(
        *(one == aged.c[one.name] for one in key),
        aged.c.age > EARLIER_MAX,
    )
    await connection.execute(delete(benchmark_members).where(is_old.exists()))


async def recollect(
    connection: AsyncConnection, processes: Processes, totals_of: Callable[[int], Awaitable[CohortTotals]]
) -> int:
    """Work out whom tables are over that were published before sets were remembered; return how many those were.

    Everybody with a value was in such a table. totals_of: the persons' totals of an epoch, which stay as they were at its
    close. Vehicle classes are those of now. Where a pack is not known any more, nobody can be told to have been in its tables.
    """
    missing: defaultdict[int, list[tuple[str, bytes, int]]] = defaultdict(list)
    for row in await connection.execute(_not_remembered()):
        missing[row.epoch].append((row.cohort, row.pack_id, row.characteristic))
    for epoch, keys in sorted(missing.items()):
        totals = await totals_of(epoch)
        numbers = await numbers_of(connection, {person for persons in totals.values() for person in persons})
        found = []
        for cohort, pack_id, characteristic in keys:
            process = processes.find(pack_id)
            c = None if process is None else process.by_id.get(characteristic)
            tallies = {} if c is None else totals.get((cohort, pack_id), {})
            persons = set_of(numbers[p] for p, tally in tallies.items() if c and c.value(tally.totals) is not None)
            found.append(Members(cohort, pack_id, characteristic, persons))
        await remember(connection, epoch, found)
    return sum(map(len, missing.values()))


def _not_remembered() -> Select[int, str, bytes, int]:
    b, m = benchmarks.c, benchmark_members.c
    key = (b.epoch, b.cohort, b.pack_id, b.characteristic)
    age = func.row_number().over(partition_by=key[1:], order_by=b.epoch.desc()).label("age")
    latest = select(*key, age).subquery()
    same = and_(*(latest.c[one.name] == m[one.name] for one in key))
    return (
        select(*(latest.c[one.name] for one in key))
        .outerjoin(benchmark_members, same)
        .where(latest.c.age <= EARLIER_MAX, m.epoch.is_(None))
        .order_by(latest.c.epoch)
    )
