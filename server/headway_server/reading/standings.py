"""A person's score, as their device would tell it, with what it is made of; or why there is none.

The arithmetic is the device's own (`headway_edge.core.standing`). What goes into it is what the server has: the totals of
the epochs that a device compares, the newest benchmark of the person's cohort, and the person's own whole weeks.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.process import Process
from headway_edge.core.score import OWN_WEEKS_MIN
from headway_edge.core.standing import WEEKS_MAX, Standing
from headway_server.ingest.tally_rows import tally_of
from headway_server.reading import fleet, person_rows
from headway_server.reading.labels import with_unit
from headway_server.totals.periods import Contexts, number_of, period_of, roll_up
from headway_server.totals.tally import Tally


@dataclass(frozen=True, slots=True)
class PersonScore:
    """Where a person stands on the axes of a pack, and what of.

    cohort: the vehicle class of the devices that it is about, None where there are no totals. epochs: whose totals they are,
    ascending; open_epoch: the one that is open. tally: those totals. benchmark_epoch: of whom the person is compared
    with, None without a benchmark. weeks: how many of the person's own weeks are known. standing: None where nothing may
    be said yet. reason: why there are no points, "" where there are.
    """

    cohort: str | None
    epochs: list[int]
    open_epoch: int
    tally: Tally
    benchmark_epoch: int | None
    weeks: int
    standing: Standing | None
    reason: str

    @property
    def points(self) -> int | None:
        """The score, 0 to 100, or None."""
        return None if self.standing is None else self.standing.points


async def score_of(connection: AsyncConnection, process: Process, person: str, now_ms: int) -> PersonScore:
    """Return a person's score of a pack that they have trips of.

    Totals: of the open epoch and the last closed one, which is what a device compares; of the person's last epoch where
    there is none in these. Devices of one vehicle class only, the one with most trips there. now_ms: Unix time; the week
    that it lies in, in the person's own time, is not over and is left out.
    """
    numbers = [row.number for row in await fleet.list_epochs(connection)]
    rows = await person_rows.epochs_of(connection, person, process.id, numbers)
    epochs = {row.epoch for row in rows}
    compared = sorted(epochs & set(numbers[:2])) or sorted(epochs)[-1:]
    by_cohort: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row.epoch in compared:
            by_cohort[row.cohort].append(row)
    cohort = max(sorted(by_cohort), key=lambda name: sum(row.trips for row in by_cohort[name]), default=None)
    if cohort is None:
        nothing = "No trips in the open epoch or in one of the latest closed ones."
        return PersonScore(None, [], numbers[0], fleet.together(process, ()), None, 0, None, nothing)
    tally = fleet.together(process, map(tally_of, by_cohort[cohort]))
    tables = await fleet.list_benchmarks(connection, of=(cohort, process.id))
    weeks = await _weeks(connection, process, person, cohort, now_ms)
    standing, reason = None, _too_little(process, tally.totals)
    if not reason:
        by_id = {table.characteristic: (table.persons, table.shares_permille, table.values) for table in tables}
        standing = Standing(process, tally.totals, by_id, weeks)
        reason = _too_few_axes(process, standing, bool(tables), len(weeks))
    return PersonScore(
        cohort,
        compared,
        numbers[0],
        tally,
        tables[0].epoch if tables else None,
        len(weeks),
        standing,
        reason,
    )


async def _weeks(
    connection: AsyncConnection, process: Process, person: str, cohort: str, now_ms: int
) -> list[list[int]]:
    this_week = period_of(await person_rows.today_of(connection, person, now_ms), "week")
    if this_week is None:
        return []
    monday = number_of(this_week.first)
    first = max(0, monday - 7 * WEEKS_MAX)
    days = await person_rows.days_of(connection, person, process.id, first=first, before=monday, cohort=cohort)
    return [tally.totals for tally in roll_up(process, days, "week", Contexts()).values()]


def _too_little(process: Process, totals: list[int]) -> str:
    """Why nothing may be said yet of somebody with these totals; "" if something may."""
    if not process.pack.axes:
        return "The pack has no score."
    if process.enough(totals):
        return ""
    missing = [
        _amount(process, index, totals[index], least) for index, least in process.pack.enough if totals[index] < least
    ]
    return f"Too little to judge: {' and '.join(missing)}."


def _amount(process: Process, index: int, have: int, least: int) -> str:
    for c in process.period:
        if c.is_count(index):
            totals = [0] * len(process.pack.period)
            values = []
            for number in (have, least):
                totals[index] = number
                values.append(with_unit(c, c.value(totals)))
            return f"{c.title} {values[0]} of at least {values[1]}"
    names = (item["name"] for item in process.catalogue.get("totals", []) if index in item["places"])
    return f"{next(names, f'total {index}')} {have} of at least {least}"


def _too_few_axes(process: Process, standing: Standing, has_benchmark: bool, weeks: int) -> str:
    if standing.points is not None:
        return ""
    known = sum(points is not None for _, points in standing.axes)
    why = "" if has_benchmark else "no benchmark of the cohort is published"
    if weeks < OWN_WEEKS_MIN:
        own = f"of the last {WEEKS_MAX} weeks {weeks} have data, {OWN_WEEKS_MIN} are needed"
        why = f"{why}, and {own}" if why else own
    tail = f": {why}" if why else ""
    return f"{known} of {len(process.axes)} axes have data, which is under half of the score's weight{tail}."
