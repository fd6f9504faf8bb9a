"""What a person's page shows of a characteristic month by month, in words and as an image."""

import asyncio
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Response

from headway_edge.core.process import LOWER_IS_BETTER, NEUTRAL, Characteristic, Process, text
from headway_server.api.access import Server
from headway_server.api.person_api import Key, PackOfPerson, process_of, trend_of
from headway_server.pages import trend_chart
from headway_server.pages.html import SVG_HEADERS
from headway_server.reading import person_rows
from headway_server.reading.labels import label_of, unit_of, with_unit
from headway_server.reading.trend import MONTHS_MIN, Line, Prediction, Trend, month_label

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """A characteristic that can be chosen."""

    title: str
    link: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class MonthByMonth:
    """The section of the page. line, expected: sentences. image: "" and not_yet not, where there are too few months."""

    key: str
    title: str
    label: str
    about: str
    choices: list[Choice]
    not_yet: str
    image: str
    line: str
    expected: str
    months: list[tuple[str, str]]


@router.get("/trend.svg")
async def trend_svg(
    server: Server,
    person: Annotated[str, Query(alias="id")],
    pack: PackOfPerson = None,
    characteristic: Key = None,
    theme: Annotated[str, Query(pattern="^(light|dark)$")] = "light",
    size: Annotated[str, Query(pattern="^(wide|narrow)$")] = "wide",
) -> Response:
    """The months of a characteristic, as an image of its own (`SVG_HEADERS` says why)."""
    async with server.database.read() as connection:
        process, _ = await process_of(connection, server.processes, person, pack)
        days = await person_rows.days_of(connection, person, process.id)
        days += await person_rows.folded_months_of(connection, person, process.id)
        today = await person_rows.today_of(connection, person, server.now_ms())
    chosen, trend = trend_of(process, days, characteristic, today)
    if trend.line is None:
        raise HTTPException(404, not_yet(trend))
    style = trend_chart.look(dark=theme == "dark", narrow=size == "narrow")
    svg = await asyncio.to_thread(trend_chart.draw, chosen, trend, style)
    return Response(svg, media_type="image/svg+xml", headers=SVG_HEADERS)


def section(process: Process, person: str, context: list[str], chosen: Characteristic, trend: Trend) -> MonthByMonth:
    """Return the section. context: what the page is asked for beside it, which links keep."""
    of_person = {"id": person, "pack": process.id.hex()}
    better = {NEUTRAL: "", LOWER_IS_BETTER: " Lower is better."}.get(chosen.direction, " Higher is better.")
    asked = [name for name in context if name]
    drawn = trend.line is not None
    return MonthByMonth(
        key=chosen.key,
        title=chosen.title,
        label=label_of(chosen),
        about=f"{chosen.about}{better}",
        choices=[
            Choice(
                c.title,
                "person?" + urlencode({**of_person, "characteristic": c.key, "context": asked}, doseq=True),
                c is chosen,
            )
            for c in process.period
        ],
        not_yet="" if drawn else not_yet(trend),
        image="trend.svg?" + urlencode({**of_person, "characteristic": chosen.key}) if drawn else "",
        line="" if trend.line is None else _line(chosen, trend, trend.line),
        expected="" if trend.expected is None else _expected(chosen, trend.expected),
        months=[(month_label(month), text(chosen, value)) for month, value in reversed(trend.months)],
    )


def not_yet(trend: Trend) -> str:
    """Why there is no trend."""
    return f"Not yet: {trend.known} of at least {MONTHS_MIN} whole months have a value."


def _line(characteristic: Characteristic, trend: Trend, line: Line) -> str:
    first, last = (month_label(month) for month in (trend.months[0][0], trend.months[-1][0]))
    over = f"Over the {line.months} months with a value from {first} to {last}"
    digits = characteristic.decimals + 1
    scale = 10**characteristic.decimals
    unit = f" {unit_of(characteristic)}".rstrip()
    size, error = f"{abs(line.slope) / scale:.{digits}f}", f"{line.slope_error / scale:.{digits}f}"
    if not line.is_clear:
        sign = "-" if line.slope < 0 else "+"
        return f"{over} no clear trend: {sign}{size} ± {error}{unit} a month, which chance alone may do."
    way = "rose" if line.slope > 0 else "fell"
    ends = [with_unit(characteristic, round(line.at(month))) for month in (trend.months[0][0], trend.months[-1][0])]
    judged = ""
    if characteristic.direction != NEUTRAL:
        judged = (
            ", for the better"
            if (line.slope < 0) == (characteristic.direction == LOWER_IS_BETTER)
            else ", for the worse"
        )
    return f"{over} the trend {way} from {ends[0]} to {ends[1]}{judged}: {size} ± {error}{unit} a month."


def _expected(characteristic: Characteristic, expected: Prediction) -> str:
    return (
        f"Expected of {month_label(expected.month)}: {with_unit(characteristic, expected.value)}; "
        f"four times in five from {text(characteristic, expected.low)} to {with_unit(characteristic, expected.high)}."
    )
