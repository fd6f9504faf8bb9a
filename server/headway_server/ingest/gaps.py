"""Asking devices for what is missing: when, how often, and until when.

A device is asked when it can answer, after a grace, at growing intervals, and at most ASKS_MAX times; then the gap is
unfilled and shown as that, and asked for again when the device has started again. Asking does no harm: what a device has
not settled yet it sends anyway, what it still keeps it sends again, and the rest it declares lost.
"""

from collections import defaultdict
from typing import Any

import structlog
from sqlalchemy import BigInteger, ColumnElement, Row, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import command, topics
from headway_server.ingest.gap_rows import ASKS_MAX, OPEN_END
from headway_server.ingest.receipts import Acknowledgement
from headway_server.store.tables import boots, devices, gaps, refills

log = structlog.get_logger(__name__)

_MINUTE_MS = 60_000
# After the first time, the second, and so on; the last one holds for all that follow.
WAITS_MS = (_MINUTE_MS, 5 * _MINUTE_MS, 30 * _MINUTE_MS, 6 * 60 * _MINUTE_MS, 24 * 60 * _MINUTE_MS)
RECENT_MS = 5 * _MINUTE_MS  # who spoke so lately is likely to hear, whatever its presence says
REFILL_ASKS_MAX = 6  # nobody answers that there is nothing; so often that a bad day does not swallow every one
_ROWS_AT_ONCE = 2000

WAITING, ASKED, UNFILLED = "waiting", "asked", "unfilled"

_Ranges = defaultdict[str, list[tuple[int, int, int]]]


def state_of(gap: Row[Any], now: int) -> str:
    """Return WAITING for a gap that was not asked for yet, ASKED, or UNFILLED: asked for the last time, and long ago."""
    if gap.asked == 0:
        return WAITING
    return UNFILLED if gap.asked >= ASKS_MAX and gap.due_ms <= now else ASKED


def is_unfilled(now: int) -> ColumnElement[bool]:
    """Return the condition of `state_of` being UNFILLED."""
    return and_(gaps.c.asked >= ASKS_MAX, gaps.c.due_ms <= now)


async def ask(connection: AsyncConnection, now: int) -> list[Acknowledgement]:
    """Note, and return as messages on `cmd` topics, what is to be asked for now; one message a device at most.

    now: Unix ms. What does not go into this call's messages is due in the next.
    """
    ranges: _Ranges = defaultdict(list)
    asked = await _gaps_due(connection, ranges, now)
    if asked:
        await connection.execute(_ASKED, asked)
    await _refills_due(connection, ranges, now)
    found = []
    for device, its_ranges in sorted(ranges.items()):
        group, name = device.split("/")
        found.append(Acknowledgement(topics.topic(group, name, topics.CMD), command.resend(its_ranges)))
        log.info("asking for records", ranges=its_ranges)
    return found


def _when(now: int) -> dict[str, int]:
    # Due later than any wait: the server's clock was ahead when it was noted.
    return {"due_by": now, "never_due": now + 2 * WAITS_MS[-1], "seen_after": now - RECENT_MS}


def _may_be_due(due_ms: ColumnElement[int]) -> ColumnElement[bool]:
    return or_(due_ms <= bindparam("due_by", type_=BigInteger), due_ms > bindparam("never_due", type_=BigInteger))


_REACHABLE = or_(devices.c.online, devices.c.last_seen_ms > bindparam("seen_after", type_=BigInteger))
_g, _f = gaps.c, refills.c
_GAPS_DUE = (
    select(_g.device, _g.boot, _g.first_seq, _g.last_seq, _g.asked)
    .join(devices, devices.c.device == _g.device)
    .where(_g.asked < ASKS_MAX, _may_be_due(_g.due_ms), _REACHABLE)
    .order_by(_g.due_ms, _g.device, _g.boot, _g.first_seq)
    .limit(_ROWS_AT_ONCE)
    # Batches hold a device before they touch its gaps: never wait for one here.
    .with_for_update(of=gaps, skip_locked=True)
)
_REFILLS_DUE = (
    select(_f.device, _f.boot, _f.asked, devices.c.boot.label("newest"), devices.c.online)
    .join(devices, devices.c.device == _f.device)
    .where(_may_be_due(_f.due_ms), _REACHABLE)
    .order_by(_f.due_ms, _f.device)
    .limit(_ROWS_AT_ONCE)
    .with_for_update(of=refills, skip_locked=True)
)


async def _gaps_due(connection: AsyncConnection, ranges: _Ranges, now: int) -> list[dict[str, Any]]:
    asked = []
    for device, boot, first, last, times in await connection.execute(_GAPS_DUE, _when(now)):
        if len(ranges[device]) < command.RANGES_MAX:
            ranges[device].append((boot, first, last))
            asked.append({"of": device, "of_boot": boot, "of_seq": first, "now": now, "next_ms": now + _wait_ms(times)})
    return asked


async def _refills_due(connection: AsyncConnection, ranges: _Ranges, now: int) -> None:
    """After a restore: ask for whatever came after the last that is known.

    It counts only where the device says that it is there: what a broker kept over weeks may make it look as if it had spoken.
    """
    asked, done = [], []
    for device, boot, times, newest, online in (await connection.execute(_REFILLS_DUE, _when(now))).all():
        wanted = sorted({boot, newest} - {0})
        if len(ranges[device]) + len(wanted) > command.RANGES_MAX:
            continue
        for of_boot in wanted:
            query = select(func.max(boots.c.highest)).where(boots.c.device == device, boots.c.boot == of_boot)
            highest = (await connection.execute(query)).scalar_one() or 0
            if highest < OPEN_END:
                ranges[device].append((of_boot, highest + 1, OPEN_END))
        if times + 1 < REFILL_ASKS_MAX or not online:
            asked.append({"of": device, "times": times + online, "next_ms": now + _wait_ms(times)})
        else:
            done.append({"of": device})
        if not ranges[device]:
            del ranges[device]
    if asked:
        await connection.execute(_REFILL_ASKED, asked)
    if done:
        await connection.execute(_REFILL_DONE, done)


def _wait_ms(times: int) -> int:
    return WAITS_MS[min(times, len(WAITS_MS) - 1)]


_ASKED = (
    update(gaps)
    .where(
        gaps.c.device == bindparam("of"),
        gaps.c.boot == bindparam("of_boot"),
        gaps.c.first_seq == bindparam("of_seq"),
    )
    .values(asked=gaps.c.asked + 1, asked_ms=bindparam("now"), due_ms=bindparam("next_ms"))
)
_OF_REFILL = refills.c.device == bindparam("of")
_REFILL_ASKED = update(refills).where(_OF_REFILL).values(asked=bindparam("times"), due_ms=bindparam("next_ms"))
_REFILL_DONE = delete(refills).where(_OF_REFILL)
