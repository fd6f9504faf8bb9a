"""The API of what devices tell beside trips: incidents, and what people say was done to a vehicle."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import Row

from headway_protocol.incident import SEVERITY_NAMES
from headway_server.api import incident_answers
from headway_server.api.access import Server
from headway_server.api.api import pack_answer
from headway_server.ingest import service_rows
from headway_server.packs.processes import Processes
from headway_server.reading import incidents
from headway_server.reading.answers import Place, Value, decimal, instant
from headway_server.reading.incident_words import change_of, name_of, words_of

router = APIRouter(tags=["incidents"])

_ID_MAX = (1 << 63) - 1
Device = Annotated[str | None, Query(max_length=65, description="<group>/<name>")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[int | None, Query(ge=1, le=_ID_MAX, description="`next` of the page before.")]


@router.get("/api/v1/incidents")
async def list_incidents(
    server: Server,
    is_open: Annotated[bool | None, Query(alias="open", description="Only those that are open, or closed.")] = None,
    device: Device = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> incident_answers.IncidentPage:
    """Incidents, the last committed first, with how long each took."""
    _check(device)
    async with server.database.read() as connection:
        rows = await incidents.listed(connection, is_open=is_open, device=device, before=cursor, limit=limit)
    return incident_answers.IncidentPage(
        incidents=[_incident(server.processes, row) for row in rows],
        next=str(rows[-1].id) if len(rows) == limit else None,
    )


@router.get("/api/v1/services")
async def list_services(
    server: Server, device: Device = None, limit: Limit = 100, cursor: Cursor = None
) -> incident_answers.ServicePage:
    """What people said was done to their vehicles, the last committed first."""
    _check(device)
    async with server.database.read() as connection:
        rows = await service_rows.listed(connection, device=device, before=cursor, limit=limit)
    return incident_answers.ServicePage(
        services=[_service(row) for row in rows], next=str(rows[-1].id) if len(rows) == limit else None
    )


def _check(device: str | None) -> None:
    if device is not None and "\x00" in device:
        raise HTTPException(422, "a device's name has no NUL")


def _incident(processes: Processes, row: Row[Any]) -> incident_answers.Incident:
    process = None if row.pack_id is None else processes.find(row.pack_id)
    told = change_of(process, row.code, row.code_values)
    change = None
    if told is not None:
        c, seen, expected_tenths = told.characteristic, told.change.seen, told.change.expected_tenths
        change = incident_answers.IncidentChange(
            characteristic=c.key,
            title=c.title,
            direction=told.change.direction,
            since=told.change.since,
            each=told.noun,
            size=Value(value=None if seen is not None else decimal(c, told.change.size), unit=c.unit),
            error=Value(value=None if seen is not None else decimal(c, told.change.error), unit=c.unit),
            seen=seen,
            usual=None if expected_tenths is None else expected_tenths / 10,
        )
    took_ms = incidents.took_ms(row)
    return incident_answers.Incident(
        device=row.device,
        boot=row.boot,
        seq=row.seq,
        person=row.person,
        pack=None if row.pack_id is None else pack_answer(processes, row.pack_id),
        code=row.code,
        name=name_of(row.code),
        severity=SEVERITY_NAMES[row.severity],
        words=words_of(process, row.code, row.code_values),
        values=row.code_values,
        change=change,
        opened=instant(row.opened_ms),
        is_open=row.closed_by_boot is None,
        closed=instant(row.closed_ms),
        closed_by=None if row.closed_by_boot is None else Place(boot=row.closed_by_boot, seq=row.closed_by_seq),
        time_to_restore_s=None if took_ms is None else took_ms / 1000,
    )


def _service(row: Row[Any]) -> incident_answers.Service:
    return incident_answers.Service(
        device=row.device,
        boot=row.boot,
        seq=row.seq,
        person=row.person,
        what=row.what,
        name=service_rows.name_of(row.what),
        done=instant(row.done_ms),
        odometer_km=row.odometer_km,
        litres=None if row.millilitres is None else row.millilitres / 1000,
    )
