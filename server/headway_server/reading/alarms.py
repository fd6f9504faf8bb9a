"""What of single devices somebody should look at, in words, with what to do: clones, gaps, floods, losses, refusals, offers.

Read only. What happened more than 30 days ago is no alarm any more; the counters still have it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import code_texts, codes
from headway_server.ingest.gap_rows import ASKS_MAX, OPEN_END
from headway_server.ingest.gaps import is_unfilled
from headway_server.ingest.rate_limit import HeldBack
from headway_server.ingest.sequence import union_size
from headway_server.store.tables import devices, erased_devices, erasures, gaps, losses, quarantine, records, rejections

# By gravity.
CLONE, UNFILLED, FLOOD, LOST, REFUSED, MISSING = "clone", "unfilled", "flood", "lost", "refused", "missing"
UNERASED, UNTAKEN = "unerased", "untaken"
_ORDER = (CLONE, UNERASED, UNFILLED, FLOOD, LOST, REFUSED, UNTAKEN, MISSING)

_SINCE_MS = 30 * 86_400_000
_PER_KIND_MAX = 500
_MISSING_FOR_MS = 3_600_000  # a gap of less is in the ordinary way of things
_UNTAKEN_FOR_MS = 86_400_000  # a pack waits for the end of the trip, or of the day


@dataclass(frozen=True, slots=True)
class Alarm:
    """One. device: or the erasure that it is about. last_ms: when it was last so, by the server's clock, Unix ms."""

    device: str
    kind: str
    words: str
    last_ms: int
    next_step: str


async def every_alarm(
    connection: AsyncConnection, held_back: Iterable[HeldBack], now: int, erase_days: float
) -> list[Alarm]:
    """Return the alarms, the gravest kind first, then the latest; at most 500 of a kind. erase_days: as set."""
    since_ms = now - _SINCE_MS
    found = [
        *await _clones(connection, since_ms),
        *await _unerased(connection, now - round(erase_days * 86_400_000)),
        *await _unfilled(connection, now),
        *(_flood(one) for one in held_back if one.last_ms > since_ms),
        *await _lost(connection, since_ms),
        *await _refused(connection, since_ms),
        *await _untaken(connection, since_ms),
        *await _missing(connection, now),
    ]
    return sorted(found, key=lambda alarm: (_ORDER.index(alarm.kind), -alarm.last_ms, alarm.device, alarm.words))


async def _clones(connection: AsyncConnection, since_ms: int) -> list[Alarm]:
    q = quarantine.c
    query = (
        select(q.device, func.count(), func.max(q.received_at_ms).label("last"))
        .where(q.code == codes.CONFLICT, q.received_at_ms > since_ms)
        .group_by(q.device)
        .order_by(func.max(q.received_at_ms).desc())
        .limit(_PER_KIND_MAX)
    )
    return [
        Alarm(
            device,
            CLONE,
            f"{_records(count)} came with other content than what is stored under the same boot and seq: two units seem to "
            "use this identity.",
            last,
            "Look for a second unit with this identity, for example a copied SD card, and give it a name of its own. "
            "The first content counts; the other is in quarantine.",
        )
        for device, count, last in await connection.execute(query)
    ]


async def _unerased(connection: AsyncConnection, before_ms: int) -> list[Alarm]:
    e, x = erased_devices.c, erasures.c
    query = (
        select(x.number, x.erased_at_ms, func.count(), func.count(e.asked_at_ms))
        .join(erased_devices, e.number == x.number)
        .where(x.erased_at_ms < before_ms, or_(e.confirmed_at_ms.is_(None), e.cleared_at_ms.is_(None)))
        .group_by(x.number, x.erased_at_ms)
        .order_by(x.erased_at_ms.desc())
        .limit(_PER_KIND_MAX)
    )
    return [
        Alarm(
            f"erasure {number}",
            UNERASED,
            f"{_devices(devices)} of it did not say in time that the store is wiped; {_devices(asked)} spoke since and "
            f"{'was' if asked == 1 else 'were'} told to.",
            erased_ms,
            f"Bring what is left online, with the server's key in pack_keys; `headway person certificate {number}` says more.",
        )
        for number, erased_ms, devices, asked in await connection.execute(query)
    ]


async def _unfilled(connection: AsyncConnection, now: int) -> list[Alarm]:
    return [
        Alarm(
            row.device,
            UNFILLED,
            f"{_and(_records(int(row.seqs)) if row.seqs else '', _boots(row.boots))} did not come, asked for {ASKS_MAX} times.",
            row.last_ms,
            "Run `headway doctor` on the device, and check that the broker lets it read its cmd topic; it is asked again "
            "after its next start.",
        )
        for row in await connection.execute(_lacking().where(is_unfilled(now)))
    ]


async def _missing(connection: AsyncConnection, now: int) -> list[Alarm]:
    query = _lacking().where(gaps.c.since_ms < now - _MISSING_FOR_MS, not_(is_unfilled(now)))
    return [
        Alarm(
            row.device,
            MISSING,
            f"{_and(_records(int(row.seqs)) if row.seqs else '', _boots(row.boots))} missing, and asked for when it is online.",
            row.last_ms,
            "Nothing yet.",
        )
        for row in await connection.execute(query)
    ]


def _lacking() -> Select[Any]:
    """Each device's gaps together: the seqs of those with an end, whole boots, when one opened or was asked for last."""
    g = gaps.c
    last_ms = func.max(func.coalesce(g.asked_ms, g.since_ms))
    return (
        select(
            g.device,
            func.coalesce(func.sum(g.last_seq - g.first_seq + 1).filter(g.last_seq < OPEN_END), 0).label("seqs"),
            func.count().filter(g.last_seq == OPEN_END).label("boots"),
            last_ms.label("last_ms"),
        )
        .group_by(g.device)
        .order_by(last_ms.desc())
        .limit(_PER_KIND_MAX)
    )


def _flood(one: HeldBack) -> Alarm:
    return Alarm(
        one.device,
        FLOOD,
        f"{one.messages} message{'' if one.messages == 1 else 's'} held back: more than a device may send in a minute. "
        "They are not answered, so it sends them again.",
        one.last_ms,
        "Look at what the device does; if that is its usual pace, raise device_messages_per_minute.",
    )


async def _lost(connection: AsyncConnection, since_ms: int) -> list[Alarm]:
    x, r = losses.c, records.c
    told = and_(r.device == x.device, r.boot == x.told_boot, r.seq == x.told_seq)
    query = select(x.device, x.reason, x.boot, x.first_seq, x.last_seq, r.received_at_ms)
    query = query.select_from(losses.join(records, told)).where(r.received_at_ms > since_ms)
    ranges: defaultdict[tuple[str, str], defaultdict[int, list[tuple[int, int]]]]
    ranges = defaultdict(lambda: defaultdict(list))
    last: dict[tuple[str, str], int] = {}
    for device, reason, boot, first, last_seq, at_ms in await connection.execute(query):
        ranges[device, reason][boot].append((first, last_seq))
        last[device, reason] = max(last.get((device, reason), 0), at_ms)
    found = []
    for (device, reason), of_boots in ranges.items():
        count = sum(union_size(pair for pair in some if pair[1] < OPEN_END) for some in of_boots.values())
        ends = sum(any(pair[1] == OPEN_END for pair in some) for some in of_boots.values())
        what = _and(_records(count) if count else "", f"the end of {_boots(ends)}" if ends else "")
        found.append(
            Alarm(
                device,
                LOST,
                f"{what} declared lost: {reason}.",
                last[device, reason],
                "Nothing brings them back; the device's log says more of why.",
            )
        )
    return sorted(found, key=lambda alarm: -alarm.last_ms)[:_PER_KIND_MAX]


async def _refused(connection: AsyncConnection, since_ms: int) -> list[Alarm]:
    x = rejections.c
    query = (
        select(x.device, x.code, func.count(), func.max(x.received_at_ms).label("last"))
        .where(x.received_at_ms > since_ms)
        .group_by(x.device, x.code)
        .order_by(func.max(x.received_at_ms).desc())
        .limit(_PER_KIND_MAX)
    )
    found = []
    for device, code, count, last in await connection.execute(query):
        name, cause, next_step = code_texts.explain(code)
        words = f"{_records(count)} refused as {name}: {cause}."
        found.append(Alarm(device, REFUSED, words, last, f"{next_step[:1].upper()}{next_step[1:]}."))
    return found


async def _untaken(connection: AsyncConnection, since_ms: int) -> list[Alarm]:
    d = devices.c
    signed_ms = d.offer_version * 1000  # versions follow Unix seconds
    query = (
        select(d.device, d.pack_name, d.pack_version, d.last_seen_ms)
        .where(d.offered_pack_id.is_not(None), d.offer_version > 0, d.offered_pack_id != d.pack_id)
        .where(d.last_seen_ms > signed_ms + _UNTAKEN_FOR_MS, d.last_seen_ms > since_ms)
        .order_by(d.last_seen_ms.desc())
        .limit(_PER_KIND_MAX)
    )
    return [
        Alarm(
            device,
            UNTAKEN,
            f"It was offered another pack, was heard a day later and longer, and runs {name} version {version}.",
            last_ms,
            "The device's log and `headway doctor` say why it did not take the pack, or gave it back; without pack_keys in its "
            "settings it takes none (`headway key show`).",
        )
        for device, name, version, last_ms in await connection.execute(query)
    ]


def _records(count: int) -> str:
    return f"{count} record{'' if count == 1 else 's'}"


def _devices(count: int) -> str:
    return f"{count} device{'' if count == 1 else 's'}"


def _boots(count: int) -> str:
    return "" if not count else f"{count} boot{'' if count == 1 else 's'}"


def _and(*parts: str) -> str:
    return " and ".join(part for part in parts if part)
