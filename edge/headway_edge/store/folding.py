"""What may be folded when the store is full: the episodes of a day into one record of their totals, later those of a month.

Pure: records in, bodies of DAY records out (`headway_protocol.fold`). Merged is what has the same pack, local day (or month)
and contexts, so that every total of a day, a month, a year and a context stays what it was; what is lost is each single trip,
and then the single day. Where a later record took the place of an earlier one, its numbers count and both are named.

Nothing is merged that would not become smaller, nor what this device cannot read: records of a pack it does not know.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from headway_edge.calendar_periods import bounds
from headway_edge.core.episode import DISTANCE
from headway_edge.core.process import Process
from headway_edge.store.seq_ranges import BootRun, united
from headway_protocol import cbor, fold, record
from headway_protocol.errors import DecodeError, EncodeError

Find = Callable[[bytes], Process | None]  # the process of a pack id, None for one that is not known
Place = tuple[int, int]  # boot, seq

_BYTES_MAX = record.RECORD_BYTES_MAX - 96  # for totals and ranges; the rest of a record takes less than 96
_FOLD_BYTES = 96


@dataclass(frozen=True)
class Kept:
    """A record that the outbox keeps, and the server has neither committed nor refused as far as is known."""

    boot: int
    seq: int
    payload: bytes


@dataclass(frozen=True)
class Part:
    """Records that count as one, with what they add up to.

    places: those that go when it is folded. bytes: that they take. ranges: what is named in their stead, (boot, first, last).
    day: local, in days since 1970, None: not known; the first of its month where `span` is MONTH_SPAN. last_day: of the span.
    """

    places: tuple[Place, ...]
    bytes: int
    process: Process
    day: int | None
    last_day: int | None
    span: int
    context: int
    trips: int
    distance_m: int
    totals: list[int]
    ranges: list[BootRun]


@dataclass(frozen=True)
class Fold:
    """A DAY record to be made. places: of the records that it takes the place of and that go."""

    body: list[object]
    places: list[Place]


def parts_of(kept: Iterable[Kept], find: Find) -> list[Part]:
    """Return what could be folded among EPISODE and DAY records, in their order; what is not readable is left out."""
    trips: dict[Place, list[tuple[Kept, record.Record]]] = {}
    first: dict[Place, Place] = {}
    found: list[Part] = []
    for item in sorted(kept, key=lambda one: (one.boot, one.seq)):
        try:
            its = record.decode(item.payload)
            if its.kind == record.DAY:
                part = _of_fold(item, its, find)
                found += [] if part is None else [part]
            elif its.kind == record.EPISODE:
                place = (item.boot, item.seq)
                revises = record.parse_episode(its.body)[5]
                begins = place if revises is None or revises >= place else first.get(revises, revises)
                first[place] = begins
                trips.setdefault(begins, []).append((item, its))
        except DecodeError:
            continue  # found damaged when it is to be sent
    for begins, records in trips.items():
        part = _of_trip(begins, records, find)
        found += [] if part is None else [part]
    return sorted(found, key=lambda part: part.places)


def _of_trip(begins: Place, records: list[tuple[Kept, record.Record]], find: Find) -> Part | None:
    latest = records[-1][1]
    pack_id, ago_ms, packed, _, offset_min, _ = record.parse_episode(latest.body)
    process = find(pack_id)
    places = tuple((item.boot, item.seq) for item, _ in records)
    if process is None or any(record.parse_episode(one.body)[0] != pack_id for _, one in records):
        return None
    try:
        numbers = process.numbers(packed)
    except DecodeError:
        return None
    day = None
    if latest.wall_ms is not None:
        day = process.day(latest.wall_ms - ago_ms, offset_min or 0)
        if not 0 <= day <= fold.DAY_MAX:
            day = None
    return Part(
        places,
        sum(len(item.payload) for item, _ in records),
        process,
        day,
        day,
        fold.DAY_SPAN,
        process.context(numbers),
        1,
        numbers[DISTANCE],
        process.totals(numbers),
        united((boot, seq, seq) for boot, seq in (begins, *places)),
    )


def _of_fold(item: Kept, its: record.Record, find: Find) -> Part | None:
    pack_id, day, span, context, trips, distance_m, packed, ranges = fold.parse_day(its.body)
    process = find(pack_id)
    if process is None:
        return None
    last_day = day if day is None or span == fold.DAY_SPAN else bounds("month", day)[1]
    totals = fold.unpack_totals(packed, len(process.pack.period))
    return Part(
        ((item.boot, item.seq),),
        len(item.payload),
        process,
        day,
        last_day,
        span,
        context,
        trips,
        distance_m,
        totals,
        united([*ranges, (item.boot, item.seq, item.seq)]),
    )


def by_day(parts: Iterable[Part], before: int | None = None) -> list[Fold]:
    """Return folds of what is of the same day. before: only of days before this one; None: of any, and of no known day."""
    groups: defaultdict[tuple[object, ...], list[Part]] = defaultdict(list)
    for part in parts:
        if part.span == fold.DAY_SPAN and _is_before(part, before):
            groups[part.process.id, part.context, part.day].append(part)
    return _folds(groups.values(), months=False)


def by_month(parts: Iterable[Part], before: int | None = None) -> list[Fold]:
    """Return folds of what is of the same month, days and months; before: as in `by_day`, of the month's last day."""
    groups: defaultdict[tuple[object, ...], list[Part]] = defaultdict(list)
    for part in parts:
        if part.day is not None:
            first, last = bounds("month", part.day)
            if before is None or last < before:
                groups[part.process.id, part.context, first].append(part)
    return _folds(groups.values(), months=True)


def _is_before(part: Part, day: int | None) -> bool:
    return day is None or (part.last_day is not None and part.last_day < day)


def _folds(groups: Iterable[Sequence[Part]], months: bool) -> list[Fold]:
    found = []
    for group in groups:
        together: list[Part] = []
        totals: list[int] | None = None
        names = 0
        for part in group:
            merged = part.process.merge(totals, part.totals)
            if together and names + _bytes_of_ranges(part.ranges) + _bytes_of(merged) > _BYTES_MAX:
                found += _fold(together, totals, months)
                together, merged, names = [], part.totals, 0
            together, totals = [*together, part], merged
            names += _bytes_of_ranges(part.ranges)
        found += _fold(together, totals, months)
    return found


def _bytes_of_ranges(ranges: list[BootRun]) -> int:
    return len(cbor.encode([list(item) for item in ranges]))


def _bytes_of(totals: list[int]) -> int:
    try:
        return len(fold.pack_totals(totals))
    except EncodeError:
        return _BYTES_MAX + 1


def _fold(parts: list[Part], totals: list[int] | None, months: bool) -> list[Fold]:
    if len(parts) < 2 or totals is None:
        return []
    begin = parts[0]
    day, span = begin.day, fold.DAY_SPAN
    if months and day is not None and any(part.day != day or part.span != span for part in parts):
        day, span = bounds("month", day)[0], fold.MONTH_SPAN
    ranges = united([item for part in parts for item in part.ranges])
    try:
        body = fold.day_body(
            begin.process.id,
            day,
            span,
            begin.context,
            sum(part.trips for part in parts),
            sum(part.distance_m for part in parts),
            fold.pack_totals(totals),
            ranges,
        )
    except EncodeError:
        return []
    if len(cbor.encode(body)) + _FOLD_BYTES // 2 >= sum(part.bytes for part in parts):
        return []
    return [Fold(body, sorted(place for part in parts for place in part.places))]
