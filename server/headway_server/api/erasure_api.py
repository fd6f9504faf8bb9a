"""The API of a person's rights, and of the audit log: export, erase, certificates. For the operator only, reading too."""

import tempfile
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select

from headway_server.api import erasure_answers as shapes
from headway_server.api.access import Server, operator
from headway_server.erasure import erasures
from headway_server.errors import ServerError
from headway_server.reading import answers, certificate, person_export
from headway_server.reading.answers import instant
from headway_server.store import audit_log
from headway_server.store.tables import erased_devices

router = APIRouter(
    tags=["privacy"],
    dependencies=[Depends(operator)],
    responses={status: {"model": answers.Problem} for status in (401, 403)},
)

_CHUNK_BYTES = 64 * 1024
_HASH_DIGITS = 64


@router.get(
    "/api/v1/persons/{person:path}/export",
    response_class=StreamingResponse,
    responses={404: {"model": answers.Problem}},
)
async def export(
    server: Server,
    person: str,
    form: Annotated[Literal["json", "csv"], Query(alias="format", description="csv: the trips only.")] = "json",
) -> StreamingResponse:
    """Everything that the server holds on a person, as one JSON document (docs/privacy.md), or the trips as CSV."""
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - it is sent after this returns
    try:
        async with server.database.read() as connection:
            if form == "csv":
                rows = await person_export.write_csv(connection, server.processes, person, file)
            else:
                rows = await person_export.write_json(connection, server.processes, person, server.now_ms(), file)
        _need(rows)
        subject = None if server.journal is None else server.journal.key.person(person)
        async with server.database.write() as connection:
            detail = {"format": form, "rows": rows}
            await audit_log.note(connection, server.now_ms(), audit_log.OPERATOR, audit_log.EXPORTED, detail, subject)
    except BaseException:
        file.close()
        raise
    size = file.tell()
    file.seek(0)
    media = "text/csv; charset=utf-8; header=present" if form == "csv" else "application/json"
    return StreamingResponse(
        _chunks(file),
        media_type=media,
        headers={"Content-Length": str(size), "Content-Disposition": f'attachment; filename="person.{form}"'},
    )


@router.post(
    "/api/v1/persons/{person:path}/erase", responses={status: {"model": answers.Problem} for status in (404, 409)}
)
async def erase(server: Server, person: str) -> shapes.Erased:
    """Erase a person everywhere (docs/privacy.md). It cannot be undone."""
    try:
        done = await server.erase(person, audit_log.OPERATOR)
    except erasures.NothingToErase as e:
        raise HTTPException(404, e.cause) from e
    except ServerError as e:
        raise HTTPException(409, str(e)) from e
    return shapes.Erased(number=done.number, rows=done.places, devices=len(done.devices))


@router.get("/api/v1/erasures")
async def list_erasures(server: Server) -> list[shapes.Erasure]:
    """Every erasure, the newest first."""
    e = erased_devices.c
    async with server.database.read() as connection:
        rows = await erasures.listed(connection)
        counts = await connection.execute(
            select(e.number, func.count(), func.count(e.confirmed_at_ms)).group_by(e.number)
        )
        by_number = {number: (devices, wiped) for number, devices, wiped in counts}
    return [
        shapes.Erasure(
            number=row.number,
            erased=instant(row.erased_at_ms),
            devices=by_number.get(row.number, (0, 0))[0],
            wiped=by_number.get(row.number, (0, 0))[1],
        )
        for row in rows
    ]


@router.get("/api/v1/erasures/{number}/certificate", responses={404: {"model": answers.Problem}})
async def show_certificate(server: Server, number: int) -> dict[str, Any]:
    """The certificate of an erasure as it stands now, signed: each place, and whether that is all."""
    async with server.database.read() as connection:
        found = await erasures.found(connection, number)
    if found is None:
        raise HTTPException(404, f"there is no erasure {number}")
    said = certificate.statement(*found, server.settings.erase_days, server.now_ms())
    return certificate.sign(said, server.signing.keys[0])


@router.post(
    "/api/v1/erasures/{number}/wiped",
    status_code=204,
    responses={status: {"model": answers.Problem} for status in (404, 409)},
)
async def wiped(server: Server, number: int, request: shapes.WipedDevice) -> None:
    """A device of the erasure cannot say it itself: it was reflashed, or destroyed."""
    try:
        done = await erasures.confirmed_by_hand(
            server.database, server.need_journal(), number, request.device, server.now_ms(), audit_log.OPERATOR
        )
    except ServerError as e:
        raise HTTPException(409, str(e)) from e
    if not done:
        raise HTTPException(404, f"erasure {number} does not wait for this device")


@router.get("/api/v1/audit")
async def list_audit(
    server: Server,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the page before.")] = None,
) -> shapes.AuditPage:
    """What operators did and what was refused to others, the newest first."""
    async with server.database.read() as connection:
        rows = await audit_log.listed(connection, before, limit)
        total = await audit_log.counted(connection)
    return shapes.AuditPage(
        rows=[
            shapes.AuditRow(
                number=row.number,
                at=instant(row.at_ms),
                actor=row.actor,
                action=row.action,
                subject=None if row.subject is None else row.subject.hex(),
                detail=row.detail,
                hash=row.hash.hex(),
            )
            for row in rows
        ],
        total=total,
        next=rows[-1].number if len(rows) == limit else None,
    )


@router.get("/api/v1/audit/verify")
async def verify_audit(
    server: Server,
    expected: Annotated[
        str | None, Query(pattern=f"^[0-9a-f]{{{_HASH_DIGITS}}}$", description="A hash that was told before.")
    ] = None,
) -> shapes.AuditVerified:
    """Hold every row against the one before it."""
    found = await audit_log.verify(server.database, None if expected is None else bytes.fromhex(expected))
    return shapes.AuditVerified(rows=found.rows, newest_hash=found.newest.hex(), problems=found.problems)


def _need(rows: int) -> None:
    if rows == 0:
        raise HTTPException(404, "nothing is stored of this person")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
