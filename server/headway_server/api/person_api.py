"""The API of persons: what somebody's trips add up to over days, weeks, months and years, its trend, and their score.

A person's id is a device's address until told otherwise, and has a slash then; it stands in the path as it is.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.process import Characteristic, Process
from headway_server.api import person_answers
from headway_server.api.access import Server
from headway_server.api.api import pack_answer
from headway_server.packs.processes import Processes
from headway_server.reading import answers, person_rows, trend
from headway_server.reading.answers import decimal
from headway_server.reading.standings import PersonScore, score_of
from headway_server.reading.trend import Trend, month_label
from headway_server.totals.periods import Period, number_of, period_of, read_contexts, roll_up
from headway_server.totals.tally import Tally

router = APIRouter(tags=["persons"])

_PERSON_LENGTH_MAX = 65
PackOfPerson = Annotated[
    str | None, Query(max_length=64, description="A pack's id; without it, the one with most trips.")
]
Key = Annotated[
    str | None,
    Query(
        max_length=64,
        description="Key of a characteristic of a period; without it, fuel efficiency, or the pack's first.",
    ),
]


@router.get("/api/v1/persons/{person:path}/periods", responses={404: {"model": answers.Problem}})
async def periods(
    server: Server,
    person: str,
    pack: PackOfPerson = None,
    by: Literal["day", "week", "month", "year"] = "month",
    context: Annotated[
        str, Query(max_length=200, description="Names of contexts with commas between; a minus asks for the contrary.")
    ] = "",
    before: Annotated[date | None, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> person_answers.PersonPeriods:
    """A person's periods by the calendar of their own local days, latest first, with every characteristic."""
    async with server.database.read() as connection:
        process, _ = await process_of(connection, server.processes, person, pack)
        try:
            contexts = read_contexts(process, context)
        except ValueError as e:
            raise HTTPException(422, str(e)) from e
        before_day = None if before is None else max(0, number_of(before))
        days = await person_rows.days_of(connection, person, process.id, before=before_day)
        months = await person_rows.folded_months_of(connection, person, process.id, before=before_day)
    if by in {"month", "year"}:
        days, months = days + months, []
    found = list(roll_up(process, days, by, contexts).items())
    shown = found[:limit]
    last = shown[-1][0] if len(found) > limit else None
    return person_answers.PersonPeriods(
        person=person,
        pack=pack_answer(server.processes, process.id),
        by=by,
        context={
            name: bool(contexts.bits >> i & 1) for i, name in enumerate(process.contexts) if contexts.mask >> i & 1
        },
        periods=[_period(process, period, tally) for period, tally in shown],
        next=None if last is None else last.first,
        folded_months=sorted({str(period_of(day, "month")) for day, context, _ in months if contexts.fit(context)}),
    )


@router.get("/api/v1/persons/{person:path}/score", responses={404: {"model": answers.Problem}})
async def score(server: Server, person: str, pack: PackOfPerson = None) -> person_answers.PersonScore:
    """A person's score as their own device would tell it, with what it is made of; or why there is none."""
    async with server.database.read() as connection:
        process, _ = await process_of(connection, server.processes, person, pack)
        found = await score_of(connection, process, person, server.now_ms())
    return _score(process, person, found)


@router.get("/api/v1/persons/{person:path}/trend", responses={404: {"model": answers.Problem}})
async def follow_trend(
    server: Server, person: str, pack: PackOfPerson = None, characteristic: Key = None
) -> person_answers.PersonTrend:
    """A characteristic month by month, with its trend and what the next month is expected to be."""
    async with server.database.read() as connection:
        process, _ = await process_of(connection, server.processes, person, pack)
        days = await person_rows.days_of(connection, person, process.id)
        days += await person_rows.folded_months_of(connection, person, process.id)
        today = await person_rows.today_of(connection, person, server.now_ms())
    chosen, found = trend_of(process, days, characteristic, today)
    return _trend(process, person, chosen, found)


def trend_of(
    process: Process, days: list[tuple[int, int, Tally]], key: str | None, today: int
) -> tuple[Characteristic, Trend]:
    """Return (the characteristic to look at, its trend). Raises HTTPException 404 where the pack does not have it.

    days: (day, context, tally), ...; key: None for the one to begin with; today: a day, the person's own.
    """
    months = trend.whole_months(process, days, today)
    try:
        chosen = trend.choose(process, months.values(), key)
    except ValueError as e:
        raise HTTPException(404, str(e)) from e
    return chosen, trend.follow(trend.values_of(chosen, months), trend.month_under_way(today))


async def process_of(
    connection: AsyncConnection, processes: Processes, person: str, pack: str | None
) -> tuple[Process, list[Process]]:
    """Return (the process to look at, all that a person has trips of, the one with most first).

    pack: an id in hex, or None for the first. Raises HTTPException 404 for a person without trips and for another pack.
    """
    found = []
    if 1 <= len(person) <= _PERSON_LENGTH_MAX and "\x00" not in person:
        found = [p for i in await person_rows.packs_of(connection, person) if (p := processes.find(i)) is not None]
    if not found:
        raise HTTPException(404, f"no trips of a person {person[:_PERSON_LENGTH_MAX]!r} are stored")
    for process in found:
        if pack is None or process.id.hex() == pack:
            return process, found
    raise HTTPException(
        404, f"{person} has no trips of a pack {pack}; there are {', '.join(p.id.hex() for p in found)}"
    )


def _score(process: Process, person: str, found: PersonScore) -> person_answers.PersonScore:
    standing = found.standing
    points = [None] * len(process.axes) if standing is None else [points for _, points in standing.axes]
    return person_answers.PersonScore(
        person=person,
        pack=answers.Pack(id=process.id.hex(), name=process.name, version=process.version),
        points=found.points,
        reason=found.reason or None,
        cohort=found.cohort,
        epochs=found.epochs,
        trips=found.tally.trips,
        km=found.tally.distance_m / 1000,
        benchmark_epoch=found.benchmark_epoch,
        weeks=found.weeks,
        among_own_weeks=standing is not None and standing.own,
        last_week_points=None if standing is None else standing.past,
        moved=None
        if standing is None or standing.moved is None
        else person_answers.ScoreMove(axis=standing.moved[0], points=standing.moved[1]),
        axes=[
            person_answers.ScoreAxis(
                title=title,
                weight=weight,
                points=of_axis,
                characteristics=[process.by_id[number].key for number in numbers],
            )
            for title, of_axis, (weight, numbers) in zip(process.axes, points, process.pack.axes, strict=True)
        ],
        chances=[]
        if standing is None
        else [
            person_answers.ScoreChance(
                characteristic=chance.characteristic.key,
                value=decimal(chance.characteristic, chance.value),
                unit=chance.characteristic.unit,
                points=chance.points,
            )
            for chance in standing.chances
        ],
    )


def _trend(process: Process, person: str, chosen: Characteristic, found: Trend) -> person_answers.PersonTrend:
    scale = 10**chosen.decimals
    line, expected = found.line, found.expected
    return person_answers.PersonTrend(
        person=person,
        pack=answers.Pack(id=process.id.hex(), name=process.name, version=process.version),
        characteristic=chosen.key,
        unit=chosen.unit,
        months=[
            person_answers.TrendMonth(month=month_label(month), value=decimal(chosen, value))
            for month, value in found.months
        ],
        line=None
        if line is None
        else person_answers.TrendLine(
            months=line.months,
            slope_per_month=line.slope / scale,
            slope_error=line.slope_error / scale,
            clear=line.is_clear,
            first=line.at(found.months[0][0]) / scale,
            last=line.at(found.months[-1][0]) / scale,
        ),
        expected=None
        if expected is None
        else person_answers.TrendPrediction(
            month=month_label(expected.month),
            value=expected.value / scale,
            low=expected.low / scale,
            high=expected.high / scale,
            share_pct=trend.SHARE_PCT,
        ),
    )


def _period(process: Process, period: Period | None, tally: Tally) -> person_answers.PersonPeriod:
    return person_answers.PersonPeriod(
        period=None if period is None else period.label,
        first_day=None if period is None else period.first,
        last_day=None if period is None else period.last,
        trips=tally.trips,
        km=tally.distance_m / 1000,
        values={
            c.key: person_answers.PeriodValue(
                value=decimal(c, c.value(tally.totals)),
                unit=c.unit,
                counting_error=decimal(c, c.counting_error(tally.totals)),
            )
            for c in process.period
        },
    )
