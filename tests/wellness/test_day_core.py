"""The core that runs days: where a day is cut, what a gap and a jump of the clock do, windows, and going on after a restart."""

import copy
import random

import pytest
from days import MINUTE_MS, SMALL, Day, feed, packed, run
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_edge.core.data_quality import BACKWARDS, CLOSED, DUPLICATE, GAP_TIME, GAPS, OPENED, TOO_SHORT
from headway_edge.core.day import LIMIT_MS, DayCore
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING

BOUNDARY = 240  # 4 am, as SMALL has it
PACK = packed(SMALL)


def with_rules(rules: list[int]) -> Pack:
    parts = copy.deepcopy(SMALL)
    parts[6] = rules
    return packed(parts)


def core(pack: Pack = PACK) -> DayCore:
    return DayCore(pack, "any")


def minutes(first: int, count: int, activity: int = 1) -> list[tuple[int, int, int]]:
    """Samples a minute apart whose clock begins at `first`."""
    return [(MINUTE_MS, (first + i) % 1440, activity) for i in range(count)]


def elapsed_min(day: Day) -> int:
    assert day.numbers[0] % 600 == 0
    return day.numbers[0] // 600


def test_a_day_is_cut_where_the_clock_passes_the_boundary() -> None:
    days = run(core(), minutes(BOUNDARY - 10, 10 + 1440 + 5))
    assert [elapsed_min(day) for day in days] == [10, 1440, 5]
    assert [day.numbers[2] for day in days] == [10, 1440, 5]
    assert [day.numbers[1] for day in days] == [0, 0, 0]  # there is no distance


def test_opened_and_closed_are_reported_with_the_first_epoch_of_the_next_day() -> None:
    runner = core()
    flags = [feed(runner, MINUTE_MS, minute, 1) for minute in (238, 239, 240, 241)]
    assert flags == [OPENED, 0, OPENED | CLOSED, 0]
    assert runner.is_open
    assert runner.lead_ms == 0


@pytest.mark.parametrize(("jump_min", "length_min"), [(60, 23 * 60), (-60, 25 * 60), (540, 15 * 60), (-540, 33 * 60)])
def test_a_clock_that_jumps_moves_the_boundary_with_it(jump_min: int, length_min: int) -> None:
    # Summer time begins and ends, and flights over nine zones, ten hours into the day.
    after = minutes(BOUNDARY + 600 + jump_min, 840 - jump_min + 30)
    days = run(core(), [*minutes(BOUNDARY, 600), *after])
    assert [elapsed_min(day) for day in days] == [length_min, 30]
    assert [day.gates[GAPS] for day in days] == [0, 0]


def test_a_clock_set_back_over_the_boundary_does_not_cut_twice() -> None:
    days = run(core(), [*minutes(BOUNDARY - 5, 15), *minutes(BOUNDARY - 10, 1450 + 3)])
    assert [elapsed_min(day) for day in days] == [5, 10 + 1450, 3]


def test_while_the_clock_is_missing_time_elapsed_stands_in() -> None:
    days = run(core(), [*minutes(BOUNDARY + 60, 100), *[(MINUTE_MS, None, 1)] * (1280 + 7)])
    assert [elapsed_min(day) for day in days] == [1380, 7]


def test_without_any_clock_a_day_is_24_hours_from_its_first_epoch() -> None:
    assert [elapsed_min(day) for day in run(core(), [(MINUTE_MS, None, 1)] * 3000)] == [1440, 1440, 120]


def test_a_clock_that_comes_late_is_taken_over_without_a_cut() -> None:
    days = run(core(), [*[(MINUTE_MS, None, 1)] * 90, *minutes(BOUNDARY + 1300, 200)])
    assert [elapsed_min(day) for day in days] == [230, 60]


def test_a_day_ends_after_36_hours_whatever_the_clock_says() -> None:
    days = run(core(), [(MINUTE_MS, BOUNDARY + 5, 1)] * 5000)
    assert [elapsed_min(day) for day in days] == [2160, 2160, 680]
    assert LIMIT_MS == 2160 * MINUTE_MS


def test_a_gap_within_a_day_is_counted_and_its_epochs_are_missing() -> None:
    samples = [*minutes(600, 5), (10 * MINUTE_MS, 614, 1), *minutes(615, 5)]
    (day,) = run(core(), samples)
    assert elapsed_min(day) == 20
    assert (day.gates[GAPS], day.gates[GAP_TIME]) == (1, 9 * MINUTE_MS)
    assert day.numbers[2] == 11


def test_a_gap_over_the_boundary_belongs_to_neither_day() -> None:
    days = run(core(), [*minutes(BOUNDARY - 60, 10), (300 * MINUTE_MS, BOUNDARY + 249, 1), *minutes(BOUNDARY + 250, 9)])
    assert [elapsed_min(day) for day in days] == [10, 10]
    assert [day.gates[GAPS] for day in days] == [0, 0]


def test_a_gap_of_days_ends_the_day_even_at_the_same_time_of_day() -> None:
    days = run(core(), [*minutes(600, 10), (1440 * MINUTE_MS, 609, 1)])
    assert [elapsed_min(day) for day in days] == [10, 1]


def test_a_second_sample_of_an_epoch_is_dropped_and_counted() -> None:
    (day,) = run(core(), [(0, 600, 1), (29_999, 600, 50), (30_001, 601, 1), (59_000, 602, 1), (61_000, 603, 1)])
    assert (elapsed_min(day), day.numbers[2], day.gates[DUPLICATE]) == (4, 4, 1)


def test_an_older_sample_is_dropped_and_a_clock_set_back_for_good_begins_a_day() -> None:
    samples = [*minutes(600, 5), (-3 * MINUTE_MS, 601, 1), (4 * MINUTE_MS, 605, 1), (-120 * MINUTE_MS, 485, 1)]
    first, second = run(core(), samples)
    assert (elapsed_min(first), first.gates[BACKWARDS]) == (6, 2)
    assert elapsed_min(second) == 1


def test_what_is_too_short_is_no_day_and_counted() -> None:
    days = run(core(with_rules([MINUTE_MS, BOUNDARY, 20 * MINUTE_MS])), minutes(BOUNDARY - 19, 19 + 30))
    assert [(elapsed_min(day), day.gates[TOO_SHORT]) for day in days] == [(30, 1)]


def test_windows_look_back_by_epochs_over_the_boundary() -> None:
    runner = core()
    for number, minute in ((5, 238), (7, 239), (11, 240)):
        feed(runner, MINUTE_MS, minute, number)
    assert [runner._cells[4], runner._cells[5]] == [5, 23]  # two minutes ago, and the total of three


def test_windows_are_missing_where_an_epoch_is() -> None:
    runner = core()
    for dt, number in ((1, 5), (1, 7), (2, 11), (1, 1)):
        feed(runner, dt * MINUTE_MS, None, number)
    assert [runner._cells[4], runner._cells[5]] == [7, 0]  # of the fourth the lag is a gap's; the last stays
    feed(runner, MINUTE_MS, None, MISSING)
    feed(runner, MINUTE_MS, None, 2)
    assert [runner._cells[4], runner._cells[5]] == [1, 0]


@pytest.mark.parametrize("period_ms", [1000, 30_000])
def test_a_period_other_than_the_packs_epoch_is_refused(period_ms: int) -> None:
    with pytest.raises(ValueError, match="counts in epochs of 60000"):
        DayCore(PACK, "any", period_ms)


def test_epochs_of_half_a_minute_and_of_an_hour_are_cut_at_the_same_boundary() -> None:
    parts = copy.deepcopy(SMALL)
    parts[8] = []
    parts[9] = [["sum", ["s", 1]]]
    for epoch_ms in (30_000, 3_600_000):
        parts[6] = [epoch_ms, BOUNDARY, 0]
        samples = [(epoch_ms, i * epoch_ms // MINUTE_MS % 1440, 1) for i in range(3 * 86_400_000 // epoch_ms)]
        days = run(DayCore(packed(parts), "any"), samples)
        assert [elapsed_min(day) for day in days] == [240, 1440, 1440, 1200]


SAMPLES = st.lists(
    st.tuples(
        st.sampled_from([MINUTE_MS] * 8 + [0, 20_000, -MINUTE_MS, -7_200_000, 5 * MINUTE_MS, 90_000_000, 1 << 33, -(1 << 33)]),
        st.one_of(st.none(), st.integers(-3, 1443)),
        st.one_of(st.none(), st.integers(-2, 1002)),
        st.one_of(st.none(), st.integers(0, 60)),
    ),
    max_size=60,
)  # fmt: skip


@settings(deadline=None)
@given(SAMPLES, st.integers(0, 60))
def test_a_restart_anywhere_changes_nothing(
    samples: list[tuple[int, int | None, int | None, int | None]], at: int
) -> None:
    straight, first, second = core(), core(), core()
    for sample in samples[:at]:
        assert feed(straight, *sample) == feed(first, *sample)
    second.restore(first.state())
    for sample in samples[at:]:
        assert feed(straight, *sample) == feed(second, *sample)
    assert straight.finish() == second.finish()
    assert straight.state() == second.state()


@settings(deadline=None)
@given(SAMPLES)
def test_whatever_comes_numbers_stay_small_and_time_adds_up(
    samples: list[tuple[int, int | None, int | None, int | None]],
) -> None:
    runner = core()
    for sample in samples:
        feed(runner, *sample)
        assert all(-(1 << 29) <= number < 1 << 29 for number in runner.state() if number != MISSING)
        assert runner._cells[0] <= LIMIT_MS


def test_a_checkpoint_of_another_pack_is_refused() -> None:
    with pytest.raises(ValueError, match="of another pack or version"):
        core().restore(core().state()[:-1])


def test_a_pack_of_trips_is_refused() -> None:
    speed = ["Vehicle.Speed", "km/h", 1, 100, 0, 30000, 0, 1]
    rules = [1500, 300_000, 1_800_000, 432_000_000, 0, 0]
    trips = [1, "trips", 1, "trip", ["any"], [speed], rules, [[]], *([] for _ in range(12))]
    with pytest.raises(ValueError, match="pack trips is of kind 'trip', not 'day'"):
        DayCore(packed(trips), "any")


def test_totals_do_not_depend_on_where_days_are_cut() -> None:
    dice = random.Random(5)  # noqa: S311 - repeatable, not secret
    samples = [(MINUTE_MS, i % 1440, dice.randrange(1000)) for i in range(5000)]
    sums = [
        sum(day.numbers[2] for day in run(core(with_rules([MINUTE_MS, boundary, 0])), samples))
        for boundary in (0, 240, 1200)
    ]
    assert sums == [sum(sample[2] for sample in samples)] * 3
