"""The fleet's page: the fleet at a glance, how a cohort is distributed, and the drivers; links and forms, no script."""

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from headway_edge.core.process import LOWER_IS_BETTER, NEUTRAL, Characteristic, text
from headway_server.api.access import Server
from headway_server.backups.restore import restored_ms
from headway_server.pages import chart, incident_page
from headway_server.pages.html import SECURITY_HEADERS, SVG_HEADERS, templates
from headway_server.reading import fleet
from headway_server.reading.alarms import every_alarm
from headway_server.reading.answers import instant
from headway_server.reading.fleet_view import View, look_at
from headway_server.reading.labels import columns_of, label_of

router = APIRouter(include_in_schema=False)

_PERSON = "person"
_ALARMS_MAX = 10
_RESTORED_SHOWN_MS = 7 * 86_400_000
_NAME_LENGTH_MAX = 64

Name = Annotated[str | None, Query(max_length=_NAME_LENGTH_MAX)]
Number = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("/", response_class=HTMLResponse)
async def page(
    request: Request,
    server: Server,
    pack: Name = None,
    cohort: Name = None,
    characteristic: Number = None,
    epoch: Number = None,
    sort: Annotated[str, Query(pattern="^(person|[0-9]{1,5})$")] = _PERSON,
    order: Annotated[str, Query(pattern="^(up|down)$")] = "up",
) -> Response:
    """The page."""
    async with server.database.read() as connection:
        now = server.now_ms()
        counters = await fleet.counters(connection, now)
        alarms = await every_alarm(connection, server.held_back(), now, server.settings.erase_days)
        restored = await restored_ms(connection)
        incidents = await incident_page.open_ones(connection, server.processes)
        view, choices = await look_at(
            connection,
            server.processes,
            server.settings.k_floor,
            pack=pack,
            cohort=cohort,
            number=characteristic,
            epoch=epoch,
        )
    last = server.ingest.last_commit_ms
    context = {
        "counters": counters,
        "alarms": [(alarm, _day(alarm.last_ms)) for alarm in alarms[:_ALARMS_MAX]],
        "restored": None if restored is None or restored < now - _RESTORED_SHOWN_MS else instant(restored),
        "alarms_more": max(0, len(alarms) - _ALARMS_MAX),
        "incidents": incidents,
        "broker": None if server.mqtt is None else server.mqtt.connected,
        "database": server.mqtt is None or server.mqtt.database_works,
        "last_commit_age_s": None if last is None else max(0, (server.now_ms() - last) // 1000),
        "view": view,
        "choices": choices,
        "sort": sort,
        "order": order,
        **({} if view is None else _shown(view, sort, order)),
    }
    return templates.TemplateResponse(request, "page.html", context, headers=SECURITY_HEADERS)


def _shown(view: View, sort: str, order: str) -> dict[str, Any]:
    state = _state(view)

    def link(**changes: str | int) -> str:
        return "?" + urlencode({**state, "sort": sort, "order": order, **changes})

    values = view.values()
    columns = columns_of(view.process)
    return {
        "link": link,
        "pack_link": lambda process: "?" + urlencode({"epoch": view.epoch, "pack": process.id.hex()}),
        "person_link": lambda person: "person?" + urlencode({"id": person, "pack": view.process.id.hex()}),
        "characteristics": view.process.period,
        "columns": [(str(c.id), label_of(c)) for c in columns],
        "drivers": _drivers(view, columns, sort, descending=order == "down") if view.shows_persons else [],
        "label": label_of(view.characteristic),
        "better": {NEUTRAL: "", LOWER_IS_BETTER: "Lower is better."}.get(
            view.characteristic.direction, "Higher is better."
        ),
        "values": [
            (person, text(view.characteristic, value), f"{100 * (2 * i + 1) / (2 * len(values)):.0f}")
            for i, (person, value) in enumerate(values.items())
        ],
        "summary": view.summary(),
        "knots": []
        if view.knots is None
        else [
            (f"{share / 10:.1f}", text(view.characteristic, value))
            for share, value in zip(view.knots.shares_permille, view.knots.values, strict=True)
        ],
        "chart": "chart.svg?" + urlencode(state),
    }


def _day(unix_ms: int) -> str:
    found = instant(unix_ms)
    return "" if found is None else found.strftime("%Y-%m-%d")


def _state(view: View) -> dict[str, str | int]:
    return {
        "pack": view.process.id.hex(),
        "cohort": view.cohort,
        "characteristic": view.characteristic.id,
        "epoch": view.epoch,
    }


@router.get("/chart.svg")
async def chart_svg(
    server: Server,
    pack: Name = None,
    cohort: Name = None,
    characteristic: Number = None,
    epoch: Number = None,
    theme: Annotated[str, Query(pattern="^(light|dark)$")] = "light",
    size: Annotated[str, Query(pattern="^(wide|narrow)$")] = "wide",
) -> Response:
    """The chart of a view, as an image of its own: inline, its style attributes would be against the page's policy."""
    async with server.database.read() as connection:
        view, _ = await look_at(
            connection,
            server.processes,
            server.settings.k_floor,
            pack=pack,
            cohort=cohort,
            number=characteristic,
            epoch=epoch,
        )
    if view is None or not view.summary() or (cohort is not None and view.cohort != cohort):
        raise HTTPException(404, "there is nothing to draw of this cohort yet")
    values, knots, persons = view.drawn()
    style = chart.look(dark=theme == "dark", narrow=size == "narrow")
    title = f"n = {persons} persons" if size == "narrow" else view.title()
    svg = await asyncio.to_thread(chart.draw, view.characteristic, values, knots, title, style)
    return Response(svg, media_type="image/svg+xml", headers=SVG_HEADERS)


def _drivers(view: View, columns: list[Characteristic], sort: str, *, descending: bool) -> list[tuple[str, list[str]]]:
    """One row a person, sorted by name or by a column; those without a value come last either way."""
    people = sorted(view.persons.items(), reverse=descending and sort == _PERSON)
    by = next((c for c in columns if str(c.id) == sort), None)
    if by is not None:
        known = [item for item in people if by.value(item[1].totals) is not None]
        unknown = [item for item in people if by.value(item[1].totals) is None]
        people = sorted(known, key=lambda item: by.value(item[1].totals) or 0, reverse=descending) + unknown
    return [(person, [text(c, c.value(tally.totals)) for c in columns]) for person, tally in people]
