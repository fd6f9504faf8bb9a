"""Days, weeks, months and years: bounds by the calendar, and roll-ups that are merges of days."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.totals.periods import BY, UNDATED, Contexts, day_of, number_of, period_of, read_contexts, roll_up
from headway_server.totals.tally import Tally, merge

_HOUR_MS = 3_600_000
_days = st.integers(0, number_of(date(4200, 1, 1)))


@pytest.mark.parametrize(
    ("start_ms", "offset_min", "day"),
    [
        (None, 540, UNDATED),
        (0, None, 0),
        (0, -1, UNDATED),
        (24 * _HOUR_MS - 1, 0, 0),
        (24 * _HOUR_MS - 1, 1, 1),
        (24 * _HOUR_MS, -60, 0),
        (15 * _HOUR_MS, 540, 1),  # midnight in Seoul
        (-5, 0, UNDATED),
    ],
)
def test_the_day_of_a_trip_is_the_persons_own(make, start_ms, offset_min, day):
    assert day_of(make.process, start_ms, offset_min) == day


@pytest.mark.parametrize(
    ("start_ms", "offset_min", "day"),
    [
        (None, 540, UNDATED),
        (20 * _HOUR_MS, 0, 1),  # from 8 pm to 8 pm: the night belongs to the day after it
        (12 * _HOUR_MS, 0, 1),
        (12 * _HOUR_MS - 1, 0, 0),  # put on in the morning
        (20 * _HOUR_MS, None, 1),
        (11 * _HOUR_MS, 540, 1),  # 8 pm in Seoul
        (28 * _HOUR_MS, -480, 1),  # 8 pm in Los Angeles
        (-4 * _HOUR_MS, 0, 0),
        (-13 * _HOUR_MS, 0, UNDATED),
    ],
)
def test_an_episode_that_is_a_day_belongs_to_the_day_of_its_middle(wellness, start_ms, offset_min, day):
    assert day_of(wellness.process, start_ms, offset_min) == day


@pytest.mark.parametrize(
    ("day", "by", "label", "first", "last"),
    [
        (date(2024, 12, 30), "week", "2025-W01", date(2024, 12, 30), date(2025, 1, 5)),
        (date(2021, 1, 3), "week", "2020-W53", date(2020, 12, 28), date(2021, 1, 3)),
        (date(2024, 2, 1), "month", "2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        (date(2023, 12, 31), "month", "2023-12", date(2023, 12, 1), date(2023, 12, 31)),
        (date(2000, 2, 29), "year", "2000", date(2000, 1, 1), date(2000, 12, 31)),
        (date(1970, 1, 1), "day", "1970-01-01", date(1970, 1, 1), date(1970, 1, 1)),
    ],
)
def test_periods_are_those_of_the_calendar(day, by, label, first, last):
    found = period_of(number_of(day), by)
    assert (found.label, found.first, found.last) == (label, first, last)


@given(day=_days, by=st.sampled_from(BY))
def test_every_day_lies_in_one_period_and_periods_follow_one_another(day, by):
    found = period_of(day, by)
    assert number_of(found.first) <= day <= number_of(found.last)
    assert {period_of(number_of(d), by) for d in (found.first, found.last)} == {found}
    assert period_of(number_of(found.last + timedelta(days=1)), by).first == found.last + timedelta(days=1)


_rows = st.lists(
    st.tuples(st.one_of(st.just(UNDATED), st.integers(19_600, 20_100)), st.integers(0, 3), st.integers(0, 40_000)),
    max_size=30,
)


def tallies(process, make, rows):
    found = []
    for day, context, metres in rows:
        numbers = make.numbers(process, distance_m=metres, coldest=metres % 90 - 50, hasty=metres % 5)
        found.append((day, context, Tally(1, metres, process.totals(numbers))))
    return found


@given(rows=_rows, by=st.sampled_from(BY), shuffled=st.randoms())
def test_a_roll_up_is_a_merge_of_days_in_any_order(make, small, rows, by, shuffled):
    days = tallies(small.process, make, rows)
    whole = roll_up(small.process, days, by, Contexts())
    other = list(days)
    shuffled.shuffle(other)
    assert roll_up(small.process, other, by, Contexts()) == whole
    assert [period for period in whole if period] == sorted((period for period in whole if period), reverse=True)
    # From the days, each with all of its trips, the same.
    by_day = roll_up(small.process, days, "day", Contexts())
    again = {}
    for day, tally in by_day.items():
        period = None if day is None else period_of(number_of(day.first), by)
        again[period] = merge(small.process, again.get(period), tally)
    assert again == whole
    assert sum(tally.trips for tally in whole.values()) == len(rows)


@given(rows=_rows, by=st.sampled_from(BY))
def test_a_context_and_its_contrary_are_all(make, small, rows, by):
    days = tallies(small.process, make, rows)
    one, other = (roll_up(small.process, days, by, read_contexts(small.process, text)) for text in ("cold", "-cold"))
    together = dict(one)
    for period, tally in other.items():
        together[period] = merge(small.process, together.get(period), tally)
    assert together == roll_up(small.process, days, by, Contexts())


def test_contexts_are_read_by_name(small):
    assert read_contexts(small.process, "") == Contexts(0, 0)
    assert read_contexts(small.process, "long") == Contexts(0b01, 0b01)
    assert read_contexts(small.process, "-long,cold") == Contexts(0b11, 0b10)
    with pytest.raises(ValueError, match=r"pack small has no context 'night'; it has long, cold"):
        read_contexts(small.process, "night")
    with pytest.raises(ValueError, match="context 'cold' is named twice"):
        read_contexts(small.process, "cold,-cold")
