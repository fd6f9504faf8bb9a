"""Which stored trip is which computed one: by when they began, else by what they count, else by the time they share.

Time is shared where it is half of the shorter one at least.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import NamedTuple


class Extent(NamedTuple):
    """When a trip was, and its counts as they are packed; None: not known."""

    start_ms: int | None
    end_ms: int | None
    counts: bytes


def paired(stored: Sequence[Extent], computed: Sequence[Extent]) -> dict[int, int]:
    """Return {place of a stored trip: place of the computed trip that it is}, each at most once.

    computed: in order of time, none over another.

    >>> paired([Extent(1000, 2000, b"a"), Extent(None, None, b"b"), Extent(9500, 9900, b"x")],
    ...        [Extent(1000, 2100, b"A"), Extent(5000, 6000, b"b"), Extent(9000, 9900, b"c")])
    {0: 0, 1: 1, 2: 2}
    """
    found: dict[int, int] = {}
    for names in (("start_ms", "counts"), ("start_ms",), ("counts",)):
        _pair_alike(stored, computed, attrgetter(*names), found)
    _pair_overlapping(stored, computed, found)
    return dict(sorted(found.items()))


def _pair_alike(
    stored: Sequence[Extent], computed: Sequence[Extent], key: Callable[[Extent], Hashable], found: dict[int, int]
) -> None:
    taken = set(found.values())
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, trip in enumerate(computed):
        if place not in taken:
            alike[key(trip)].append(place)
    for place, trip in enumerate(stored):
        places = alike.get(key(trip)) if place not in found else None
        if places:
            best = min(places, key=lambda other: _apart_ms(trip, computed[other]))
            places.remove(best)
            found[place] = best


def _apart_ms(one: Extent, other: Extent) -> int:
    return 0 if one.start_ms is None or other.start_ms is None else abs(one.start_ms - other.start_ms)


def _pair_overlapping(stored: Sequence[Extent], computed: Sequence[Extent], found: dict[int, int]) -> None:
    taken = set(found.values())
    free = [place for place in range(len(computed)) if place not in taken]
    ends_ms = [computed[place].end_ms or 0 for place in free]
    shared: list[tuple[int, int, int]] = []
    for place, trip in enumerate(stored):
        if place in found or trip.start_ms is None or trip.end_ms is None:
            continue
        for other in free[bisect_left(ends_ms, trip.start_ms) :]:
            start_ms, end_ms = computed[other].start_ms, computed[other].end_ms
            if start_ms is None or end_ms is None or start_ms > trip.end_ms:
                break
            shared_ms = min(end_ms, trip.end_ms) - max(start_ms, trip.start_ms)
            if 2 * shared_ms >= min(end_ms - start_ms, trip.end_ms - trip.start_ms):
                shared.append((shared_ms, place, other))
    for _, place, other in sorted(shared, key=lambda one: -one[0]):
        if place not in found and other not in taken:
            found[place] = other
            taken.add(other)
