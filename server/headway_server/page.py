"""The one page: the fleet at a glance, how a cohort is distributed, and the drivers; no script, links and forms only."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.characteristics import BY_ID, LOWER_IS_BETTER, PERIOD, Characteristic, text
from headway_server import chart, fleet
from headway_server.answers import instant
from headway_server.api import Server
from headway_server.epochs import ALL_CHARACTERISTICS, UNKNOWN_COHORT

router = APIRouter(include_in_schema=False)

_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")  # autoescapes .html
_templates.env.trim_blocks = _templates.env.lstrip_blocks = True

_FIRST_CHARACTERISTIC = 103
# A driver's row: what the paper's drivers were compared by, and what a fleet asks about first.
_COLUMNS = (100, 101, 102, 103, 104, 105, 106, 107, 108)
_PERSON = "person"
_NAME_LENGTH_MAX = 64
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class View:
    """What is looked at: a cohort ("" when there is none yet), a characteristic, an epoch."""

    cohort: str
    characteristic: Characteristic
    epoch: int
    is_open: bool
    persons: dict[str, list[int]]
    knots: fleet.Knots | None
    note: str

    def values(self) -> dict[str, int]:
        """The persons that have a value, lowest first."""
        found = {person: self.characteristic.value(totals) for person, totals in self.persons.items()}
        known = {person: value for person, value in found.items() if value is not None}
        return dict(sorted(known.items(), key=lambda item: (item[1], item[0])))

    def title(self) -> str:
        """The chart's title: what, of whom, how many."""
        return f"{chart.name_of(self.characteristic)} · {self.cohort} · epoch {self.epoch} · n = {len(self.values())}"


async def look_at(
    connection: AsyncConnection, k_floor: int, cohort: str | None, number: int | None, epoch: int | None
) -> tuple[View, list[str], list[tuple[int, bool, datetime | None]]]:
    """Return (view, cohorts to choose from, epochs to choose from).

    Without a choice: the characteristic the paper begins with, the open epoch if anybody drove in it, else the last
    closed one, and the largest cohort of it. Raises HTTPException 404 for what does not exist.
    """
    epochs = await fleet.list_epochs(connection)
    by_number = {row.number: row for row in epochs}
    if number is not None and number not in {c.id for c in PERIOD}:
        raise HTTPException(404, f"there is no characteristic {number}; ids are 100 to {PERIOD[-1].id}")
    if epoch is not None and epoch not in by_number:
        raise HTTPException(404, f"there is no epoch {epoch}; {epochs[0].number} is open")
    chosen = epoch or epochs[0].number
    found = await fleet.cohort_persons(connection, chosen)
    if not found and epoch is None and len(epochs) > 1:
        chosen = epochs[1].number
        found = await fleet.cohort_persons(connection, chosen)
    if cohort is None or cohort not in found:
        cohort = max(found, key=lambda name: len(found[name]), default="")
    characteristic = BY_ID[number or _FIRST_CHARACTERISTIC]
    is_open = by_number[chosen].closed_at_ms is None
    tables = await fleet.list_benchmarks(connection, up_to_epoch=chosen)
    knots = next((t for t in tables if t.cohort == cohort and t.characteristic == characteristic.id), None)
    note = await _note(connection, k_floor, chosen, cohort, characteristic, len(found.get(cohort, {})), knots, is_open)
    choices = [(row.number, row.closed_at_ms is None, instant(row.opened_at_ms)) for row in epochs]
    view = View(cohort, characteristic, chosen, is_open, found.get(cohort, {}), knots, note)
    return view, sorted(found), choices


async def _note(
    connection: AsyncConnection,
    k_floor: int,
    epoch: int,
    cohort: str,
    characteristic: Characteristic,
    persons: int,
    knots: fleet.Knots | None,
    is_open: bool,
) -> str:
    """Say which benchmark is shown, or why none is."""
    if not cohort:
        return ""
    if knots is not None and knots.epoch == epoch:
        return f"Published to the devices of this cohort at the close of epoch {epoch}."
    older = f" Shown is the one of epoch {knots.epoch}, which devices still hold." if knots else ""
    if is_open:
        if cohort == UNKNOWN_COHORT:
            return "These devices have not told their vehicle class yet: they get no benchmark until they do." + older
        if persons < k_floor:
            return (
                f"No benchmark would be published now: {persons} of at least {k_floor} persons. With fewer, its numbers "
                "would tell about single persons." + older
            )
        return f"Epoch {epoch} is open: its benchmark is published when it closes." + older
    for row in await fleet.list_withheld(connection, epoch):
        if row.cohort == cohort and row.characteristic in {ALL_CHARACTERISTICS, characteristic.id}:
            return f"No benchmark was published at the close of epoch {epoch}: {row.reason}." + older
    return f"No benchmark was published at the close of epoch {epoch}." + older


Name = Annotated[str | None, Query(max_length=_NAME_LENGTH_MAX)]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("/", response_class=HTMLResponse)
async def page(
    request: Request,
    server: Server,
    cohort: Name = None,
    characteristic: Number = None,
    epoch: Number = None,
    sort: Annotated[str, Query(pattern="^(person|[0-9]{1,3})$")] = _PERSON,
    order: Annotated[str, Query(pattern="^(up|down)$")] = "up",
) -> Response:
    """The page."""
    async with server.database.read() as connection:
        counters = await fleet.counters(connection)
        view, cohorts, epochs = await look_at(connection, server.settings.k_floor, cohort, characteristic, epoch)
    state = {"cohort": view.cohort, "characteristic": view.characteristic.id, "epoch": view.epoch}

    def link(**changes: str | int) -> str:
        return "?" + urlencode({**state, "sort": sort, "order": order, **changes})

    values = view.values()
    last = server.ingest.last_commit_ms
    context = {
        "counters": counters,
        "broker": None if server.mqtt is None else server.mqtt.connected,
        "database": server.mqtt is None or server.mqtt.database_works,
        "last_commit_age_s": None if last is None else max(0, (server.now_ms() - last) // 1000),
        "view": view,
        "cohorts": cohorts,
        "epochs": epochs,
        "link": link,
        "state": state,
        "sort": sort,
        "order": order,
        "characteristics": [(c, chart.name_of(c)) for c in PERIOD],
        "columns": [(str(number), chart.axis_label(BY_ID[number])) for number in _COLUMNS],
        "drivers": _drivers(view, sort, descending=order == "down"),
        "name": chart.name_of(view.characteristic),
        "label": chart.axis_label(view.characteristic),
        "lower_is_better": view.characteristic.direction == LOWER_IS_BETTER,
        "values": [
            (person, text(view.characteristic, value), f"{100 * (2 * i + 1) / (2 * len(values)):.0f}")
            for i, (person, value) in enumerate(values.items())
        ],
        "summary": _summary(view, list(values.values())),
        "knots": []
        if view.knots is None
        else [
            (f"{share / 10:.1f}", text(view.characteristic, value))
            for share, value in zip(view.knots.shares_permille, view.knots.values, strict=True)
        ],
        "chart": "chart.svg?" + urlencode(state),
    }
    return _templates.TemplateResponse(request, "page.html", context, headers=_SECURITY_HEADERS)


@router.get("/chart.svg")
async def chart_svg(
    server: Server,
    cohort: Name = None,
    characteristic: Number = None,
    epoch: Number = None,
    theme: Annotated[str, Query(pattern="^(light|dark)$")] = "light",
    size: Annotated[str, Query(pattern="^(wide|narrow)$")] = "wide",
) -> Response:
    """The chart of a view, as an image of its own: inline, its style attributes would be against the page's policy."""
    async with server.database.read() as connection:
        view, _, _ = await look_at(connection, server.settings.k_floor, cohort, characteristic, epoch)
    values = list(view.values().values())
    if not values or (cohort is not None and view.cohort != cohort):
        raise HTTPException(404, "nobody in this cohort has a value yet")
    knots = None if view.knots is None else (view.knots.shares_permille, view.knots.values)
    style = chart.look(dark=theme == "dark", narrow=size == "narrow")
    title = f"n = {len(values)} persons" if size == "narrow" else view.title()
    svg = await asyncio.to_thread(chart.draw, view.characteristic, values, knots, title, style)
    headers = {**_SECURITY_HEADERS, "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(svg, media_type="image/svg+xml", headers=headers)


def _drivers(view: View, sort: str, *, descending: bool) -> list[tuple[str, list[str]]]:
    """One row a person, sorted by name or by a column; those without a value come last either way."""
    columns = [BY_ID[number] for number in _COLUMNS]
    people = sorted(view.persons.items(), reverse=descending and sort == _PERSON)
    if sort != _PERSON and int(sort) in _COLUMNS:
        by = BY_ID[int(sort)]
        known = [item for item in people if by.value(item[1]) is not None]
        unknown = [item for item in people if by.value(item[1]) is None]
        people = sorted(known, key=lambda item: by.value(item[1]) or 0, reverse=descending) + unknown
    return [(person, [text(c, c.value(totals)) for c in columns]) for person, totals in people]


def _summary(view: View, values: list[int]) -> str:
    """The chart in words, for who does not see it."""
    if not values:
        return ""
    unit = chart.unit_of(view.characteristic)
    unit = f" {unit}" if unit else ""
    middle = values[(len(values) - 1) // 2]
    return (
        f"{len(values)} persons, from {text(view.characteristic, values[0])} to "
        f"{text(view.characteristic, values[-1])}{unit}, half of them at or below {text(view.characteristic, middle)}{unit}."
    )
