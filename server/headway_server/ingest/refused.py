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
from headway_server.ingest.arrival import Refusal, storable
from headway_server.store.database import insert_into, insert_new_into, slices
from headway_server.store.tables import (
    REASON_LENGTH_MAX,
    TOPIC_LENGTH_MAX,
    dead_letters,
    quarantine,
    rejections,
)

DEAD_LETTER_BYTES_MAX = 4096
# Letters that are kept: 40 MB at most. Whoever floods a broker with garbage must not fill the disk of the records.
DEAD_LETTERS_MAX = 10_000
OVERFLOW = bytes(32)  # the row that counts the others
QUARANTINE_MAX = 1000  # records of one device; what is more is counted, not kept

Refused = tuple[str, int, int, bytes, int, str]  # device, boot, seq, payload, code, reason


def digest_of(topic: str, payload: bytes) -> bytes:
    """Return what a dead letter is found by: SHA-256 of topic, NUL, payload. topic: as it is stored (`storable`)."""
    return hashlib.sha256(topic.encode() + b"\x00" + payload).digest()


async def bury(connection: AsyncConnection, refusals: Iterable[Refusal], now: int) -> None:
    """Keep as dead letters those refusals that do not go to quarantine; the same message again only counts."""
    rows: dict[bytes, dict[str, Any]] = {}
    counts: dict[bytes, int] = {}
    for refusal in refusals:
        if refusal.code == IMPLAUSIBLE and refusal.seq is not None:
            continue
        message = refusal.message
        topic = storable(message.topic)
        digest = digest_of(topic, message.payload)
        counts[digest] = counts.get(digest, 0) + 1
        rows[digest] = {
            "hash": digest,
            "topic": topic[:TOPIC_LENGTH_MAX],
            "payload": message.payload[:DEAD_LETTER_BYTES_MAX],
            "payload_bytes": len(message.payload) if message.bytes_total is None else message.bytes_total,
            "code": refusal.code,
            "reason": storable(refusal.reason)[:REASON_LENGTH_MAX],
            "received_at_ms": now,
            "count": counts[digest],
            "retained": message.retained,
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
        rows[OVERFLOW] = {
            "hash": OVERFLOW,
            "topic": "",
            "payload": b"",
            "payload_bytes": 0,
            "code": None,
            "reason": f"not kept: there are {DEAD_LETTERS_MAX} dead letters already",
            "received_at_ms": now,
            "count": left_out,
            "retained": False,
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
    insert = insert_new_into(connection, rejections, ("device",))
    return [device for (device,) in await connection.execute(insert, list(rows.values()))]


async def quarantine_records(connection: AsyncConnection, refused: Sequence[Refused], now: int) -> list[str]:
    """Keep the records' bytes, once each, QUARANTINE_MAX of a device; return the device of each that was not there before."""
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
    kept, beyond = await _within_quarantine(connection, list(rows.values()))
    if kept:
        insert = insert_new_into(connection, quarantine, ("device",))
        return [device for (device,) in await connection.execute(insert, kept)] + beyond
    return beyond


async def _within_quarantine(
    connection: AsyncConnection, rows: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return (rows that there is room for, the device of each other one)."""
    q = quarantine.c
    room: dict[str, int] = {}
    for some in slices(sorted({row["device"] for row in rows})):
        query = select(q.device, func.count()).where(q.device.in_(some)).group_by(q.device)
        room.update({device: QUARANTINE_MAX - count for device, count in await connection.execute(query)})
    kept, beyond = [], []
    for row in rows:
        device = row["device"]
        room[device] = room.get(device, QUARANTINE_MAX) - 1
        if room[device] >= 0:
            kept.append(row)
        else:
            beyond.append(device)
    return kept, beyond
