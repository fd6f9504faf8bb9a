"""Where refused messages go: dead letters, quarantine, and the list of seqs that are refused for good.

A dead letter is a message that is no record. The quarantine holds records whose identity is known but whose content
cannot be taken: it contradicts itself, or what is stored already. Both keep the bytes for a person to look at.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol.codes import IMPLAUSIBLE
from headway_server.arrival import Refusal, storable
from headway_server.database import insert_into
from headway_server.tables import (
    REASON_LENGTH_MAX,
    TOPIC_LENGTH_MAX,
    dead_letters,
    quarantine,
    rejections,
)

DEAD_LETTER_BYTES_MAX = 4096
# Letters that are kept: 40 MB at most. Whoever floods a broker with garbage must not fill the disk of the records.
DEAD_LETTERS_MAX = 10_000
_OVERFLOW = bytes(32)  # the row that counts the others

Refused = tuple[str, int, int, bytes, int, str]  # device, boot, seq, payload, code, reason


async def bury(connection: AsyncConnection, refusals: Iterable[Refusal], now: int) -> None:
    """Keep as dead letters those refusals that do not go to quarantine; the same message again only counts."""
    rows: dict[bytes, dict[str, Any]] = {}
    counts: dict[bytes, int] = {}
    for refusal in refusals:
        if refusal.code == IMPLAUSIBLE and refusal.seq is not None:
            continue
        topic = storable(refusal.topic)
        digest = hashlib.sha256(topic.encode() + b"\x00" + refusal.payload).digest()
        counts[digest] = counts.get(digest, 0) + 1
        rows[digest] = {
            "hash": digest,
            "topic": topic[:TOPIC_LENGTH_MAX],
            "payload": refusal.payload[:DEAD_LETTER_BYTES_MAX],
            "payload_bytes": len(refusal.payload),
            "code": refusal.code,
            "reason": storable(refusal.reason)[:REASON_LENGTH_MAX],
            "received_at_ms": now,
            "count": counts[digest],
        }
    if not rows:
        return
    rows = await _within_bounds(connection, rows, now)
    insert = insert_into(connection, dead_letters)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=[dead_letters.c.hash],
            set_={
                "count": dead_letters.c.count + insert.excluded.count,
                "received_at_ms": insert.excluded.received_at_ms,
            },
        ),
        [rows[digest] for digest in sorted(rows)],
    )


async def _within_bounds(
    connection: AsyncConnection, rows: dict[bytes, dict[str, Any]], now: int
) -> dict[bytes, dict[str, Any]]:
    """Leave out letters that would exceed DEAD_LETTERS_MAX; one row counts them."""
    kept = (await connection.execute(select(func.count()).select_from(dead_letters))).scalar_one()
    if kept + len(rows) <= DEAD_LETTERS_MAX:
        return rows
    known = set(
        (await connection.execute(select(dead_letters.c.hash).where(dead_letters.c.hash.in_(list(rows))))).scalars()
    )
    room = max(0, DEAD_LETTERS_MAX - kept)
    new = sorted(rows.keys() - known)
    left_out = sum(rows.pop(digest)["count"] for digest in new[room:])
    if left_out:
        rows[_OVERFLOW] = {
            "hash": _OVERFLOW,
            "topic": "",
            "payload": b"",
            "payload_bytes": 0,
            "code": None,
            "reason": f"not kept: there are {DEAD_LETTERS_MAX} dead letters already",
            "received_at_ms": now,
            "count": left_out,
        }
    return rows


async def reject(connection: AsyncConnection, refused: Sequence[Refused], now: int) -> list[str]:
    """Note seqs that are refused for good; return the device of each one that was not noted before."""
    rows = {
        (device, boot, seq): {
            "device": device,
            "boot": boot,
            "seq": seq,
            "code": code,
            "reason": storable(reason)[:REASON_LENGTH_MAX],
            "received_at_ms": now,
        }
        for device, boot, seq, _payload, code, reason in refused
    }
    if not rows:
        return []
    insert = insert_into(connection, rejections).on_conflict_do_nothing().returning(rejections.c.device)
    return [device for (device,) in await connection.execute(insert, list(rows.values()))]


async def quarantine_records(connection: AsyncConnection, refused: Sequence[Refused], now: int) -> list[str]:
    """Keep the records' bytes, once each; return the device of each one that was not there before."""
    rows = {}
    for device, boot, seq, payload, code, reason in refused:
        digest = hashlib.sha256(payload).digest()
        rows[device, boot, seq, digest] = {
            "device": device,
            "boot": boot,
            "seq": seq,
            "hash": digest,
            "code": code,
            "reason": storable(reason)[:REASON_LENGTH_MAX],
            "payload": payload,
            "received_at_ms": now,
        }
    if not rows:
        return []
    insert = insert_into(connection, quarantine).on_conflict_do_nothing().returning(quarantine.c.device)
    return [device for (device,) in await connection.execute(insert, list(rows.values()))]
