"""The oracle itself, against drives whose events were worked out by hand, and against what has to hold of any drive."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from eleven_behaviours import NAMES, behaviours, difference
from hypothesis import given
from hypothesis import strategies as st
from steered_drives import (
    COMMA,
    Leg,
    Trip,
    arbitrary_drives,
    comma_bearings,
    comma_trip,
    counted,
    drives,
    leg_lists,
    long_drives,
    random_legs,
    sampled,
    start_headings,
    start_speeds,
    sumo_drivers,
    turning_drives,
    weave,
)

LEFT, RIGHT, U_TURN = "rapid_left_turn", "rapid_right_turn", "rapid_u_turn"
CLASSES = ["car", "taxi", "bus", "truck"]


def drive(kmh: Sequence[float] | float, degrees: Sequence[float | None] | None = None, step_ms: int = 1000) -> Trip:
    """One sample per step; a single speed is kept throughout."""
    if not isinstance(kmh, Sequence):
        kmh = [kmh] * len(degrees or ())
    courses = degrees or [None] * len(kmh)
    return [
        (k * step_ms, round(speed * 100), None if course is None else round(course * 10) % 3600)
        for k, (speed, course) in enumerate(zip(kmh, courses, strict=True))
    ]


def steered(*rates: float, start: float = 0) -> list[float]:
    """Headings that change by so many degrees from sample to sample."""
    found = [start]
    for rate in rates:
        found.append(found[-1] + rate)
    return found


def seen(trip: Trip, vehicle_class: str = "car", limit: int | None = None) -> list[tuple[str, float]]:
    """Events with their times in seconds."""
    return [(name, time / 1000) for name, time in behaviours(trip, vehicle_class, limit)]


# 1, 2: speeding


@pytest.mark.parametrize("vehicle_class", CLASSES)
@pytest.mark.parametrize(("kmh", "speeding"), [(70, False), (70.49, False), (70.5, True), (71, True)])
def test_speeding_is_more_than_20_above_the_limit(vehicle_class: str, kmh: float, speeding: bool) -> None:
    assert seen(drive([69, 69, kmh, kmh]), vehicle_class, 50) == [("speeding", 2)] * speeding


def test_without_a_limit_there_is_no_speeding() -> None:
    assert seen(drive([130] * 200)) == []


def test_speeding_counts_once_per_excursion() -> None:
    assert seen(drive([70, 71, 72, 71, 70, 71, 70]), "car", 50) == [("speeding", 1), ("speeding", 5)]


def test_a_trip_that_begins_speeding_and_speeding_over_a_gap_count_at_the_next_sample() -> None:
    trip = [(0, 8000, None), (1000, 8000, None), (2501, 8000, None), (3501, 8000, None)]
    assert seen(trip, "car", 50) == [("speeding", 1), ("speeding", 3.501)]
    without_gap = [(0, 8000, None), (1000, 8000, None), (2500, 8000, None), (3500, 8000, None)]
    assert seen(without_gap, "car", 50) == [("speeding", 1)]


@pytest.mark.parametrize("vehicle_class", CLASSES)
def test_long_speeding_takes_180_s_and_counts_once(vehicle_class: str) -> None:
    speeding = ("speeding", 2)
    assert seen(drive([70, 70, *[71] * 180, 70, 70]), vehicle_class, 50) == [speeding]
    assert seen(drive([70, 70, *[71] * 181, 70, 70]), vehicle_class, 50) == [speeding, ("long_speeding", 182)]
    assert seen(drive([70, 70, *[71] * 900, 70, 70]), vehicle_class, 50) == [speeding, ("long_speeding", 182)]


def test_long_speeding_counts_from_the_first_sample_of_a_trip_and_after_a_gap() -> None:
    trip = [(k * 1000, 8000, None) for k in range(181)]
    assert seen(trip, "car", 50) == [("speeding", 1), ("long_speeding", 180)]
    after = [(time + 182_000, speed, course) for time, speed, course in trip]
    assert seen(trip + after, "car", 50)[2:] == [("speeding", 183), ("long_speeding", 362)]


def test_a_moment_within_the_tolerance_makes_long_speeding_begin_anew() -> None:
    assert seen(drive([71] * 100 + [70] + [71] * 181), "car", 50) == [
        ("speeding", 1),
        ("speeding", 101),
        ("long_speeding", 281),
    ]


# 3 to 6: acceleration, start, deceleration, stop


@pytest.mark.parametrize(
    ("vehicle_class", "v0", "least"),
    [
        *[("car", 6, 12), ("car", 10, 12), ("car", 11, 10), ("car", 20, 10), ("car", 21, 8), ("car", 100, 8)],
        *[("taxi", 6, 12), ("taxi", 10, 12), ("taxi", 11, 10), ("taxi", 20, 10), ("taxi", 21, 8)],
        *[("bus", 6, 8), ("bus", 10, 8), ("bus", 11, 7), ("bus", 20, 7), ("bus", 21, 6), ("bus", 100, 6)],
        *[("truck", 6, 7), ("truck", 10, 7), ("truck", 11, 6), ("truck", 20, 6), ("truck", 21, 5), ("truck", 90, 5)],
    ],
)
def test_rapid_acceleration_in_every_band(vehicle_class: str, v0: int, least: int) -> None:
    assert seen(drive([v0, v0, v0 + least, v0 + least]), vehicle_class) == [("rapid_acceleration", 2)]
    assert seen(drive([v0, v0, v0 + least - 1, v0 + least - 1]), vehicle_class) == []


@pytest.mark.parametrize(("vehicle_class", "least"), [("car", 10), ("taxi", 10), ("bus", 8), ("truck", 6)])
@pytest.mark.parametrize("v0", [0, 5])
def test_rapid_start(vehicle_class: str, v0: int, least: int) -> None:
    assert seen(drive([v0, v0, v0 + least, v0 + least]), vehicle_class) == [("rapid_start", 2)]
    assert seen(drive([v0, v0, v0 + least - 1, v0 + least - 1]), vehicle_class) == []


@pytest.mark.parametrize(
    ("vehicle_class", "v0", "least"),
    [
        *[("car", 20, 14), ("car", 30, 14), ("car", 31, 15), ("car", 50, 15), ("car", 51, 15), ("car", 120, 15)],
        *[("taxi", 20, 14), ("taxi", 30, 14), ("taxi", 31, 15), ("taxi", 50, 15), ("taxi", 51, 15)],
        *[("bus", 15, 9), ("bus", 30, 9), ("bus", 31, 10), ("bus", 50, 10), ("bus", 51, 12), ("bus", 100, 12)],
        *[("truck", 14, 8), ("truck", 30, 8), ("truck", 31, 8), ("truck", 50, 8), ("truck", 51, 8)],
    ],
)
def test_rapid_deceleration_in_every_band(vehicle_class: str, v0: int, least: int) -> None:
    assert seen(drive([v0, v0, v0 - least, v0 - least]), vehicle_class) == [("rapid_deceleration", 2)]
    assert seen(drive([v0, v0, v0 - least + 1, v0 - least + 1]), vehicle_class) == []


@pytest.mark.parametrize(("vehicle_class", "least"), [("car", 14), ("taxi", 14), ("bus", 9), ("truck", 8)])
@pytest.mark.parametrize("v1", [0, 5])
def test_rapid_stop(vehicle_class: str, v1: int, least: int) -> None:
    assert seen(drive([v1 + least, v1 + least, v1, v1]), vehicle_class) == [("rapid_stop", 2)]
    assert seen(drive([v1 + least - 1, v1 + least - 1, v1, v1]), vehicle_class) == []


@pytest.mark.parametrize(
    ("kmh", "vehicle_class", "expected"),
    [
        # v0 on the edge of start and acceleration: +11 is a start's 10, not the 12 of the lowest band.
        ([5.49, 5.49, 16, 16], "car", [("rapid_start", 2)]),
        ([5.5, 5.5, 17, 17], "car", []),
        ([5.5, 5.5, 18, 18], "car", [("rapid_acceleration", 2)]),
        # 10.49 is 10: 12 are needed. 10.50 is 11: 10 are enough.
        ([10.49, 10.49, 21, 21], "car", []),
        ([10.5, 10.5, 21, 21], "car", [("rapid_acceleration", 2)]),
        ([20.49, 20.49, 29, 29], "car", []),
        ([20.5, 20.5, 29, 29], "car", [("rapid_acceleration", 2)]),
        # v0 for deceleration.
        ([30.49, 30.49, 16, 16], "car", [("rapid_deceleration", 2)]),
        ([30.5, 30.5, 17, 17], "car", []),
        ([50.49, 50.49, 40, 40], "bus", [("rapid_deceleration", 2)]),
        ([50.5, 50.5, 40, 40], "bus", []),
        # v1 on the edge of stop and deceleration: 20 to 6 and 19 to 5 are 14 each.
        ([20, 20, 5.5, 5.5], "car", [("rapid_deceleration", 2)]),
        ([20, 20, 5.49, 5.49], "car", [("rapid_stop", 2)]),
        # Both speeds are rounded before they are subtracted: 30 - 22, although 7.01 lie between.
        ([22.49, 22.49, 29.5, 29.5], "car", [("rapid_acceleration", 2)]),
        ([22.5, 22.5, 30.49, 30.49], "car", []),
    ],
)
def test_speeds_are_rounded_half_up_before_anything_else(
    kmh: list[float], vehicle_class: str, expected: list[tuple[str, float]]
) -> None:
    assert seen(drive(kmh), vehicle_class) == expected


def test_hits_that_touch_are_one_event_and_others_are_not() -> None:
    assert seen(drive([30, 38, 46, 54, 54, 62])) == [("rapid_acceleration", 1), ("rapid_acceleration", 5)]
    assert seen(drive([90, 75, 60, 60, 45])) == [("rapid_deceleration", 1), ("rapid_deceleration", 4)]


def test_a_start_and_the_acceleration_after_it_are_two_events_as_are_deceleration_and_stop() -> None:
    assert seen(drive([0, 10, 22, 22])) == [("rapid_start", 1), ("rapid_acceleration", 2)]
    assert seen(drive([34, 19, 5, 0])) == [("rapid_deceleration", 1), ("rapid_stop", 2)]


def test_the_speed_one_second_ago_lies_between_samples_and_is_floored() -> None:
    # At 1400 ms: 20.00 + 10.00 * 400 // 700 = 25.71, that is 26; 34 is 8 more.
    assert seen([(0, 2000, None), (700, 3000, None), (1400, 3400, None)]) == [("rapid_acceleration", 1.4)]
    assert seen([(0, 2000, None), (700, 3000, None), (1400, 3349, None)]) == []
    # 10.00 - 0.99 * 500 // 1500 = 10.00 - 0.33 = 9.67; and falling, -1 * 1 // 3 is -1: 20.50 - 0.01 is 20, not 21.
    assert seen([(0, 2050, None), (750, 2049, None), (1250, 2849, None)]) == []
    assert seen([(0, 2050, None), (1000, 2850, None)]) == [("rapid_acceleration", 1)]


def test_a_step_of_1500_ms_is_no_gap_and_one_of_1501_is() -> None:
    # A third of the way from 20 to 50 is 30; 20 more within the last second.
    assert seen([(0, 2000, None), (1500, 5000, None)]) == [("rapid_acceleration", 1.5)]
    assert seen([(0, 2000, None), (1501, 5000, None), (2501, 5000, None)]) == []


def test_less_than_a_second_of_trip_has_no_change() -> None:
    assert seen([(0, 0, None), (999, 9000, None)]) == []
    assert seen([]) == []


# 7 to 9: turns


TURNS = [("car", 30, 2), ("taxi", 30, 2), ("bus", 25, 3), ("truck", 20, 3)]
U_TURNS = [("car", 25, 4), ("taxi", 25, 4), ("bus", 20, 6), ("truck", 15, 6)]


@pytest.mark.parametrize(("vehicle_class", "vmin", "seconds"), TURNS)
@pytest.mark.parametrize("start", [0, 350, 100])
@pytest.mark.parametrize(("side", "name"), [(-1, LEFT), (1, RIGHT)])
def test_a_rapid_turn_is_60_degrees_within_its_time(
    vehicle_class: str, vmin: int, seconds: int, start: int, side: int, name: str
) -> None:
    def turning(degrees: float, kmh: float, over: int = seconds) -> list[tuple[str, float]]:
        rates = [side * degrees / over] * over
        return seen(drive(kmh, steered(0, 0, *rates, 0, 0, 0, 0, start=start)), vehicle_class)

    assert turning(60, vmin) == [(name, 2 + seconds)]
    assert turning(60, vmin - 0.5) == [(name, 2 + seconds)]
    assert turning(60, vmin - 0.51) == []
    assert turning(59.7, vmin) == []
    assert turning(60, 130, seconds + 1) == []


@pytest.mark.parametrize(("vehicle_class", "vmin", "seconds"), TURNS)
def test_a_turn_needs_its_speed_throughout(vehicle_class: str, vmin: int, seconds: int) -> None:
    degrees = steered(0, 0, *[60 / seconds] * seconds, 0, 0)
    for slow in range(len(degrees)):
        kmh = [vmin - (k == slow) for k in range(len(degrees))]
        expected = [] if 2 <= slow <= 2 + seconds else [(RIGHT, 2 + seconds)]
        assert seen(drive(kmh, degrees), vehicle_class) == expected


@pytest.mark.parametrize(("side", "name"), [(-1, LEFT), (1, RIGHT)])
def test_a_turn_passes_north(side: int, name: str) -> None:
    assert seen(drive(40, [side * degrees for degrees in (330, 330, 0, 30, 30)])) == [(name, 3)]
    assert seen(drive(40, [side * degrees for degrees in (350, 350, 10, 30, 50)])) == []
    assert seen(drive(40, [350, 10, 350, 10, 350])) == []


@pytest.mark.parametrize(("vehicle_class", "vmin", "seconds"), U_TURNS)
@pytest.mark.parametrize("side", [-1, 1])
def test_a_rapid_u_turn_is_160_degrees_within_its_time(vehicle_class: str, vmin: int, seconds: int, side: int) -> None:
    def turning(degrees: float, kmh: float, over: int = seconds) -> list[tuple[str, float]]:
        rates = [side * degrees / over] * over
        events = seen(drive(kmh, steered(0, 0, *rates, *[0] * 7)), vehicle_class)
        return [event for event in events if event[0] == U_TURN]

    assert turning(162, vmin) == [(U_TURN, 2 + seconds)]
    assert turning(190, vmin - 0.5) == [(U_TURN, 2 + seconds)]
    assert turning(162, vmin - 0.51) == []
    assert turning(159, vmin) == []
    assert turning(160, 130, seconds + 1) == []


def test_160_degrees_are_a_u_turn_and_less_is_a_turn() -> None:
    before, after = [0] * 6, [0] * 8
    # The turn counts from 60 degrees on, at 8 s; at 9 s it is a U-turn.
    assert seen(drive(40, steered(*before, 53, 53, 53.9, *after)), "truck") == [(RIGHT, 8)]
    assert seen(drive(40, steered(*before, 53, 53, 54, *after)), "truck") == [(U_TURN, 9)]
    assert seen(drive(40, steered(*before, -53, -53, -53.9, *after)), "truck") == [(LEFT, 8)]
    assert seen(drive(40, steered(*before, -53, -53, -54, *after)), "truck") == [(U_TURN, 9)]


def test_160_degrees_are_no_turn_even_where_there_is_no_window_for_a_u_turn_yet() -> None:
    # Over 3 s: 40 at 3 s, the last of these at 4 s, 50 less at 5 s; a U-turn needs 6 s.
    for side, name in ((-1, LEFT), (1, RIGHT)):
        for last, second in ((59.9, 4), (60, 5)):
            rates = [side * rate for rate in (-60, 50, 50, last, 0)]
            assert seen(drive(25, steered(*rates)), "truck") == [(name, second)]


def test_the_u_turn_counts_at_the_speed_of_a_u_turn_only() -> None:
    """27 km/h: a car's U-turn, too slow for its turn; the other way round a U-turn in 5 s is just a turn."""
    assert seen(drive(27, steered(0, 0, 40, 40, 40, 40, 0, 0))) == [(U_TURN, 6)]
    assert seen(drive(35, steered(0, 0, 32, 32, 32, 32, 32, 0, 0))) == [(RIGHT, 4)]


def test_both_directions_in_one_window_cancel() -> None:
    assert seen(drive(25, steered(0, 0, 40, -40, 40, -40, 0, 0)), "truck") == []


def test_a_u_turn_drops_the_turns_of_its_own_time_before_it() -> None:
    # Right at 2 s; then left: the U-turn at 6 s is 4 s later, and takes the left turn of 4 s away too.
    assert seen(drive(40, steered(30, 30, -40, -40, -40, -40, 0, 0, 0, 0, 0))) == [(U_TURN, 6)]
    # One second later it is 5 s.
    assert seen(drive(40, steered(30, 30, 0, -40, -40, -40, -40, 0, 0, 0, 0))) == [(RIGHT, 2), (U_TURN, 7)]


def test_a_u_turn_drops_turns_as_long_after_it() -> None:
    u_turn = [-40, -40, -40, -40]
    assert seen(drive(40, steered(*u_turn, 0, 0, 30, 30, 0, 0, 0, 0))) == [(U_TURN, 4)]
    assert seen(drive(40, steered(*u_turn, 0, 0, 0, 30, 30, 0, 0, 0))) == [(U_TURN, 4), (RIGHT, 9)]


def test_a_u_turn_drops_turns_while_it_is_up() -> None:
    # Round and round at 55 degrees per second: more than 160 in 3 s, so no turn; slower at 25 s: a turn, but for the
    # U-turn that has been up since 9 s.
    assert seen(drive(40, steered(*[0] * 6, *[55] * 18, *[45] * 8)), "truck") == [(U_TURN, 9)]


def test_turns_that_wait_together_share_their_fate() -> None:
    again = [0, 30, 30]
    left_u_turn = [-40, -40, -40, -40, 0, 0, 0, 0]
    # At 9 s the U-turn would drop the turn at 5 s, were it alone; but that was settled at 6 s with the one of 2 s.
    assert seen(drive(40, steered(30, 30, *again, *left_u_turn))) == [(RIGHT, 2), (RIGHT, 5), (U_TURN, 9)]
    assert seen(drive(40, steered(0, 0, *again, *left_u_turn))) == [(U_TURN, 9)]


def test_a_turn_at_the_very_time_the_first_is_settled_waits_for_itself() -> None:
    assert seen(drive(40, steered(30, 30, 0, 0, 30, 30, 0, 0, 0, 0))) == [(RIGHT, 2), (RIGHT, 6)]
    left_u_turn = [-40, -40, -40, -40, 0, 0, 0, 0]
    assert seen(drive(40, steered(30, 30, 0, 0, 30, 30, *left_u_turn))) == [(RIGHT, 2), (U_TURN, 10)]


def test_a_waiting_turn_counts_at_a_gap_and_at_the_end() -> None:
    trip = drive(40, steered(30, 30))
    assert seen(trip) == [(RIGHT, 2)]
    assert seen([*trip, (3501, 4000, 600)]) == [(RIGHT, 2)]


def test_turns_at_a_gap_wait_anew_after_it_and_looking_back_goes_through_it() -> None:
    """Bus: T is 3 s and a U-turn's is 6 s, so a turn can follow a U-turn within 6 s although a gap lies between."""
    u_turn = drive(40, steered(0, 0, 0, 0, 40, 40, 40, 40))  # at 8 s
    for gap_ms, expected in ((1501, [(U_TURN, 8)]), (3000, [(U_TURN, 8)]), (3001, [(U_TURN, 8), (RIGHT, 14.001)])):
        after = [(8000 + gap_ms + 1000 * k, 4000, 1600 + 200 * k) for k in range(4)]
        assert seen(u_turn + after, "bus") == expected


def test_a_turn_is_quiet_for_its_time() -> None:
    # Half seconds: 60 degrees at 2 s; 55 at 2.5 s; 60 again from 3 s to 4.5 s, when the quiet is long over.
    rates = [15, 15, 15, 15, 10, 20, 15, 15, 15, 0, 0, 0, 0, 0, 0, 0]
    assert seen(drive(40, steered(*rates), 500)) == [(RIGHT, 2)]
    # Down at 2.5 s and at 3 s and 3.5 s, up again at 4 s: 2 s later, which is not less.
    rates = [15, 15, 15, 15, 10, 15, 15, 20, 0, 0, 0, 0, 0, 0, 0]
    assert seen(drive(40, steered(*rates), 500)) == [(RIGHT, 2), (RIGHT, 4)]


def test_left_and_right_do_not_quieten_each_other() -> None:
    assert seen(drive(25, steered(0, 0, 30, 30, -60, -60, 0, 0, 0)), "truck") == [(RIGHT, 4), (LEFT, 6)]
    assert seen(drive(25, steered(0, 0, 0, 60, -60, -60, 0, 0, 0)), "truck") == [(RIGHT, 4), (LEFT, 6)]


def test_a_u_turn_is_quiet_for_its_time() -> None:
    # 160 degrees at 4 s, 150 at 5 s, 160 at 6 s: 2 s later; a U-turn again at 13 s, when it is over.
    rates = [40, 40, 40, 40, 30, 50, 0, 0, 0, 40, 40, 40, 40, 0, 0, 0, 0, 0]
    assert seen(drive(40, steered(*rates))) == [(U_TURN, 4), (U_TURN, 13)]


def test_a_turn_that_was_dropped_makes_quiet_too() -> None:
    # Half seconds. The turn at 8 s is dropped for the U-turn at 4 s; the one at 9 s is not, but 8 s is too near.
    u_turn, right = [-20] * 8, [15, 15, 15, 15, 10, 20]
    after = [0] * 8
    assert seen(drive(40, steered(*u_turn, 0, 0, 0, 0, *right, *after), 500)) == [(U_TURN, 4)]
    # Half a second later the first of the two counts.
    assert seen(drive(40, steered(*u_turn, 0, 0, 0, 0, 0, *right, *after), 500)) == [(U_TURN, 4), (RIGHT, 8.5)]


def test_the_heading_at_the_beginning_of_a_window_lies_between_samples() -> None:
    # 800 ms steps: 2 s ago is the middle of the first step. 10 of its 20 degrees, and 25 and 25: 60 at 2.4 s.
    assert seen(drive(40, steered(20, 25, 25, 0, 0, 0, 0, 0, 0), 800)) == [(RIGHT, 2.4)]
    assert seen(drive(40, steered(19.8, 25, 25, 0, 0, 0, 0, 0, 0), 800)) == []
    assert seen(drive(40, steered(-20, -25, -25, 0, 0, 0, 0, 0, 0), 800)) == [(LEFT, 2.4)]
    # 0.1 degrees halfway, floored towards the left: to the right all of it is left, to the left nothing.
    assert seen(drive(40, steered(0.1, 30, 29.9, 0, 0, 0, 0, 0), 800)) == [(RIGHT, 2.4)]
    assert seen(drive(40, steered(-0.1, -30, -29.9, 0, 0, 0, 0, 0), 800)) == []


# Headings that do not count


def test_more_than_60_degrees_within_a_second_is_a_fault() -> None:
    assert seen(drive(40, [0, 0, 0, 60, 60, 60, 60])) == [(RIGHT, 3)]
    assert seen(drive(40, [0, 0, 0, 60.1, 60.1, 60.1, 60.1])) == []
    assert seen(drive(40, [0, 0, 0, -60, -60, -60, -60])) == [(LEFT, 3)]
    assert seen(drive(40, [0, 0, 0, -60.1, -60.1, -60.1, -60.1])) == []
    assert seen(drive(40, [0, 0, 0, 180, 180, 180, 180])) == []


def test_at_500_ms_the_fault_is_judged_over_the_second_too() -> None:
    rates = [0, 0, 0, 0, 30.1, 30, 0, 0, 0, 0, 0, 0]
    assert seen(drive(40, steered(*rates), 500)) == []
    rates[4] = 30
    assert seen(drive(40, steered(*rates), 500)) == [(RIGHT, 3)]


@pytest.mark.parametrize("straight", range(6))
def test_a_window_with_a_faulty_heading_in_it_is_missing(straight: int) -> None:
    """The jump at 3 s is the fault. The turn of 60 degrees over the two seconds before `first` counts without it."""
    first = 3 + straight + 2
    degrees = [0, 0, 0, 100, *[100] * straight, 130, 160, 160, 160, 160, 160]
    # The window of 2 s reaches back to 3 s exactly, where the faulty heading is, unless one second lies between.
    expected = [] if straight == 0 else [(RIGHT, first)]
    assert seen(drive(40, degrees)) == expected


def test_a_single_wrong_heading_takes_two_samples_away() -> None:
    # Wrong at 3 s, a jump back at 4 s; right turns over 4 to 6 s, and over 5 to 7 s.
    assert seen(drive(40, [0, 0, 0, 180, 0, 30, 60, 60, 60, 60, 60])) == []
    assert seen(drive(40, [0, 0, 0, 180, 0, 0, 30, 60, 60, 60, 60])) == [(RIGHT, 7)]


def test_a_fault_is_judged_on_the_heading_as_received_at_any_speed() -> None:
    # 61 degrees from the sample at 9 km/h, whose own heading does not count: the one at 1 s is faulty all the same.
    assert seen(drive([9, 31, 31, 31, 31], [0, 61, 91, 121, 121])) == [("rapid_acceleration", 1)]
    assert seen(drive([9, 31, 31, 31, 31], [0, 60, 90, 120, 120])) == [("rapid_acceleration", 1), (RIGHT, 3)]


@pytest.mark.parametrize("missing", range(9))
def test_a_window_with_a_missing_heading_in_it_is_missing(missing: int) -> None:
    degrees: list[float | None] = [*steered(0, 0, 30, 30, 0, 0, 0, 0)]
    degrees[missing] = None
    # 60 degrees over 2 to 4 s, and nowhere else.
    assert seen(drive(40, degrees)) == ([] if 2 <= missing <= 4 else [(RIGHT, 4)])


def test_without_headings_there_are_no_turns() -> None:
    assert seen(drive([40] * 20)) == []


def test_a_turn_does_not_reach_across_a_gap() -> None:
    def turning(step_ms: int) -> list[tuple[str, float]]:
        begin = [(0, 4000, 0), (1000, 4000, 0)]
        return seen(begin + [(1000 + step_ms + 1000 * k, 4000, 400 + 200 * min(k, 1)) for k in range(5)])

    # 2 s before 3.5 s lies a third into the step: 40 - 13.3, and 20, are too little; from 1000 ms on it is enough.
    assert turning(1000) == [(RIGHT, 3)]
    assert turning(1500) == []
    assert turning(1501) == []
    # Two seconds after a gap there is a window again.
    after = [(0, 4000, 0), (5000, 4000, 0), (6000, 4000, 300), (7000, 4000, 600), (8000, 4000, 600)]
    assert seen(after) == [(RIGHT, 7)]


# 10, 11: overtaking and lane changes

WEAVES = [("car", 10), ("taxi", 10), ("bus", 8), ("truck", 6)]


def weaving(*back: float, dv: float = 0, kmh: float = 30) -> Trip:
    """Straight to 3 s, out until 4 s, and on from there; `kmh` at 5 s, after a change by `dv`."""
    degrees = [0, 0, 0, 0, *back]
    return drive([kmh - dv] * 5 + [kmh] * (len(degrees) - 5), degrees)


@pytest.mark.parametrize(("vehicle_class", "rate"), WEAVES)
@pytest.mark.parametrize("side", [-1, 1])
def test_a_lane_change_returns_to_the_heading_within_5_s(vehicle_class: str, rate: int, side: int) -> None:
    def lane_change(out: float, to: float, kmh: float = 30, dv: float = 0) -> list[tuple[str, float]]:
        return seen(weaving(side * out, side * to, side * to, dv=dv, kmh=kmh), vehicle_class)

    found = [("rapid_lane_change", 5)]
    assert lane_change(rate, 0) == found
    assert lane_change(rate - 0.1, 0) == []
    assert lane_change(rate + 2, 2) == found
    assert lane_change(rate + 2.1, 2.1) == []
    assert lane_change(rate - 2, -2) == found
    assert lane_change(rate - 2.1, -2.1) == []
    assert lane_change(rate, 0, kmh=29.5) == found
    assert lane_change(rate, 0, kmh=29.49) == []
    assert lane_change(rate, 0, kmh=32, dv=2) == found
    assert lane_change(rate, 0, kmh=32, dv=3) == [("rapid_overtaking", 5)]
    assert lane_change(rate, 0, kmh=32, dv=-2) == found
    assert lane_change(rate, 0, kmh=32, dv=-3) == []
    assert lane_change(59.9, 0) == found
    assert lane_change(60.1, 0) == []


@pytest.mark.parametrize(("vehicle_class", "rate"), WEAVES)
def test_overtaking_needs_30_km_h_when_it_counts_only(vehicle_class: str, rate: int) -> None:
    assert seen(weaving(rate, 0, 0, dv=3, kmh=30), vehicle_class) == [("rapid_overtaking", 5)]
    assert seen(weaving(rate, 0, 0, dv=3, kmh=29.49), vehicle_class) == []


def test_a_lane_change_needs_5_s_of_headings() -> None:
    assert seen(drive(40, [0, 0, 0, 10, 0, 0])) == []
    degrees: list[float | None] = [0, 0, 0, 0, 0, 10, 0, 0]
    assert seen(drive(40, degrees)) == [("rapid_lane_change", 6)]
    degrees[0] = None
    assert seen(drive(40, degrees)) == [("rapid_lane_change", 6)]
    degrees[1] = None
    assert seen(drive(40, degrees)) == []


def test_a_heading_below_10_km_h_is_missing() -> None:
    degrees = [0, 0, 0, 0, 10, 0, 0]
    kmh = [9.5, 16, 23, 30, 30, 30, 30]
    assert seen(drive(kmh, degrees)) == [("rapid_lane_change", 5)]
    kmh[0] = 9.49
    assert seen(drive(kmh, degrees)) == []


def test_a_lane_change_out_and_back_only_after_5_s_is_none() -> None:
    assert seen(weaving(10, 10, 10, 10, 0, 0)) == [("rapid_lane_change", 8)]
    assert seen(weaving(10, 10, 10, 10, 10, 0, 0)) == []


# Out and back before, with nothing to count yet; the same again, so that two samples fulfil the condition.
TOUCHING = [0, 10, 0, 0, 0, 0, 10, 0, 0, 0, 0]
APART = [0, 10, 10, 0, 0, 0, 10, 10, 0, 0, 0]


def gaining_at(second: int, count: int) -> list[float]:
    return [30 if k < second else 33 for k in range(count)]


def test_overtaking_drops_lane_changes_up_to_a_second_away() -> None:
    assert seen(drive(30, TOUCHING)) == [("rapid_lane_change", 6)]
    assert seen(drive(gaining_at(6, 11), TOUCHING)) == [("rapid_overtaking", 6)]
    assert seen(drive(gaining_at(7, 11), TOUCHING)) == [("rapid_overtaking", 7)]
    assert seen(drive(30, APART)) == [("rapid_lane_change", 6), ("rapid_lane_change", 8)]
    assert seen(drive(gaining_at(6, 11), APART)) == [("rapid_overtaking", 6), ("rapid_lane_change", 8)]
    assert seen(drive(gaining_at(8, 11), APART)) == [("rapid_lane_change", 6), ("rapid_overtaking", 8)]


def test_overtaking_a_moment_more_than_a_second_later_leaves_the_lane_change() -> None:
    wider = [12 if degrees == 10 else degrees for degrees in TOUCHING]
    trip = drive(gaining_at(7, 11), wider)
    assert seen(trip) == [("rapid_overtaking", 7)]
    # The same drive, one millisecond later from 7 s on: 1 s ago is just after the sample, 11.9 degrees.
    late = [(time + (time >= 7000), speed, course) for time, speed, course in trip]
    assert seen(late) == [("rapid_lane_change", 6), ("rapid_overtaking", 7.001)]


# The same drive at 1 Hz and at 10 Hz

EVENTFUL = [
    Leg(3000),
    Leg(1000, 1000),  # to 10 km/h at 4 s: start
    Leg(3000),
    Leg(1000, 1200),  # to 22 at 8 s: acceleration
    Leg(8000, 1800),  # to 40
    Leg(5000),
    Leg(2000, 0, 600),  # right at 23 s
    Leg(7000),
    Leg(2000, 0, -600),  # left at 32 s
    Leg(7000),
    Leg(4000, 0, -1600),  # U-turn at 43 s; the left turn before it does not count
    Leg(7000),
    *weave(100, 1000, 1000, 0),  # lane change at 53 s
    Leg(7000),
    *weave(-100, 1000, 1000, 300),  # overtaking at 63 s, to 43 km/h: more than 20 above a limit of 22
    Leg(6000),
    Leg(1000, -1500),  # to 28 at 70 s: deceleration
    Leg(3000),
    Leg(6000, -900),  # to 19
    Leg(3000),
    Leg(1000, -1400),  # to 5 at 83 s: stop
    Leg(2000, -500),
    Leg(3000),
]
EVENTS = [
    ("rapid_start", 4),
    ("rapid_acceleration", 8),
    (RIGHT, 23),
    (LEFT, 32),
    (U_TURN, 43),
    ("rapid_lane_change", 53),
    ("rapid_overtaking", 63),
    ("speeding", 63),
    ("rapid_deceleration", 70),
    ("rapid_stop", 83),
]


@pytest.mark.parametrize("start_heading", [0, 300, 3300])
def test_the_same_drive_at_10_hz_has_the_same_events(start_heading: int) -> None:
    assert seen(sampled(EVENTFUL, 0, start_heading, [1000]), "car", 22) == EVENTS
    often = behaviours(sampled(EVENTFUL, 0, start_heading, [100]), "car", 22)
    assert sorted(name for name, _ in often) == sorted(name for name, _ in EVENTS)
    assert all(abs(time - 1000 * dict(EVENTS)[name]) <= 100 for name, time in often)


def test_long_speeding_at_10_hz() -> None:
    legs = [Leg(2000), Leg(1000, 50), Leg(181_000)]
    expected = [("speeding", 3), ("long_speeding", 183)]
    assert seen(sampled(legs, 7000), "car", 50) == expected
    assert seen(sampled(legs, 7000, 0, [100]), "car", 50) == expected


# Any drive

any_drives = drives | turning_drives | arbitrary_drives()


@given(any_drives, st.sampled_from(CLASSES), st.none() | st.integers(0, 110))
def test_events_come_in_order_at_samples_and_exclude_each_other(
    trip: Trip, vehicle_class: str, limit: int | None
) -> None:
    found = behaviours(trip, vehicle_class, limit)
    assert found == sorted(found, key=lambda event: (event[1], event[0]))
    assert len(set(found)) == len(found)
    assert {time for _, time in found} <= {time for time, _, _ in trip[1:]}
    assert {name for name, _ in found} <= set(NAMES)
    changes = [time for name, time in found if name in NAMES[2:6]]
    assert len(changes) == len(set(changes))
    turns = [time for name, time in found if name in NAMES[6:9]]
    assert len(turns) == len(set(turns))
    assert all(
        abs(turn - u_turn) > 4000
        for u_turn in (time for name, time in found if name == U_TURN)
        for turn in (time for name, time in found if name in {LEFT, RIGHT})
        if turn > u_turn
    )


@given(any_drives, st.sampled_from(CLASSES), st.integers(1, 3599), st.integers(1, 10**12))
def test_north_and_the_hour_do_not_matter(trip: Trip, vehicle_class: str, by: int, later: int) -> None:
    moved = [(time + later, speed, None if course is None else (course + by) % 3600) for time, speed, course in trip]
    expected = [(name, time + later) for name, time in behaviours(trip, vehicle_class, 50)]
    assert behaviours(moved, vehicle_class, 50) == expected


@given(leg_lists, start_speeds, start_headings, st.sampled_from(CLASSES))
def test_in_a_mirror_left_and_right_change_places(
    legs: list[Leg], speed: int, heading: int, vehicle_class: str
) -> None:
    trip = sampled(legs, speed, heading)  # at 1 Hz: nothing between samples, so nothing is floored
    mirrored = [(time, speed, None if course is None else -course % 3600) for time, speed, course in trip]
    swapped = {LEFT: RIGHT, RIGHT: LEFT}
    expected = sorted((time, swapped.get(name, name)) for name, time in behaviours(trip, vehicle_class))
    assert [(time, name) for name, time in behaviours(mirrored, vehicle_class)] == expected


@given(any_drives, any_drives, st.sampled_from(CLASSES))
def test_a_gap_of_10_s_makes_two_drives_of_one(first: Trip, second: Trip, vehicle_class: str) -> None:
    later = first[-1][0] + 10_000 if first else 0
    joined = [*first, *((time + later, speed, course) for time, speed, course in second)]
    expected = behaviours(first, vehicle_class, 50)
    expected += [(name, time + later) for name, time in behaviours(second, vehicle_class, 50)]
    assert behaviours(joined, vehicle_class, 50) == expected


@given(any_drives, st.sampled_from(CLASSES))
def test_without_headings_only_what_speed_says_remains(trip: Trip, vehicle_class: str) -> None:
    blind = [(time, speed, None) for time, speed, _ in trip]
    expected = [event for event in behaviours(trip, vehicle_class, 50) if event[0] in NAMES[:6]]
    assert behaviours(blind, vehicle_class, 50) == expected


@given(long_drives)
def test_long_speeding_is_never_more_often_than_speeding(trip: Trip) -> None:
    found = counted([trip], "car", 50)
    assert found["long_speeding"] <= found["speeding"]


# What the drives hold


@pytest.mark.parametrize("vehicle_class", CLASSES)
def test_every_behaviour_occurs_in_generated_drives(vehicle_class: str) -> None:
    found = counted((sampled(random_legs(seed), 0) for seed in range(20)), vehicle_class, 50)
    assert set(found) == set(NAMES)


def test_the_recorded_drivers_have_all_that_simulated_traffic_has() -> None:
    drivers = sumo_drivers()
    assert {name: len(trips) for name, trips in drivers.items()} == {
        f"driver-{number:02}": trips for number, trips in enumerate([4, 3, 4, 4, 4, 3, 4, 3, 3, 4, 3, 4, 4, 4], start=1)
    }
    trips = [trip for trips in drivers.values() for trip in trips]
    assert sum(map(len, trips)) == 23_180
    assert {b[0] - a[0] for trip in trips for a, b in pairwise(trip)} == {1000}
    # Vehicles in SUMO change lanes sideways and do not turn round: no weaving, no U-turns.
    assert set(counted(trips, "truck", 50)) == set(NAMES) - {U_TURN, "rapid_overtaking", "rapid_lane_change"}


@pytest.mark.full
def test_the_real_minute_is_what_its_receiver_saw() -> None:
    if not COMMA.exists():
        pytest.fail(f"this test needs the recorded minute in {COMMA}")
    trip = comma_trip()
    assert len(trip) == 600
    assert {b[0] - a[0] for a, b in pairwise(trip)} <= set(range(95, 106))
    speeds_m_s = [speed / 360 for _, speed, _ in trip]
    assert (round(min(speeds_m_s), 1), round(max(speeds_m_s), 1)) == (8.0, 19.8)
    bearings = comma_bearings()
    for time, _, heading in trip:
        near = [bearing for at, bearing in bearings if abs(at - time) <= 60]
        assert heading is not None
        assert all(abs(difference(bearing, heading)) <= 30 for bearing in near)
    # Straight on, along a motorway ramp: nothing turns.
    for vehicle_class in CLASSES:
        assert not set(counted([trip], vehicle_class, None)) & set(NAMES[6:])
