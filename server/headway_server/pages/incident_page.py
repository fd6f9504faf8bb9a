"""The page of incidents, and what the fleet's and a person's page show of incidents and services; links, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.process import decimal_text
from headway_protocol.incident import NOTICE, SEVERITY_NAMES
from headway_server.api.access import Server
from headway_server.ingest import service_rows
from headway_server.packs.processes import Processes
from headway_server.pages.html import SECURITY_HEADERS, templates
from headway_server.reading import incidents
from headway_server.reading.answers import instant
from headway_server.reading.incident_words import lasting, words_of

router = APIRouter(include_in_schema=False)

_ON_FLEET_PAGE = 10
_ON_PERSON_PAGE = 20
_ON_OWN_PAGE = 50
_ID_MAX = (1 << 63) - 1
_STATES = {"open": True, "closed": False, "all": None}
_UTC = "times in UTC by the device's clock"


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident in words. link: to the person's page; "" where there is none to link to, for they have no trips."""

    began: str
    words: str
    person: str
    link: str
    severity: str
    urgent: bool
    state: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service in words."""

    done: str
    what: str
    odometer: str
    litres: str


@dataclass(frozen=True, slots=True)
class IncidentList:
    """Incidents of several persons. others: how many there are beside that must not be listed by person."""

    caption: str
    rows: list[IncidentRow]
    others: int


@dataclass(frozen=True, slots=True)
class Told:
    """What one person's devices told."""

    incidents: list[IncidentRow]
    incidents_caption: str
    services: list[ServiceRow]
    services_caption: str


async def open_ones(connection: AsyncConnection, processes: Processes) -> IncidentList:
    """Return the open incidents that may stand on the fleet's page, the newest of them."""
    only = incidents.shown_together(processes)
    rows = await incidents.listed(connection, is_open=True, only=only, limit=_ON_FLEET_PAGE)
    number = await incidents.counted(connection, is_open=True, only=only)
    others = await incidents.counted(connection, is_open=True) - number
    latest = f", the latest {len(rows)}" if len(rows) < number else ""
    caption = f"{number} open{latest}; {_UTC}"
    return IncidentList(caption, await _with_links(connection, processes, rows), others)


async def told_by(connection: AsyncConnection, processes: Processes, person: str) -> Told:
    """Return the latest incidents and services of a person, of whatever pack."""
    found = await incidents.listed(connection, person=person, limit=_ON_PERSON_PAGE + 1)
    done = await service_rows.listed(connection, person=person, limit=_ON_PERSON_PAGE + 1)
    return Told(
        [_row(processes, row, "") for row in found[:_ON_PERSON_PAGE]],
        _caption(found, "incidents", _UTC),
        [_service(row) for row in done[:_ON_PERSON_PAGE]],
        _caption(done, "services", "as the person said"),
    )


@router.get("/incidents", response_class=HTMLResponse)
async def page(
    request: Request,
    server: Server,
    state: Annotated[str, Query(pattern="^(open|closed|all)$")] = "open",
    cursor: Annotated[int | None, Query(ge=1, le=_ID_MAX)] = None,
) -> Response:
    """The page."""
    is_open, processes = _STATES[state], server.processes
    async with server.database.read() as connection:
        only = incidents.shown_together(processes)
        rows = await incidents.listed(connection, is_open=is_open, only=only, before=cursor, limit=_ON_OWN_PAGE + 1)
        number = await incidents.counted(connection, is_open=is_open, only=only)
        others = await incidents.counted(connection, is_open=is_open) - number
        shown = await _with_links(connection, processes, rows[:_ON_OWN_PAGE])
    older = None
    if len(rows) > _ON_OWN_PAGE:
        older = "incidents?" + urlencode({"state": state, "cursor": rows[_ON_OWN_PAGE - 1].id})
    context = {
        "state": state,
        "states": [("open", "Open"), ("closed", "Closed"), ("all", "All")],
        "heading": {"open": "Open", "closed": "Closed", "all": "Open and closed"}[state],
        "list": IncidentList(f"{number} in all, last told first; {_UTC}", shown, others),
        "older": older,
        "is_later_page": cursor is not None,
    }
    return templates.TemplateResponse(request, "incidents.html", context, headers=SECURITY_HEADERS)


async def _with_links(connection: AsyncConnection, processes: Processes, rows: Sequence[Row[Any]]) -> list[IncidentRow]:
    known = await incidents.with_trips(connection, {row.person for row in rows})
    return [
        _row(processes, row, "person?" + urlencode({"id": row.person}) if row.person in known else "") for row in rows
    ]


def _row(processes: Processes, row: Row[Any], link: str) -> IncidentRow:
    process = None if row.pack_id is None else processes.find(row.pack_id)
    took_ms = incidents.took_ms(row)
    state = "open" if row.closed_by_boot is None else "closed"
    return IncidentRow(
        began=_time(row.opened_ms, "%Y-%m-%d %H:%M"),
        words=words_of(process, row.code, row.code_values),
        person=row.person,
        link=link,
        severity=SEVERITY_NAMES[row.severity],
        urgent=row.severity > NOTICE,
        state=state if took_ms is None else f"{state} after {lasting(took_ms)}",
    )


def _service(row: Row[Any]) -> ServiceRow:
    return ServiceRow(
        done=_time(row.done_ms, "%Y-%m-%d"),
        what=service_rows.name_of(row.what).capitalize(),
        odometer="" if row.odometer_km is None else str(row.odometer_km),
        litres="" if row.millilitres is None else decimal_text(row.millilitres, 3),
    )


def _caption(rows: Sequence[Row[Any]], what: str, more: str) -> str:
    latest = f"The latest {_ON_PERSON_PAGE} {what}" if len(rows) > _ON_PERSON_PAGE else f"All {what}, last told first"
    return f"{latest}; {more}"


def _time(unix_ms: int | None, pattern: str) -> str:
    found = instant(unix_ms)
    return "not known" if found is None else found.strftime(pattern)
