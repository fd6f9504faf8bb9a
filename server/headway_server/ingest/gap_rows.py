"""The rows of what is missing, kept current by the transaction that moves a boot's `upto` and `highest`.

In the common case, records in order, nothing here touches the database. A gap is the server's to ask for (`gaps`); a row
begins anew, with a grace, when a part of it has come, for then the device is at work on it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, and_, bindparam, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol.fields import UINT32_MAX
from headway_server.ingest.arrival import Presence
from headway_server.ingest.sequence import without
from headway_server.store.database import insert_new_into, slices
from headway_server.store.tables import boots, devices, gaps

ASKS_MAX = 8  # then it is unfilled
GRACE_MS = 60_000  # for what is still under way in order
OPEN_END = UINT32_MAX  # last_seq where nobody knows the end
# Boots of which nothing came, between two of which something did: more of them than this are no gap but another lineage
# of numbers (a wiped store begins far from where it ended).
MISSING_BOOTS_MAX = 256

_BOOTS_PER_QUERY = 100
_Gap = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moved:
    """What one transaction did to one boot. is_new: it had no row. taken: what was handled now, as (first, last)."""

    device: str
    boot: int
    is_new: bool
    upto_before: int
    highest_before: int
    highest: int
    taken: list[tuple[int, int]]


async def follow(connection: AsyncConnection, moved: Iterable[Moved], now: int) -> None:
    """Close and open gaps after what was handled. The rows of `boots` are written already, and the devices locked."""
    moved = list(moved)
    new = [(m.device, m.boot) for m in moved if m.is_new]
    found: list[_Gap] = []
    if new:
        # Some may have been missing boots, of which nobody knew the end.
        await connection.execute(_DELETE, [{"of": device, "of_boot": boot, "of_seq": 1} for device, boot in new])
    found += await _shrunk(connection, [m for m in moved if _reaches_into_gaps(m)], now)
    for m in moved:
        if m.highest > m.highest_before:
            opened = without([(m.highest_before + 1, m.highest)], m.taken)
            found += [_gap(m.device, m.boot, first, last, now, now) for first, last in opened]
    found += await _boots_between(connection, new, now)
    if found:
        await connection.execute(insert_new_into(connection, gaps), found)


def _reaches_into_gaps(m: Moved) -> bool:
    return m.upto_before < m.highest_before and any(
        first <= m.highest_before and last > m.upto_before for first, last in m.taken
    )


async def _shrunk(connection: AsyncConnection, moved: list[Moved], now: int) -> list[_Gap]:
    """Take away the gaps of which something came, and return what is left of them."""
    taken = {(m.device, m.boot): m.taken for m in moved}
    found: list[_Gap] = []
    gone = []
    g = gaps.c
    for at in range(0, len(moved), _BOOTS_PER_QUERY):
        near = [
            and_(
                g.device == m.device,
                g.boot == m.boot,
                g.first_seq <= max(last for _, last in m.taken),
                g.last_seq >= min(first for first, _ in m.taken),
            )
            for m in moved[at : at + _BOOTS_PER_QUERY]
        ]
        rows = await connection.execute(select(g.device, g.boot, g.first_seq, g.last_seq, g.since_ms).where(or_(*near)))
        for device, boot, first, last, since_ms in rows:
            left = without([(first, last)], taken[device, boot])
            if left != [(first, last)]:
                gone.append({"of": device, "of_boot": boot, "of_seq": first})
                found += [_gap(device, boot, *part, since_ms, now) for part in left]
    if gone:
        await connection.execute(_DELETE, gone)
    return found


async def _boots_between(connection: AsyncConnection, new: list[tuple[str, int]], now: int) -> list[_Gap]:
    """Return a gap for each boot that is missing between a new one and its neighbours."""
    found: dict[tuple[str, int], _Gap] = {}
    for some in slices(new):
        rows = await connection.execute(_NEIGHBOURS, {"boots": some})
        for device, boot, lower, higher in rows:
            for first, last in ((lower, boot), (boot, higher)):
                if first is not None and last is not None and last - first - 1 <= MISSING_BOOTS_MAX:
                    for missing in range(first + 1, last):
                        found[device, missing] = _gap(device, missing, 1, OPEN_END, now, now)
    return list(found.values())


def _gap(device: str, boot: int, first: int, last: int, since_ms: int, now: int) -> _Gap:
    return {
        "device": device,
        "boot": boot,
        "first_seq": first,
        "last_seq": last,
        "since_ms": since_ms,
        "due_ms": now + GRACE_MS,
    }


async def let_speak(connection: AsyncConnection, presences: Iterable[Presence], now: int) -> None:
    """Give devices that have just come the grace to send by themselves; of a new boot they are asked anew.

    To be called before the devices' rows are brought up to date.
    """
    rows = [{"of": p.device, "boot_now": p.boot, "earliest": now + GRACE_MS} for p in presences if p.online]
    if rows:
        await connection.execute(_ANEW, rows)
        await connection.execute(_GRACE, rows)


async def close_never_made(connection: AsyncConnection, presences: Iterable[Presence]) -> None:
    """Take away missing boots of which the device says, by leaving them out between its ends, that they made no record.

    To be called when the ends themselves are rows of `boots`.
    """
    rows = [{"of": p.device, "lowest": min(p.ends)[0], "newest": max(p.ends)[0]} for p in presences if len(p.ends) > 1]
    if rows:
        await connection.execute(_NEVER_MADE, rows)


_b, _below, _above = boots.c, boots.alias("below").c, boots.alias("above").c
_NEIGHBOURS = select(
    _b.device,
    _b.boot,
    select(func.max(_below.boot)).where(_below.device == _b.device, _below.boot < _b.boot).scalar_subquery(),
    select(func.min(_above.boot)).where(_above.device == _b.device, _above.boot > _b.boot).scalar_subquery(),
).where(tuple_(_b.device, _b.boot).in_(bindparam("boots", expanding=True)))

_g = gaps.c
_OF = _g.device == bindparam("of")
_DELETE = delete(gaps).where(_OF, _g.boot == bindparam("of_boot"), _g.first_seq == bindparam("of_seq"))
_GRACE = update(gaps).where(_OF, _g.due_ms < bindparam("earliest")).values(due_ms=bindparam("earliest"))
_ANEW = (
    update(gaps)
    .where(
        _OF,
        _g.asked >= ASKS_MAX,
        exists().where(devices.c.device == _g.device, devices.c.boot < bindparam("boot_now", type_=BigInteger)),
    )
    .values(asked=0, due_ms=bindparam("earliest"))
)
_NEVER_MADE = delete(gaps).where(
    _OF,
    _g.boot > bindparam("lowest", type_=BigInteger),
    _g.boot < bindparam("newest", type_=BigInteger),
    ~exists().where(boots.c.device == _g.device, boots.c.boot == _g.boot),
)
