"""Where a trip begins and ends, and what becomes of samples that are not as they should be: the same for every pack."""

import pytest
from driven import ACCELERATED_HARD, AT_36, BRAKED_HARD, PROCESS, Drive, Trip, at, only_trip, trips

from headway_edge.core.data_quality import CLOSED, OPENED
from headway_edge.core.episode import EpisodeCore

BAND_OF_36 = "band_5"  # 32.19 to 40.23 km/h: 20 to 25 mph

# Where a trip begins


def test_a_trip_begins_at_the_first_movement_with_the_standing_sample_before_it() -> None:
    drive = Drive()
    assert [drive.update(1000, speed) for speed in (0, 0, 0, 100)] == [0, 0, 0, OPENED]
    assert drive.core.lead_ms == 1000
    drive.feed(at(AT_36, 20))
    drive.finish()
    # 21 steps of one second, from the last standing sample to the last moving one.
    assert drive.closed["elapsed"] == 21000
    assert drive.closed["band_0"] == 1000


def test_a_trip_that_begins_with_movement_has_nothing_before_it() -> None:
    drive = Drive()
    assert drive.update(1000, AT_36) == OPENED
    assert drive.core.lead_ms == 0
    drive.feed(at(AT_36, 20))
    drive.finish()
    assert drive.closed["elapsed"] == 20000
    assert drive.closed["band_0"] == 0


@pytest.mark.parametrize(("dt_ms", "lead_ms"), [(40, 40), (1500, 1500), (1501, 0), (200_000, 0)])
def test_a_standing_sample_belongs_to_the_trip_only_while_it_is_near(dt_ms: int, lead_ms: int) -> None:
    drive = Drive()
    drive.update(1000, 0)
    assert drive.update(dt_ms, 500) == OPENED
    assert drive.core.lead_ms == lead_ms


@pytest.mark.parametrize("signals", [(800, -1), (-1, 1), (0, 1), (800, 1)])
def test_a_running_engine_begins_a_trip_while_standing(signals: tuple[int, int]) -> None:
    drive = Drive()
    assert drive.update(1000, 0, *signals) == OPENED
    assert drive.core.is_open


@pytest.mark.parametrize("signals", [(-1, -1), (0, -1), (0, 0), (800, 0)])
def test_standing_without_a_running_engine_begins_nothing(signals: tuple[int, int]) -> None:
    drive = Drive()
    assert drive.update(1000, 0, *signals) == 0
    assert not drive.core.is_open


def test_the_standing_sample_before_a_trip_idles_only_if_the_engine_may_have_run() -> None:
    electric = only_trip([*at(0, 3, 0), *at(AT_36, 20, 0)])
    unknown = only_trip([*at(0, 3), *at(AT_36, 20)])
    assert (electric["band_0"], electric["idle"]) == (1000, 0)
    assert (unknown["band_0"], unknown["idle"]) == (1000, 1000)


# Where a trip ends

PARKED = [*at(AT_36, 20), *at(0, 100)]


def parked(trip: Trip) -> tuple[int, int, int, int]:
    return trip["elapsed"], trip["band_0"], trip["idle"], trip["stops"]


def test_standing_at_the_end_is_parking_when_no_signal_says_otherwise() -> None:
    assert parked(only_trip(PARKED)) == (20000, 1000, 1000, 1)


@pytest.mark.parametrize("signals", [(800, -1), (-1, 1), (800, 1)])
def test_standing_at_the_end_counts_while_a_signal_says_that_the_engine_runs(signals: tuple[int, int]) -> None:
    assert parked(only_trip([(*sample, *signals) for sample in PARKED])) == (119000, 100000, 100000, 1)


def test_switching_off_ends_a_trip_at_once() -> None:
    drive = Drive()
    drive.feed([*at(AT_36, 20, -1, 1), *at(0, 5, -1, 1)])
    assert drive.update(1000, 0, 0, 0) == CLOSED
    assert (drive.closed["elapsed"], drive.closed["band_0"]) == (24000, 5000)
    assert drive.update(1000, 0, 0, 0) == 0


def test_after_switching_off_nothing_is_built_on_what_was_before() -> None:
    drive = Drive()
    drive.feed([*at(AT_36, 20), (1000, 0, 0, 0)])
    assert drive.update(1000, AT_36) == OPENED
    assert drive.core.lead_ms == 0
    drive.feed(at(AT_36, 20))
    drive.finish()
    assert (drive.closed["elapsed"], drive.closed["distance"]) == (20000, 200)


def test_a_silence_of_five_minutes_is_bridged_and_a_longer_one_ends_the_trip() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 20))
    assert drive.update(300_000, AT_36) == 0
    assert drive.update(300_001, AT_36) == CLOSED | OPENED
    assert drive.closed == Trip(
        {"elapsed": 319000, "distance": 3190, "speed_max": 3600, BAND_OF_36: 21000},
        {"gaps": 1, "gap_s": 299000, "bridged_m": 3000},
    )
    assert drive.core.lead_ms == 0


def test_standing_for_more_than_half_an_hour_ends_a_trip() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 20))
    assert [drive.update(300_000, 0) for _ in range(6)] == [0] * 6
    assert drive.update(40, 0) == CLOSED
    # The first standing sample came 300 s after the last moving one; of those, all but one second were not observed.
    stood = {"low_speed": 1000, "idle": 1000, "stops": 1, "band_0": 1000}
    assert drive.closed == Trip(
        {"elapsed": 319000, "distance": 1690, "speed_max": 3600, BAND_OF_36: 20000} | stood,
        {"gaps": 1, "gap_s": 299000, "bridged_m": 1500},
    )


def test_standing_with_the_engine_running_does_not_end_a_trip() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 20, 2000))
    assert drive.update(1000, 0, 800) == BRAKED_HARD
    assert {drive.update(1000, 0, 800) for _ in range(4000)} == {0}
    assert drive.core.is_open


def test_once_the_engine_is_silent_half_an_hour_of_standing_ends_the_trip_where_it_came_to_a_stand() -> None:
    drive = Drive()
    drive.feed([*at(AT_36, 20, -1, 1), *at(0, 600, -1, 1)])
    found = drive.feed(at(0, 1300))
    assert [(trip["elapsed"], trip["band_0"]) for trip in found] == [(20000, 1000)]


def test_driving_on_after_standing_closed_the_trip_is_a_new_one() -> None:
    found = trips([*at(AT_36, 20), *at(0, 1900), *at(AT_36, 20)])
    assert [(trip["elapsed"], trip["band_0"]) for trip in found] == [(20000, 1000), (20000, 1000)]


def test_a_trip_without_end_is_cut_after_five_days() -> None:
    found = Drive().feed([(300_000, 30000, 3000, 1)] * 3000)
    counts = {"elapsed": 432_000_000, "distance": 36_000_000, "speed_max": 30000, "band_16": 1_441_000}
    assert found == [Trip(counts, {"gaps": 1440, "gap_s": 430_560_000, "bridged_m": 36_000_000})] * 2


def test_an_ignition_signal_that_is_stuck_does_not_run_the_counts_over() -> None:
    drive = Drive()
    found = drive.feed([*at(AT_36, 20, -1, 1), *[(300_000, 0, -1, 1)] * 20_000, (1000, 0, -1, 0)])
    assert [trip["elapsed"] for trip in found] == [432_019_000]
    # The standing that followed was no trip: 13 whole times five days, and the rest.
    assert drive.under_way["too_short"] == 13


def test_episodes_too_short_to_be_a_trip_are_counted_with_the_next_one() -> None:
    samples = [
        *at(AT_36, 10),  # 9 s
        (1000, 0, 0, 0),
        *at(500, 15),  # 19.4 m
        (1000, 0, 0, 0),
        *at(500, 15),
        (1000, 500),  # 20.8 m
        (1000, 0, 0, 0),
        *at(AT_36, 11),  # 10 s
    ]
    found = trips(samples)
    assert [(trip["elapsed"], trip["distance"]) for trip in found] == [(15000, 21), (10000, 100)]
    assert [trip["too_short"] for trip in found] == [2, 0]


@pytest.mark.parametrize(("speed_ckmh", "trips_found"), [(701, 0), (702, 1), (720, 1)])
def test_twenty_metres_in_ten_seconds_are_a_trip(speed_ckmh: int, trips_found: int) -> None:
    # 19.47 m are 19; 19.5 m are 20, as distances are rounded half up.
    assert len(trips(at(speed_ckmh, 11))) == trips_found


def test_after_the_end_the_next_sample_begins_anew() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 20))
    assert drive.finish() == CLOSED
    assert drive.update(1000, AT_36) == OPENED
    drive.feed(at(AT_36, 20))
    assert drive.finish() == CLOSED
    assert (drive.closed["elapsed"], drive.closed["distance"], drive.closed["band_0"]) == (20000, 200, 0)


def test_the_end_of_nothing_is_nothing() -> None:
    drive = Drive()
    assert drive.finish() == 0
    drive.feed(at(0, 10))
    assert drive.finish() == 0
    drive.feed(at(AT_36, 2))
    assert drive.finish() == 0
    assert not drive.core.is_open


# Samples that are not as they should be


def test_missing_and_impossible_speeds_are_counted_and_bridged() -> None:
    clean = [(500, AT_36)] * 60
    faulty = list(clean)
    faulty[10] = (500, -1)
    faulty[20] = (500, 30001)
    faulty[30] = (500, 2**31 - 1)
    found, expected = only_trip(faulty, period_ms=500), only_trip(clean, period_ms=500)
    assert found.counts == expected.counts
    assert found.gates == {"missing": 1, "out_of_range": 2}


def test_the_highest_possible_speed_is_accepted() -> None:
    found = only_trip(at(30000, 20))
    assert found["speed_max"] == 30000
    assert found.gates == {}


def test_repeated_samples_are_counted_and_change_nothing() -> None:
    clean = at(AT_36, 30)
    found, expected = only_trip([*clean[:10], (0, AT_36), (0, 9000), *clean[10:]]), only_trip(clean)
    assert found.counts == expected.counts
    assert found.gates == {"duplicate": 2}


def test_samples_older_than_the_last_are_counted_and_dropped() -> None:
    clean = at(AT_36, 30)
    faulty = [*clean[:10], (-3000, 9000), (1000, 9000), (1000, 9000), (1000, 9000), *clean[10:]]
    found, expected = only_trip(faulty), only_trip(clean)
    assert found.counts == expected.counts
    assert found.gates == {"backwards": 3, "duplicate": 1}


@pytest.mark.parametrize("jump_ms", [-300_000, -7_200_000, -(2**40)])
def test_a_jump_back_by_five_minutes_or_more_starts_anew(jump_ms: int) -> None:
    drive = Drive()
    drive.feed(at(AT_36, 20))
    assert drive.update(jump_ms, AT_36) == CLOSED | OPENED
    assert drive.closed["elapsed"] == 19000
    assert drive.closed.gates == {"backwards": 1}
    drive.feed(at(AT_36, 20))
    drive.finish()
    assert (drive.closed["elapsed"], drive.closed["distance"]) == (20000, 200)


def test_a_silence_of_weeks_is_one_silence() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 20))
    assert [drive.update(1_000_000_000, -1) for _ in range(5)] == [0] * 5
    assert drive.update(1000, AT_36) == CLOSED | OPENED
    assert drive.closed["elapsed"] == 19000


def test_gaps_of_an_episode_too_short_are_not_within_the_next_trip() -> None:
    samples = [(1000, AT_36), (5000, AT_36), (1000, 0, 0, 0), *at(AT_36, 20)]
    assert only_trip(samples).gates == {"too_short": 1}


def test_gaps_amid_the_parking_after_a_trip_are_not_within_it() -> None:
    found = only_trip([*at(AT_36, 20), *[(100_000, 0)] * 10])
    assert found.gates == {"gaps": 1, "gap_s": 99_000, "bridged_m": 500}


def test_gaps_amid_standing_are_within_a_trip_that_goes_on() -> None:
    found = only_trip([*at(AT_36, 20), (1000, 0), *[(100_000, 0)] * 10, *at(AT_36, 5)])
    assert found["elapsed"] == 1_025_000
    assert found.gates == {"gaps": 10, "gap_s": 990_000}


@pytest.mark.parametrize(("dt_ms", "gaps"), [(1500, 0), (1501, 1)])
def test_a_step_of_more_than_a_second_and_a_half_is_a_gap(dt_ms: int, gaps: int) -> None:
    assert only_trip([*at(AT_36, 20), (dt_ms, AT_36)])["gaps"] == gaps


def test_samples_faster_than_25_hz_are_thinned() -> None:
    slow = [(40, speed) for speed in range(0, 6000, 10)]
    fast = [(20, 0), *[(20, speed) for _, slow_speed in slow for speed in (9999, slow_speed)]]
    found, expected = only_trip(fast, period_ms=40), only_trip(slow, period_ms=40)
    assert found.counts == expected.counts
    assert found.gates == {}


# Events at the borders


def test_braking_out_of_acceleration_is_an_event_of_its_own() -> None:
    drive = Drive()
    flags = [drive.update(1000, speed) for speed in (0, 2000, 4000, 2000, 4000)]
    assert flags == [0, OPENED | ACCELERATED_HARD, 0, BRAKED_HARD, ACCELERATED_HARD]


def test_no_event_is_seen_across_a_gap() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 5))
    assert drive.update(1501, 9000) == 0
    assert drive.update(1000, 9000) == 0


@pytest.mark.parametrize(("vehicle_class", "period_ms"), [("tram", 1000), ("", 1000), ("car", 39), ("car", 1001)])
def test_a_core_of_no_known_class_or_period_is_refused(vehicle_class: str, period_ms: int) -> None:
    with pytest.raises(ValueError, match=r"knows the classes car, taxi, bus, truck, not|sampling period"):
        EpisodeCore(PROCESS.pack, vehicle_class, period_ms)
