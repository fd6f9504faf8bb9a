"""Dead letters, for an operator: which there are, reading them again, dropping them.

Reading one again makes sense after an upgrade, or once a defect is mended. It goes through `Ingest.commit` like any message,
so what was stored meanwhile is not stored twice. Only what was kept whole can be read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Row, delete, exists, func, select, tuple_, update
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import ack, code_texts
from headway_server.ingest.arrival import Arrival, Received, Refusal, read
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.receipts import Acknowledgement
from headway_server.ingest.refused import OVERFLOW, digest_of
from headway_server.store import audit_log
from headway_server.store.database import Database, slices
from headway_server.store.tables import dead_letters, devices, records, rejections

log = structlog.get_logger(__name__)

HASH_BYTES = 32

# What came of a letter that was read again.
TAKEN, REFUSED, CUT, GONE = "taken", "refused", "cut", "gone"


@dataclass(slots=True)
class Replayed:
    """What came of letters that were read again: {hash: (TAKEN and so on, why)}; acknowledgements: to be published."""

    outcomes: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)


async def listed(connection: AsyncConnection, before: tuple[int, bytes] | None, limit: int) -> list[Row[Any]]:
    """Return up to `limit` letters, the last received first; those after the letter (received_at_ms, hash)."""
    d = dead_letters.c
    query = select(dead_letters).order_by(d.received_at_ms.desc(), d.hash.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(d.received_at_ms, d.hash) < before)
    return list(await connection.execute(query))


async def found(connection: AsyncConnection, prefix: bytes) -> list[Row[Any]]:
    """Return the letters whose hash begins with `prefix`, two of them at most."""
    lowest = prefix.ljust(HASH_BYTES, b"\x00")
    highest = prefix.ljust(HASH_BYTES, b"\xff")
    query = select(dead_letters).where(dead_letters.c.hash.between(lowest, highest)).limit(2)
    return list(await connection.execute(query))


async def counted(connection: AsyncConnection) -> int:
    """Return how many letters there are, each once."""
    return int((await connection.execute(select(func.count()).select_from(dead_letters))).scalar_one())


def is_whole(row: Row[Any]) -> bool:
    """Whether a letter is kept with every byte: what is cut has another hash."""
    return bool(row.hash != OVERFLOW and digest_of(row.topic, row.payload) == row.hash)


async def drop(database: Database, hashes: Sequence[bytes], now: int) -> int:
    """Delete letters; return how many there were. now: Unix ms."""
    dropped = 0
    async with database.write() as connection:
        for some in slices(sorted(set(hashes))):
            dropped += (await connection.execute(delete(dead_letters).where(dead_letters.c.hash.in_(some)))).rowcount
        await audit_log.note(connection, now, audit_log.OPERATOR, audit_log.LETTERS_DROPPED, {"letters": dropped})
    log.info("dead letters dropped", letters=dropped)
    return dropped


async def replay(database: Database, ingest: Ingest, hashes: Sequence[bytes]) -> Replayed:
    """Read letters again, one by one; those that are taken now are letters no more, the others stay as they are.

    Raises SQLAlchemyError or OSError where the database fails; what was taken before that is.
    """
    done = Replayed()
    for digest in hashes:
        async with database.read() as connection:
            rows = await found(connection, digest)
        if not rows:
            done.outcomes[digest] = GONE, "there is no such letter any more"
        elif not is_whole(rows[0]):
            done.outcomes[digest] = CUT, f"only the beginning of its {rows[0].payload_bytes} bytes was kept"
        else:
            done.outcomes[digest] = await _replay_one(database, ingest, rows[0], done.acknowledgements)
    taken = sum(outcome == TAKEN for outcome, _ in done.outcomes.values())
    async with database.write() as connection:
        detail = {"letters": len(done.outcomes), "taken": taken}
        await audit_log.note(connection, ingest.now_ms(), audit_log.OPERATOR, audit_log.LETTERS_REPLAYED, detail)
    return done


async def _replay_one(
    database: Database, ingest: Ingest, row: Row[Any], acknowledgements: list[Acknowledgement]
) -> tuple[str, str]:
    message = Received(row.topic, row.payload, row.retained)
    now = read(message, ingest.processes.find)
    if isinstance(now, Refusal):
        return REFUSED, now.reason
    try:
        answers = await ingest.commit([message])
    except DataError as e:
        return REFUSED, f"makes the commit fail: {type(e).__name__}"
    except (SQLAlchemyError, OSError):
        raise
    except Exception as e:  # noqa: BLE001 - a defect that is not mended: the letter stays
        return REFUSED, f"makes the commit fail: {type(e).__name__}"
    acknowledgements += answers
    async with database.write() as connection:
        await connection.execute(delete(dead_letters).where(dead_letters.c.hash == row.hash))
        if isinstance(now, Arrival):
            await _refused_no_more(connection, now)
    refused = [code for answer in answers for _, code in ack.decode(answer.payload)[2]]
    return TAKEN, "" if not refused else f"put in quarantine as {code_texts.explain(refused[0])[0]}"


async def _refused_no_more(connection: AsyncConnection, arrival: Arrival) -> None:
    x, r = rejections.c, records.c
    key = (x.device == arrival.device, x.boot == arrival.boot, x.seq == arrival.seq)
    stored = exists().where(r.device == x.device, r.boot == x.boot, r.seq == x.seq)
    if (await connection.execute(delete(rejections).where(*key, stored))).rowcount:
        counted_down = update(devices).where(devices.c.device == arrival.device)
        await connection.execute(counted_down.values(rejected=devices.c.rejected - 1))
