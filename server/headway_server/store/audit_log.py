"""The audit log: what operators did and what was refused to others, in an order in which nothing can be changed unseen.

Each row has the SHA-256 of its content and of the hash of the row before, and is written in the transaction of what it
tells. So a row that is changed, taken out or put in is found by whoever verifies the chain. What a chain cannot show by
itself is that its end was cut off, or that all of it was made anew from some row on, by somebody who may write the
database: therefore the newest hash is told in the server's log with each row, for keeping elsewhere. No names are in
it: persons and devices are keyed hashes (`erasure_key`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.store.database import Database
from headway_server.store.tables import audit

log = structlog.get_logger(__name__)

# Actions.
EXPORTED, ERASED, WIPED, RESTORED = "export", "erase", "wiped", "restore"
EPOCH_CLOSED, PACK_PUBLISHED, PACK_OFFERED = "epoch close", "pack publish", "pack offer"
LETTERS_REPLAYED, LETTERS_DROPPED, REFUSED = "dead letters replay", "dead letters drop", "refused"

# Actors.
OPERATOR, COMMAND, TIMER, DEVICE, NOBODY = "operator", "command", "timer", "device", "unknown"

FIRST = hashlib.sha256(b"headway audit 1").digest()  # in the place of the hash before the first row
_LOCK = 0x48656164777A  # of PostgreSQL: writers of this table take turns
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """rows: how many there are. newest: hash of the last, FIRST without any. problems: rows that do not fit, in words."""

    rows: int
    newest: bytes
    problems: list[str]


async def note(
    connection: AsyncConnection,
    now: int,
    actor: str,
    action: str,
    detail: Mapping[str, Any] | None = None,
    subject: bytes | None = None,
) -> None:
    """Add a row within the caller's transaction, as its last statement. now: Unix ms. detail: JSON without names."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    newest = (
        await connection.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1))
    ).one_or_none()
    row: dict[str, Any] = {
        "number": 1 if newest is None else newest.number + 1,
        "at_ms": now,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": dict(detail or {}),
        "previous": FIRST if newest is None else newest.hash,
    }
    row["hash"] = digest_of(row)
    await connection.execute(audit.insert(), row)
    log.info("audit", number=row["number"], action=action, actor=actor, newest_hash=row["hash"].hex())


def digest_of(row: Mapping[str, Any]) -> bytes:
    """Return the hash that a row with this content and this hash before it has."""
    subject = row["subject"]
    content = [
        row["number"],
        row["at_ms"],
        row["actor"],
        row["action"],
        None if subject is None else subject.hex(),
        row["detail"],
        row["previous"].hex(),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).digest()


async def listed(connection: AsyncConnection, before: int | None, limit: int) -> list[Row[Any]]:
    """Return up to `limit` rows, the newest first; those before the row with number `before`."""
    query = select(audit).order_by(audit.c.number.desc()).limit(limit)
    return list(await connection.execute(query if before is None else query.where(audit.c.number < before)))


async def counted(connection: AsyncConnection) -> int:
    """Return how many rows there are."""
    return int((await connection.execute(select(func.count()).select_from(audit))).scalar_one())


async def verify(database: Database, expected: bytes | None = None) -> Verified:
    """Hold every row against the one before it.

    expected: a hash that was told at some time: without a row that has it, the end was cut off or the log was made
    anew.
    """
    previous, number, rows = FIRST, 0, 0
    problems: list[str] = []
    is_there = expected is None or expected == FIRST
    async with database.read() as connection:
        while True:
            some = list(
                await connection.execute(
                    select(audit).where(audit.c.number > number).order_by(audit.c.number).limit(_AT_ONCE)
                )
            )
            for row in some:
                if row.number != number + 1:
                    problems.append(f"rows {number + 1} to {row.number - 1} are not there")
                elif row.previous != previous:
                    problems.append(f"row {row.number} does not follow from the one before it")
                if digest_of(row._asdict()) != row.hash:
                    problems.append(f"row {row.number} was changed")
                previous, number, rows = row.hash, row.number, rows + 1
                is_there = is_there or row.hash == expected
            if len(some) < _AT_ONCE:
                break
    if not is_there:
        problems.append("no row has the hash that was expected: the end is cut off, or the log was made anew")
    return Verified(rows, previous, problems)
