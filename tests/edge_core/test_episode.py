"""The core that runs packs: every operator, accumulator and event option on drives worked out by hand."""

import random

import pytest
from bench.hand_written import as_pack, trip
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core import data_quality
from headway_edge.core.episode import EpisodeCore, wire_cells, wire_numbers
from headway_edge.core.pack import Pack
from headway_edge.core.pack_values import from_wire
from headway_edge.core.program import MISSING
from headway_protocol import cbor, counts

SPEED = ["s", 0]
HEADING = ["s", 3]
SIGNALS = [
    ["Vehicle.Speed", "km/h", 1, 100, 0, 30000, 0, 1],
    ["Vehicle.Powertrain.CombustionEngine.Speed", "rpm", 1, 1, 0, 20000, 0, 2],
    ["Vehicle.LowVoltageSystemState", "", 1, 1, 0, 1, 0, 3],
    ["Vehicle.CurrentLocation.Heading", "degrees", 1, 10, 0, 3600, 3600, 0],
    ["Vehicle.Acceleration.Lateral", "m/s^2", 1, 100, -3000, 3000, 0, 0],
]
RULES = [1500, 300000, 1800000, 432000000, 0, 0]


def compiled(
    values=(), accumulators=(), events=(), classes=("car",), parameters=((),), rules=RULES, period=(), read=()
):
    parts = [1, "test", 1, "trip", classes, SIGNALS, rules, parameters, values, accumulators, events, period, read]
    return cbor.encode([*parts, *[[]] * 7], 14)


def run(data: bytes, samples, vehicle_class="car", period_ms=1000):
    """Return ([numbers of each trip], [(event, time fired in ms)])."""
    core = EpisodeCore(Pack(data), vehicle_class, period_ms)
    trips, fired, now_ms = [], [], 0
    for sample in [*samples, None]:
        if sample is None:
            flags = core.finish()
        else:
            dt_ms, *signals = sample
            now_ms += dt_ms
            for i in range(len(SIGNALS)):
                core.signals[i] = signals[i] if i < len(signals) and signals[i] is not None else MISSING
            flags = core.update(dt_ms)
        fired.extend(
            (i, now_ms - age_ms) for i in range(len(core.pack.events)) if flags & (4 << i) for age_ms in core.firings(i)
        )
        if flags & data_quality.CLOSED:
            wire = counts.unpack(wire_cells(core), len(core.pack.cells))
            assert wire == wire_numbers(core.pack, core.closed)
            trips.append(from_wire(core.pack, wire))
    return trips, fired


def speeds(*numbers, dt_ms=1000):
    return [(dt_ms, number) for number in numbers]


def counted(accumulator, samples, period_ms=1000, **more):
    """The one accumulator of the one trip of a drive."""
    ((_, _, *numbers),) = run(compiled(accumulators=[accumulator], **more), samples, period_ms=period_ms)[0]
    return numbers if len(numbers) > 1 else numbers[0]


def test_elapsed_and_distance_come_first() -> None:
    assert run(compiled(), speeds(3600, 3600, 3600))[0] == [[20, 20]]


def test_time_and_distance_under_a_condition() -> None:
    drive = speeds(3600, 3600, 7200, 7200, 7200)
    assert counted(["time", [">=", SPEED, 7200]], drive) == 30
    assert counted(["metres", [">=", SPEED, 7200]], drive) == 55


def test_edges_count_times_a_condition_turned_true_but_not_the_first_sample() -> None:
    assert counted(["edges", ["<", SPEED, 3000]], speeds(2000, 4000, 2000, 2000, 4000, 1000)) == 2


def test_extremes_last_and_sum_pass_over_missing_values() -> None:
    lateral = ["s", 4]
    drive = [(1000, 3600, None, None, None, number) for number in (None, -250, 40, None, -30)]
    assert counted(["max", lateral], drive) == 40
    assert counted(["min", lateral], drive) == -250
    assert counted(["last", lateral], drive) == -30
    assert counted(["sum", lateral], drive) == -240
    assert counted(["max", lateral], [(1000, 3600)] * 3) == 0


def test_a_sum_can_be_of_the_samples_where_a_condition_is_true() -> None:
    drive = speeds(1000, 2000, 3000, 4000)
    assert counted(["sum", SPEED, [">=", SPEED, 3000]], drive) == 7000
    assert counted(["sum", ["lag", SPEED, 1000], [">=", SPEED, 2000]], drive) == 6000


def test_sums_are_kept_beyond_31_bits() -> None:
    assert counted(["sum", ["*", SPEED, 15000]], speeds(*[30000] * 100)) == 100 * 30000 * 15000


def test_an_integral_is_of_time_whatever_the_sampling_rate() -> None:
    assert counted(["integral", SPEED], speeds(3600, 3600, 7200)) == 144_000
    for dt_ms in (100, 250, 1000):
        drive = [(dt_ms, 3600)] * (20_000 // dt_ms)
        assert counted(["integral", SPEED], drive, period_ms=dt_ms) == 720_000
    assert counted(["integral", SPEED, [">=", SPEED, 5000]], speeds(3600, 5000, 7200)) == 122_000


def test_an_integral_passes_over_what_is_missing_and_is_rounded_half_up() -> None:
    lateral = ["s", 4]

    def of(*numbers, dt_ms=1000):
        drive = [(dt_ms, 3600, None, None, None, number) for number in numbers]
        return counted(["integral", lateral], drive)

    assert of(None, -250, None, 40) == -2100
    # The first sample counts for the period of a second, the second for 150 ms: 1.5 tenths, up.
    assert [of(0, 1, dt_ms=150), of(0, -1, dt_ms=150), of(0, 1, dt_ms=149)] == [2, -1, 1]


def test_an_integral_can_be_as_large_as_the_largest_number_over_days() -> None:
    drive = [*speeds(*[30000] * 3), *[(300_000, 30000)] * 1400]
    # A gap counts for one period, however long it was.
    assert counted(["integral", ["*", SPEED, 11]], drive) == 330_000 * 1403 * 10


def test_the_first_is_the_first_that_there_is() -> None:
    drive = [(1000, 3600, None, None, None, number) for number in (None, -250, 40, None, -30)]
    assert counted(["first", ["s", 4]], drive) == -250
    assert counted(["first", ["s", 4]], [(1000, 3600)] * 3) == 0


def test_unchanged_counts_from_the_last_other_value_and_restarts_where_it_was_missing_and_at_a_gap() -> None:
    unchanged = ["unchanged", ["s", 4]]

    def longest(*numbers):
        return counted(["max", unchanged], [(1000, 3600, None, None, None, number) for number in numbers])

    assert longest(5, 5, 5, 6) == 2000
    assert longest(5, 6, 5, 6) == 0
    assert longest(5, 5, None, 5, 5) == 1000
    assert longest(None, None, None) == 0
    gap = [(1000, 3600, None, None, None, 5)] * 3 + [(2000, 3600, None, None, None, 5)]
    assert counted(["last", unchanged], gap) == 0
    assert counted(["max", unchanged], [(1500, 3600, None, None, None, 5)] * 500) == 600_000
    assert counted(["max", ["unchanged", SPEED]], speeds(3600, 3600, 3600)) == 2000


QUARTER_S = 15 * 60


def driven(samples, rest=QUARTER_S * 1000, **more):
    """The time driven since the last rest (ms) at the end of each trip."""
    data = compiled(accumulators=[["max", ["driven", rest]], ["last", ["driven", rest]]], **more)
    return [trip[3] for trip in run(data, samples)[0]]


def test_driven_goes_on_over_trips_until_a_rest() -> None:
    leg = speeds(*[3600] * 600)
    short, long = [(QUARTER_S * 1000 - 1, 3600)], [(QUARTER_S * 1000, 3600)]
    assert driven([*leg, *short, *leg]) == [600_000, 1_201_000]
    assert driven([*leg, *long, *leg]) == [600_000, 601_000]


@pytest.mark.parametrize(("standing_s", "expected"), [(QUARTER_S - 1, 1_200_000), (QUARTER_S, 600_000)])
def test_standing_is_a_rest_within_a_trip_and_between_trips(standing_s: int, expected: int) -> None:
    leg = speeds(*[3600] * 600)
    assert driven([*leg, *speeds(*[0] * standing_s), *leg]) == [expected]
    # The trip ends by standing for ten minutes.
    rules = [1500, 300000, 600000, 432000000, 0, 0]
    assert driven([*leg, *speeds(*[0] * standing_s), *leg], rules=rules) == [600_000, expected]
    # The ignition ends it; the rest is partly off, partly on without moving.
    off = [(1000, 0, None, 0)] * (standing_s - 100) + speeds(*[0] * 100)
    assert driven([*leg, *off, *leg]) == [600_000, expected]


def test_short_episodes_and_broken_rests_are_driving_too() -> None:
    rules = [1500, 300000, 1800000, 432000000, 1000, 0]
    leg, shunting = speeds(*[3600] * 600), speeds(*[3600] * 10)
    half = [(QUARTER_S * 500, 0)]
    assert driven([*leg, *half, *shunting, *half, *leg], rules=rules) == [600_000, 1_210_000]


def test_time_that_runs_backwards_is_no_rest() -> None:
    leg = speeds(*[3600] * 600)
    assert driven([*leg, (-(QUARTER_S * 1000), 3600), *leg]) == [600_000, 1_201_000]


def test_a_rest_is_the_classs_and_driven_is_counted_up_to_a_day() -> None:
    leg, pause = speeds(*[3600] * 600), [(400_000, 3600)]
    parameters = {"classes": ["bus", "car"], "parameters": [[300_000], [400_001]]}
    data = compiled(accumulators=[["last", ["driven", ["p", 0]]]], **parameters)
    for vehicle_class, expected in (("bus", 601_000), ("car", 1_201_000)):
        assert run(data, [*leg, *pause, *leg], vehicle_class)[0][1][2] == expected
    assert driven([(1500, 3600)] * 60_000) == [86_400_000]


def test_a_checkpoint_between_trips_keeps_what_was_driven() -> None:
    data = compiled(accumulators=[["last", ["driven", QUARTER_S * 1000]]])
    core = EpisodeCore(Pack(data), "car")
    for _ in range(100):
        core.signals[0] = 3600
        core.update(1000)
    core.finish()
    core.signals[0] = 0
    core.update(400_000)
    resumed = EpisodeCore(Pack(data), "car")
    resumed.restore(core.state())
    for _ in range(50):
        resumed.signals[0] = 3600
        resumed.update(1000)
    assert resumed.finish() & data_quality.CLOSED
    assert resumed.closed[2] == 150_000


def test_bands_share_out_the_time() -> None:
    drive = speeds(500, 1000, 1500, 2000, 2500, 3000)
    assert counted(["bands", SPEED, [1000, 2000, 3000]], drive) == [10, 20, 20, 10]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (["+", SPEED, 7], 2507),
        (["-", SPEED, 3000], -500),
        (["*", SPEED, 3], 7500),
        (["//", ["-", SPEED, 3000], 7], -72),
        (["abs", ["-", SPEED, 3000]], 500),
        (["min", SPEED, 100], 100),
        (["max", SPEED, 3000], 3000),
        (["round", SPEED, 100], 25),
        (["round", ["+", SPEED, 50], 100], 26),
        (["*", 3, ["round", SPEED, 100]], 75),
        (["*", SPEED, ["//", SPEED, 1000]], 5000),
        (["lag", SPEED, 1000], 2000),
        (["lag", SPEED, 1500], 1500),
        (["p", 0], 42),
        (["v", 0], 25000),
    ],
)
def test_numbers(tree, expected) -> None:
    data = compiled(values=[["*", SPEED, 10]], accumulators=[["last", tree]], parameters=[[42]])
    assert run(data, speeds(1000, 2000, 2500))[0][0][2] == expected


def test_a_lag_reaches_back_by_time_not_by_samples() -> None:
    lag = ["last", ["lag", SPEED, 1000]]
    fast = [(100, 1000 + 10 * i) for i in range(20)]
    assert run(compiled(accumulators=[lag]), fast, period_ms=100)[0][0][2] == 1090


def test_a_lag_can_be_of_a_value_that_nothing_else_uses() -> None:
    data = compiled(values=[["*", SPEED, 10]], accumulators=[["last", ["lag", ["v", 0], 1000]]])
    assert run(data, speeds(1000, 2000, 3000))[0][0][2] == 20000


def test_nothing_is_looked_up_across_a_gap() -> None:
    change = ["last", ["-", SPEED, ["lag", SPEED, 1000]]]
    assert counted(change, [*speeds(1000, 2000), (5000, 9000)]) == 1000  # the value after the gap is missing, not 7000


def test_a_lag_of_a_heading_goes_the_shorter_way() -> None:
    lag = ["last", ["lag", HEADING, 500]]
    drive = [(1000, 3600, None, None, heading) for heading in (3550, 50)]
    assert counted(lag, drive) == 0


def test_turns_go_through_north_and_tell_left_from_right() -> None:
    headings = (3400, 3500, 0, 150, 100, 3550)
    drive = [(1000, 3600, None, None, heading) for heading in headings]
    assert counted(["max", ["turn", 3, 2000]], drive) == 250  # 3500 to 150
    assert counted(["min", ["turn", 3, 2000]], drive) == -200  # 150 to 3550
    assert counted(["max", ["turned", 3, 2000]], drive) == 250
    assert counted(["last", ["turned", 3, 2000]], drive) == 200


def test_a_turn_is_missing_while_a_heading_within_its_window_is() -> None:
    headings = (0, 100, None, 300, 400, 500)
    drive = [(1000, 3600, None, None, heading) for heading in headings]
    data = compiled(accumulators=[["time", [">=", ["turn", 3, 1000], -3600]]])
    assert run(data, drive)[0][0][2] == 30  # at 100, 400 and 500


def test_held_counts_from_the_first_true_sample_and_restarts_at_a_gap() -> None:
    held = ["max", ["held", [">=", SPEED, 3000]]]
    assert counted(held, speeds(1000, 3000, 3000, 3000, 1000, 3000)) == 2000
    assert counted(held, [*speeds(3000, 3000), (5000, 3000), (1000, 3000)]) == 1000


def test_a_comparison_with_something_missing_is_false_and_its_negation_true() -> None:
    drive = [(1000, 3600)] * 3
    assert counted(["time", ["<", ["s", 1], 100]], drive) == 0
    assert counted(["time", ["not", ["<", ["s", 1], 100]]], drive) == 30
    assert counted(["time", ["or", ["<", ["s", 1], 100], ["and", [">", SPEED, 0], [">", SPEED, 1]]]], drive) == 30


def test_a_signal_out_of_its_range_is_missing_and_the_sample_counts() -> None:
    drive = [(1000, 3600, None, None, heading) for heading in (3601, -1, 100)]
    assert counted(["time", [">=", HEADING, 0]], drive) == 10


def test_parameters_are_those_of_the_class() -> None:
    data = compiled(
        accumulators=[["time", [">", SPEED, ["p", 0]]]], classes=["bus", "car"], parameters=[[3000], [5000]]
    )
    drive = speeds(4000, 4000, 6000)
    assert run(data, drive, "bus")[0][0][2] == 30
    assert run(data, drive, "car")[0][0][2] == 10
    with pytest.raises(ValueError, match="knows the classes bus, car, not 'truck'"):
        EpisodeCore(Pack(data), "truck")


FAST = [">=", SPEED, 5000]
SLOW = ["<=", SPEED, 1000]


def fired(events, samples):
    return run(compiled(events=events), samples)[1]


def test_an_event_fires_when_its_condition_turns_true() -> None:
    drive = speeds(3000, 5000, 5000, 3000, 6000)
    assert fired([[FAST, 0, 0, [], 0]], drive) == [(0, 2000), (0, 5000)]


def test_an_event_can_ask_its_condition_to_hold() -> None:
    drive = speeds(3000, 5000, 5000, 5000, 3000, 6000)
    assert fired([[FAST, 2000, 0, [], 0]], drive) == [(0, 4000)]


def test_an_event_is_quiet_for_a_while_after_it_fired() -> None:
    drive = speeds(3000, 5000, 3000, 5000, 3000, 5000)
    assert fired([[FAST, 0, 3000, [], 0]], drive) == [(0, 2000), (0, 6000)]


def test_an_events_times_can_be_the_classs() -> None:
    data = compiled(events=[[FAST, 0, ["p", 0], [], 0]], classes=["bus", "car"], parameters=[[0], [3000]])
    drive = speeds(3000, 5000, 3000, 5000)
    assert run(data, drive, "bus")[1] == [(0, 2000), (0, 4000)]
    assert run(data, drive, "car")[1] == [(0, 2000)]


def test_a_suppressor_that_is_up_drops_the_other() -> None:
    moving = [">", SPEED, 2000]
    drive = speeds(1500, 3000, 5000, 1500, 1500, 5000)
    assert fired([[FAST, 0, 0, [1], 0], [moving, 0, 0, [], 0]], drive) == [(1, 2000), (1, 6000)]


def test_a_waiting_event_is_dropped_by_a_suppressor_that_comes_in_time() -> None:
    events = [[SLOW, 0, 0, [1], 3000], [FAST, 0, 0, [], 0]]
    assert fired(events, speeds(3000, 1000, 2000, 5000, 3000, 3000, 3000)) == [(1, 4000)]
    # One second too late: the slow one counts, at the time it fired.
    assert fired(events, speeds(3000, 1000, 2000, 2000, 2000, 5000)) == [(0, 2000), (1, 6000)]
    # The wait was over between two samples.
    events[0][4] = 2500
    assert fired(events, speeds(3000, 1000, 2000, 2000, 5000)) == [(0, 2000), (1, 5000)]


def test_what_waits_is_counted_at_a_gap_and_at_the_end() -> None:
    events = [[SLOW, 0, 0, [1], 30000], [FAST, 0, 0, [], 0]]
    assert fired(events, [*speeds(3000, 1000), (9000, 3000), (1000, 3000)]) == [(0, 2000)]
    trips, found = run(compiled(events=events), speeds(3000, 1000, 3000))
    assert found == [(0, 2000)]
    assert trips[0][2:] == [1, 0]


def test_firings_that_wait_together_keep_their_times() -> None:
    events = [[SLOW, 0, 0, [1], 20000], [FAST, 0, 0, [], 0]]
    drive = speeds(3000, 1000, 3000, 1000, 3000, 1000, 3000, 1000, 3000, 1000, 3000)
    trips, found = run(compiled(events=events), drive)
    assert trips[0][2:] == [5, 0]
    assert found == [(0, 2000), (0, 4000), (0, 6000), (0, 8000), (0, 8000)]


def test_after_standing_too_long_the_next_trip_begins_with_the_sample_it_drove_off_from() -> None:
    drive = [*speeds(*[3600] * 20), *speeds(*[0] * 1801), *speeds(*[3600] * 20)]
    first, second = run(compiled(accumulators=[["time", ["==", SPEED, 0]]]), drive)[0]
    assert (first[0], first[2]) == (200, 10)
    assert (second[0], second[1], second[2]) == (200, 195, 10)


def test_parking_at_the_end_is_undone_but_what_happened_stays() -> None:
    data = compiled(
        accumulators=[["time", ["==", SPEED, 0]], ["edges", ["==", SPEED, 0]]], events=[[SLOW, 0, 0, [], 0]]
    )
    assert run(data, speeds(3600, 3600, 0, 0, 0, 0))[0] == [[20, 15, 10, 1, 1]]
    powered = [(1000, speed, 800) for speed in (3600, 3600, 0, 0, 0, 0)]
    assert run(data, powered)[0] == [[50, 15, 40, 1, 1]]


def random_drive(seed: int):
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    period_ms, speed, samples = dice.choice([40, 100, 333, 1000]), 0, []
    for _ in range(1500):
        speed = max(0, min(32000, speed + dice.choice([0, 0, dice.randint(-2000, 1500), dice.randint(-900, 1000)])))
        speed = 0 if dice.random() < 0.02 else speed
        odd = dice.choice([0, -1000, 1500, 1501, 5000, 200000, 301000, -400000, 20, 39, 40, 1800000])
        samples.append(
            (
                period_ms if dice.random() < 0.97 else odd,
                speed if dice.random() < 0.99 else None,
                dice.choice([None, None, None, 0, 900]),
                dice.choice([None] * 60 + [0, 1]),
                dice.choice([None, dice.randrange(3600)]),
            )
        )
    return samples, period_ms


@pytest.mark.parametrize("seed", range(30))
def test_the_same_process_written_as_a_pack_counts_the_same_as_the_hand_written_core(seed: int) -> None:
    samples, period_ms = random_drive(seed)
    vehicle_class = as_pack.CLASSES[seed % 4]
    by_hand = trip.TripCore(vehicle_class, period_ms)
    by_pack = EpisodeCore(Pack(as_pack.compiled()), vehicle_class, period_ms)
    for dt_ms, *signals in samples:
        for i, signal in enumerate(signals[:3]):
            by_pack.signals[i] = MISSING if signal is None else signal
        speed, rpm, ignition = (trip.UNKNOWN if signal is None else signal for signal in signals[:3])
        flags = by_hand.update(dt_ms, speed, rpm, ignition)
        assert by_pack.update(dt_ms) == flags
        if flags & data_quality.CLOSED:
            assert [by_hand.closed[i] for i in as_pack.CELLS] == list(by_pack.closed)
            assert by_hand.closed_gates == by_pack.closed_gates
        if flags & data_quality.OPENED:
            assert by_hand.lead_ms == by_pack.lead_ms
    assert by_hand.finish() == by_pack.finish()


@given(st.integers(0, 10**6), st.integers(0, 1499))
def test_a_checkpoint_anywhere_changes_nothing(seed: int, at: int) -> None:
    samples, period_ms = random_drive(seed)
    data = compiled(
        values=[["turn", 3, 2000], ["-", SPEED, ["lag", SPEED, 1000]]],
        accumulators=[
            ["sum", ["v", 1]],
            ["max", ["v", 0]],
            ["edges", FAST],
            ["bands", ["held", SLOW], [1, 5000]],
            ["integral", ["//", ["v", 1], 9]],
            ["max", ["driven", 20000]],
            ["max", ["unchanged", HEADING]],
            ["first", ["v", 0]],
        ],
        events=[[FAST, 1000, 2000, [1], 3000], [SLOW, 0, 0, [], 0]],
    )

    def feed(core, part):
        found = []
        for dt_ms, *signals in part:
            for i, signal in enumerate(signals):
                core.signals[i] = MISSING if signal is None else signal
            found.append((core.update(dt_ms), list(core.closed), list(core.closed_gates)))
        return found

    whole = EpisodeCore(Pack(data), "car", period_ms)
    feed(whole, samples[:at])
    resumed = EpisodeCore(Pack(data), "car", period_ms)
    resumed.restore(whole.state())
    for one, other in zip(feed(whole, samples[at:]), feed(resumed, samples[at:]), strict=True):
        assert one[0] == other[0]
        if one[0] & data_quality.CLOSED:
            assert one == other
    with pytest.raises(ValueError, match="another pack or version"):
        resumed.restore(whole.state()[:-1])
