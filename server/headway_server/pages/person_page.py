"""A person's page: their score, a trend, and what their trips add up to by month and by week; links and forms, no script."""

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from headway_edge.core.process import Characteristic, Process, text
from headway_server.api.access import Server
from headway_server.api.person_api import Key, process_of, trend_of
from headway_server.pages import incident_page, spider, trend_page
from headway_server.pages.html import SECURITY_HEADERS, SVG_HEADERS, templates
from headway_server.reading import person_rows
from headway_server.reading.labels import columns_of, label_of, with_unit
from headway_server.reading.standings import PersonScore, score_of
from headway_server.totals.periods import Contexts, period_of, read_contexts, roll_up
from headway_server.totals.tally import Tally

router = APIRouter(include_in_schema=False)

_MONTHS_MAX = 24
_WEEKS_MAX = 26
_CHANCES_TOLD = 3

Person = Annotated[str, Query(alias="id")]
PackId = Annotated[str | None, Query(max_length=64)]


@router.get("/person", response_class=HTMLResponse)
async def person_page(
    request: Request,
    server: Server,
    person: Person,
    pack: PackId = None,
    context: Annotated[list[str] | None, Query(max_length=8, description="As of the API, one or several.")] = None,
    characteristic: Key = None,
) -> Response:
    """The page."""
    async with server.database.read() as connection:
        process, processes = await process_of(connection, server.processes, person, pack)
        try:
            contexts = read_contexts(process, ",".join(context or []))
        except ValueError as e:
            raise HTTPException(422, str(e)) from e
        days = await person_rows.days_of(connection, person, process.id)
        folded = await person_rows.folded_months_of(connection, person, process.id)
        cohorts = await person_rows.cohorts_of(connection, person)
        score = await score_of(connection, process, person, server.now_ms())
        told = await incident_page.told_by(connection, server.processes, person)
        today = await person_rows.today_of(connection, person, server.now_ms())
    shows_trend = characteristic is not None or process.period
    trend = trend_of(process, days + folded, characteristic, today) if shows_trend else None
    columns = columns_of(process)
    months = list(roll_up(process, days + folded, "month", contexts).items())
    weeks = list(roll_up(process, days, "week", contexts).items())
    shown = {
        "person": person,
        "process": process,
        "processes": processes,
        "cohorts": sorted({cohort for cohort, pack_id in cohorts if pack_id == process.id}),
        "link": lambda other: "person?" + urlencode({"id": person, "pack": other.id.hex()}),
        "forecast_link": "forecasts?" + urlencode({"id": person, "pack": process.id.hex()})
        if process.pack.series
        else "",
        "fleet_link": "./?" + urlencode({"pack": process.id.hex()}),
        "episodes": _episodes(process),
        "spider": "score.svg?" + urlencode({"id": person, "pack": process.id.hex()}),
        **_score(process, score),
        "choosers": _choosers(process, contexts),
        "columns": [label_of(c) for c in columns],
        "months": [(str(period), _cells(columns, tally)) for period, tally in months if period][:_MONTHS_MAX],
        "weeks": [(str(period), _cells(columns, tally)) for period, tally in weeks if period][:_WEEKS_MAX],
        "folded_months": sorted({str(period_of(day, "month")) for day, context, _ in folded if contexts.fit(context)}),
        "undated": [_cells(columns, tally) for period, tally in months if period is None],
        "counted": any(c.counted for c in columns),
        "trend": None if trend is None else trend_page.section(process, person, context or [], *trend),
        "told": told,
    }
    return templates.TemplateResponse(request, "person.html", shown, headers=SECURITY_HEADERS)


@router.get("/score.svg")
async def score_svg(
    server: Server,
    person: Person,
    pack: PackId = None,
    theme: Annotated[str, Query(pattern="^(light|dark)$")] = "light",
    size: Annotated[str, Query(pattern="^(wide|narrow)$")] = "wide",
) -> Response:
    """The axes of a person's score, as an image of its own (`SVG_HEADERS` says why)."""
    async with server.database.read() as connection:
        process, _ = await process_of(connection, server.processes, person, pack)
        score = await score_of(connection, process, person, server.now_ms())
    if score.standing is None or score.points is None:
        raise HTTPException(404, f"no score yet: {score.reason}")
    axes = [(title, points) for title, points in score.standing.axes if points is not None]
    svg = await asyncio.to_thread(spider.draw, axes, spider.look(dark=theme == "dark", narrow=size == "narrow"))
    return Response(svg, media_type="image/svg+xml", headers=SVG_HEADERS)


def _episodes(process: Process) -> str:
    return "days" if process.pack.kind == "day" else "trips"


def _score(process: Process, score: PersonScore) -> dict[str, Any]:
    standing = score.standing
    if standing is None:
        return {"score": score, "axes": []}
    told = [f"{title} {points}" for title, points in standing.axes if points is not None]
    return {
        "score": score,
        "axes": [
            (title, points, weight, ", ".join(_part(process.by_id[number], score) for number in numbers))
            for (title, points), (weight, numbers) in zip(standing.axes, process.pack.axes, strict=True)
        ],
        "axes_in_words": f"Points of {len(told)} axes, best at 100: {', '.join(told)}.",
        "without_data": [title for title, points in standing.axes if points is None],
        "among": _among(score),
        "made_of": _made_of(process, score),
        "chances": [
            (
                chance.characteristic.title,
                with_unit(chance.characteristic, chance.value),
                (score.points or 0) + chance.points,
            )
            for chance in standing.chances[:_CHANCES_TOLD]
        ],
    }


def _part(characteristic: Characteristic, score: PersonScore) -> str:
    value = characteristic.value(score.tally.totals)
    return f"{characteristic.title} {'not known' if value is None else with_unit(characteristic, value)}"


def _among(score: PersonScore) -> str:
    own = f"the person's own {score.weeks} whole weeks"
    if score.benchmark_epoch is None:
        return f"Among {own}: no benchmark of cohort {score.cohort} is published."
    cohort = f"Among the people of cohort {score.cohort} (benchmark of epoch {score.benchmark_epoch})"
    return f"{cohort} and, where that says nothing, {own}." if score.standing and score.standing.own else f"{cohort}."


def _made_of(process: Process, score: PersonScore) -> str:
    epochs = [f"{number} (open)" if number == score.open_epoch else str(number) for number in score.epochs]
    what = f"{score.tally.trips} {_episodes(process)}"
    if process.pack.kind != "day":
        what += f" and {score.tally.distance_m / 1000:.1f} km"
    return f"From {what} of epoch{'s' if len(epochs) > 1 else ''} {' and '.join(epochs)}"


def _choosers(process: Process, contexts: Contexts) -> list[dict[str, Any]]:
    """One for each context of the pack: what it is called, and (value, words, whether chosen) of each choice."""
    texts = {item["name"]: item for item in process.catalogue.get("contexts", [])}
    found = []
    for i, name in enumerate(process.contexts):
        asked, holds = contexts.mask >> i & 1, contexts.bits >> i & 1
        title = texts.get(name, {}).get("title", name)
        label = name.replace("_", " ").capitalize()
        otherwise = texts.get(name, {}).get("otherwise", f"not {name}")
        choices = [
            ("", "Any", not asked),
            (name, title, asked and holds),
            (f"-{name}", otherwise, asked and not holds),
        ]
        found.append({"label": label, "choices": choices})
    return found


def _cells(columns: list[Characteristic], tally: Tally) -> list[str]:
    found = []
    for c in columns:
        value, error = c.value(tally.totals), c.counting_error(tally.totals)
        found.append(text(c, value) if value is None or error is None else f"{text(c, value)} ± {text(c, error)}")
    return found
