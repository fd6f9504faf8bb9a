"""The API of dead letters, for the operator only: they may hold anything."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from sqlalchemy import Row

from headway_protocol import cbor, code_texts
from headway_protocol.diagnostic import diagnostic as in_notation
from headway_protocol.errors import DecodeError
from headway_server.api import dead_letter_answers as shapes
from headway_server.api.access import Server, operator
from headway_server.ingest import dead_letters
from headway_server.ingest.dead_letters import HASH_BYTES
from headway_server.reading import answers
from headway_server.reading.answers import instant

router = APIRouter(
    tags=["operation"],
    dependencies=[Depends(operator)],
    responses={status: {"model": answers.Problem} for status in (401, 403)},
)

_PREFIX_MIN = 4
_MS_MAX = (1 << 63) - 1


@router.get("/api/v1/dead-letters", responses={422: {"model": answers.Problem}})
async def list_letters(
    server: Server,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=90, description="`next` of the page before.")] = None,
) -> shapes.DeadLetterPage:
    """Messages that are no record, the last received first."""
    before = None if cursor is None else _place(cursor)
    async with server.database.read() as connection:
        rows = await dead_letters.listed(connection, before, limit)
        total = await dead_letters.counted(connection)
    return shapes.DeadLetterPage(
        letters=[shapes.DeadLetter(**_letter(row)) for row in rows],
        total=total,
        next=f"{rows[-1].received_at_ms}-{rows[-1].hash.hex()}" if len(rows) == limit else None,
    )


@router.get("/api/v1/dead-letters/{prefix}", responses={status: {"model": answers.Problem} for status in (404, 409)})
async def show_letter(
    server: Server, prefix: Annotated[str, Path(description="The hash, or the first 4 digits or more of it.")]
) -> shapes.DeadLetterDetail:
    """One letter, with its bytes."""
    digits = prefix[: len(prefix) // 2 * 2]
    wanted = _bytes(digits) if _PREFIX_MIN <= len(prefix) <= 2 * HASH_BYTES else None
    if wanted is None:
        raise HTTPException(404, f"a letter is named by {_PREFIX_MIN} to {2 * HASH_BYTES} hexadecimal digits")
    async with server.database.read() as connection:
        rows = [
            row for row in await dead_letters.found(connection, wanted) if row.hash.hex().startswith(prefix.lower())
        ]
    if not rows:
        raise HTTPException(404, f"no dead letter's hash begins with {prefix}")
    if len(rows) > 1:
        raise HTTPException(409, f"several dead letters' hashes begin with {prefix}: give more digits")
    try:
        diagnostic = in_notation(cbor.decode(rows[0].payload))
    except DecodeError:
        diagnostic = None
    return shapes.DeadLetterDetail(**_letter(rows[0]), payload=rows[0].payload.hex(), diagnostic=diagnostic)


@router.post("/api/v1/dead-letters/replay", responses={422: {"model": answers.Problem}})
async def replay_letters(server: Server, request: shapes.Letters) -> shapes.Replayed:
    """Read letters again: after an upgrade, or once a defect is mended. Those that are taken now are letters no more."""
    done = await dead_letters.replay(server.database, server.ingest, _hashes(request))
    if server.mqtt is not None:
        server.mqtt.tell(done.acknowledgements)
    return shapes.Replayed(
        letters=[
            shapes.Outcome(hash=digest.hex(), outcome=outcome, why=why)  # type: ignore[arg-type] # one of four
            for digest, (outcome, why) in done.outcomes.items()
        ]
    )


@router.post("/api/v1/dead-letters/drop", responses={422: {"model": answers.Problem}})
async def drop_letters(server: Server, request: shapes.Letters) -> shapes.Dropped:
    """Delete letters."""
    return shapes.Dropped(dropped=await dead_letters.drop(server.database, _hashes(request), server.now_ms()))


def _hashes(request: shapes.Letters) -> list[bytes]:
    found = [_bytes(text) for text in request.hashes]
    if any(digest is None or len(digest) != HASH_BYTES for digest in found):
        raise HTTPException(422, f"a letter is named by {2 * HASH_BYTES} hexadecimal digits")
    return [digest for digest in found if digest is not None]


def _place(cursor: str) -> tuple[int, bytes]:
    received, _, digest = cursor.partition("-")
    found = _bytes(digest)
    if not received.isdecimal() or int(received) > _MS_MAX or found is None or len(found) != HASH_BYTES:
        raise HTTPException(422, "the cursor is none that an earlier page gave")
    return int(received), found


def _bytes(digits: str) -> bytes | None:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return None


def _letter(row: Row[Any]) -> dict[str, Any]:
    return {
        "hash": row.hash.hex(),
        "topic": row.topic,
        "payload_bytes": row.payload_bytes,
        "whole": dead_letters.is_whole(row),
        "code": None if row.code is None else code_texts.explain(row.code)[0],
        "reason": row.reason,
        "received": instant(row.received_at_ms),
        "count": row.count,
        "retained": row.retained,
    }
