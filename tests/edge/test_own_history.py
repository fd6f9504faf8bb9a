"""The person's own totals by day and month: merges, in any order, told apart by context."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge import packs
from headway_edge.calendar_periods import KINDS, as_date, bounds
from headway_edge.own.own_history import DAYS_KEPT, MONTHS_KEPT, OwnHistory

PROCESS = packs.load("private-driving")
DISTANCE, ELAPSED = 1, 0
MONDAY = (date(2026, 3, 2) - date(1970, 1, 1)).days


class State:
    """What an outbox keeps, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.history = OwnHistory(PROCESS, self.kept.get, self.keys)

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.kept if key.startswith(prefix))

    def store(self, changes: Mapping[str, bytes | None]) -> None:
        for key, value in changes.items():
            if value is None:
                del self.kept[key]
            else:
                self.kept[key] = value

    def drive(self, day: int, distance_m: int) -> None:
        numbers = trip(distance_m)
        self.store(self.history.added(PROCESS.context(numbers), PROCESS.totals(numbers), day))

    def metres(self, kind: str, day: int, fits=lambda _mask: True) -> int | None:
        totals = self.history.totals(kind, day, fits)
        return None if totals is None else PROCESS.total("distance_m", totals)


def trip(distance_m: int) -> list[int]:
    numbers = [0] * len(PROCESS.pack.cells)
    numbers[DISTANCE], numbers[ELAPSED] = distance_m, distance_m
    return numbers


@given(st.integers(-700_000, 2_900_000))
def test_periods_begin_and_end_as_the_calendar_has_them(day: int) -> None:
    found = as_date(day)
    for kind, length in zip(KINDS, ({1}, {7}, {28, 29, 30, 31}, {365, 366}), strict=True):
        first, last = bounds(kind, day)
        assert first <= day <= last
        assert last - first + 1 in length
        assert bounds(kind, first) == bounds(kind, last) == (first, last)
        assert bounds(kind, last + 1)[0] == last + 1
    assert as_date(bounds("week", day)[0]).weekday() == 0
    assert as_date(bounds("month", day)[0]) == found.replace(day=1)
    assert as_date(bounds("year", day)[0]) == date(found.year, 1, 1)


@given(st.lists(st.tuples(st.integers(MONDAY - 40, MONDAY + 40), st.integers(0, 60_000)), max_size=20), st.randoms())
def test_the_order_in_which_trips_come_changes_nothing(trips: list[tuple[int, int]], random) -> None:
    state, other = State(), State()
    for day, metres in trips:
        state.drive(day, metres)
    random.shuffle(trips)
    for day, metres in trips:
        other.drive(day, metres)
    assert other.kept == state.kept
    for kind in KINDS:
        for day in (MONDAY - 20, MONDAY, MONDAY + 20):
            first, last = bounds(kind, day)
            expected = [metres for at, metres in trips if first <= at <= last]
            assert state.metres(kind, day) == (sum(expected) if expected else None)


def test_trips_are_told_apart_by_context() -> None:
    state = State()
    state.drive(MONDAY, 30_000)
    state.drive(MONDAY, 5_000)
    state.drive(MONDAY + 1, 6_000)
    short = 1 << PROCESS.contexts.index("short")
    assert state.metres("week", MONDAY, lambda mask: mask & short == 0) == 30_000
    assert state.metres("week", MONDAY, lambda mask: mask & short != 0) == 11_000
    assert state.metres("month", MONDAY) == 41_000


def test_what_is_kept_is_bounded_and_a_month_outlives_its_days() -> None:
    state = State()
    for day in range(MONDAY, MONDAY + 400):
        state.drive(day, 1000)
    assert len(state.keys(f"history/{PROCESS.id.hex()}/day/")) <= DAYS_KEPT + 1
    assert state.metres("day", MONDAY) is None
    assert state.metres("month", MONDAY) == 30_000  # from 2 March on
    for month in range(MONTHS_KEPT + 5):
        state.drive(MONDAY + 400 + 31 * month, 1000)
    assert len(state.keys(f"history/{PROCESS.id.hex()}/month/")) <= MONTHS_KEPT + 1


def test_a_corrected_trip_changes_its_day_and_month_alone() -> None:
    state = State()
    for day, metres in ((MONDAY, 1000), (MONDAY, 2000), (MONDAY + 1, 4000)):
        state.drive(day, metres)
    state.store(state.history.corrected([trip(1000), trip(2000)], [trip(1000), trip(30_000)], MONDAY))
    expected = State()
    for day, metres in ((MONDAY, 1000), (MONDAY, 30_000), (MONDAY + 1, 4000)):
        expected.drive(day, metres)
    assert state.kept == expected.kept


def test_a_day_of_which_not_all_is_known_is_not_corrected() -> None:
    state = State()
    for metres in (1000, 2000):
        state.drive(MONDAY, metres)
    before = dict(state.kept)
    with pytest.raises(ValueError, match="other trips of 2026-03-02 are not known any more"):
        state.history.corrected([trip(2000)], [trip(3000)], MONDAY)
    del state.kept[state.keys(f"history/{PROCESS.id.hex()}/day/")[0]]
    state.drive(MONDAY, 500)
    with pytest.raises(ValueError, match="are not all kept any more"):
        state.history.corrected([trip(500)], [trip(3000)], MONDAY)
    assert set(before) == set(state.kept)
