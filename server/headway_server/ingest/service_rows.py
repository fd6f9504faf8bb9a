"""The rows of services: what people say was done to a vehicle, as an oil change or a refuel; stored, listed, in words."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol.service import SERVICE_NAMES
from headway_server.ingest.arrival import Arrival, Service
from headway_server.store.database import insert_into
from headway_server.store.tables import services


async def insert(connection: AsyncConnection, stored: list[Arrival], persons: Mapping[str, str]) -> None:
    """Insert the services among `stored`, which must be new. persons: {device: person}."""
    rows = [
        {"device": a.device, "boot": a.boot, "seq": a.seq, "person": persons[a.device], **columns(a.service)}
        for a in stored
        if a.service is not None
    ]
    if rows:
        await connection.execute(insert_into(connection, services), rows)


def columns(service: Service) -> dict[str, Any]:
    """Return the columns of a service as its record has them."""
    return {
        "what": service.what,
        "done_ms": service.done_ms,
        "odometer_km": service.odometer_km,
        "millilitres": service.millilitres,
    }


async def listed(
    connection: AsyncConnection,
    *,
    device: str | None = None,
    person: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Row[Any]]:
    """Return up to `limit` services, the last committed first; before: those committed before the one with that id."""
    s = services.c
    query = select(services).order_by(s.id.desc()).limit(limit)
    if device is not None:
        query = query.where(s.device == device)
    if person is not None:
        query = query.where(s.person == person)
    if before is not None:
        query = query.where(s.id < before)
    return list(await connection.execute(query))


def name_of(what: int) -> str:
    """Return what was done in words, a number where it is newer than this server.

    >>> name_of(1), name_of(77)
    ('oil changed', 'service 77')
    """
    return SERVICE_NAMES.get(what, f"service {what}")
