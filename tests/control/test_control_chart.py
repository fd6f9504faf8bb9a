"""What becomes of a change: known only after a baseline, opened once, kept open, closed by recovery; and how it is worded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge import packs
from headway_edge.core.change_words import CUSUM_ERRORS, events_sentence, sentence
from headway_edge.core.control_chart import CLOSED, CLOSED_AFTER, OPENED, ControlChart, EventChart
from headway_edge.core.cusum_chart import CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.poisson_chart import EventRate, PoissonChart
from headway_edge.core.robust_baseline import RobustBaseline
from headway_protocol import incident

PACK, OTHER = bytes(8), bytes([1] * 8)


def a_chart(detector=CusumChart, definition: bytes = PACK, errors: bool = True) -> ControlChart:
    return ControlChart(definition, RobustBaseline(errors), detector())


def usual(chart: ControlChart, count: int = 20, level: int = 0) -> list[int]:
    """Errors of 100 either way in turn: their spread is 148 by the median's rule, cut to 100 by the mean square's."""
    return [chart.update(level + (100 if i % 2 else -100)) for i in range(count)]


@pytest.mark.parametrize("detector", [CusumChart, EwmaChart])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_is_told_once_with_its_direction_size_and_beginning(detector, sign: int) -> None:
    chart = a_chart(detector)
    assert usual(chart) == [0] * 20
    assert chart.ready
    found = [chart.update(sign * (200 + (20 if i % 2 else -20))) for i in range(9)]
    assert found.count(OPENED) == 1
    assert set(found) == {0, OPENED}
    change = chart.change()
    assert change.direction == sign
    # A single trip of the other kind may be taken for a part of the change.
    assert 8 <= change.since <= 10
    assert abs(change.size - 200) <= 60
    assert 0 < change.error < 100


def test_nothing_is_told_before_there_is_a_baseline() -> None:
    chart = a_chart()
    assert [chart.update(error) for error in [0, 10_000] * 9 + [-100_000]] == [0] * 19
    assert not chart.ready
    assert chart.change() is None


def test_a_change_is_closed_by_recovery_and_by_nothing_else() -> None:
    chart = a_chart()
    usual(chart)
    flags = [chart.update(300) for _ in range(60)]
    assert flags.count(OPENED) == 1
    assert CLOSED not in flags
    assert chart.change().since == 60
    flags = usual(chart, CLOSED_AFTER + 10)
    assert flags.count(CLOSED) == 1
    assert flags.index(CLOSED) >= CLOSED_AFTER - 10
    assert chart.change() is None


def test_a_change_that_turns_into_its_contrary_closes_one_and_opens_the_other() -> None:
    chart = a_chart()
    usual(chart)
    for _ in range(5):
        chart.update(300)
    flags = [chart.update(-300) for _ in range(5)]
    assert flags.count(OPENED | CLOSED) == 1
    assert chart.change().direction == -1


def test_one_trip_alone_never_makes_a_change_however_far_out() -> None:
    for error in (1000, 2**19, 2**40):
        chart = a_chart()
        usual(chart)
        assert chart.update(error) == 0
        assert usual(chart, 30) == [0] * 30


def test_outliers_in_the_baseline_move_it_little() -> None:
    clean, dirty = RobustBaseline(errors=True), RobustBaseline(errors=True)
    for i in range(20):
        error = (100 if i % 2 else -100) * (i % 5 + 1) // 3
        clean.add(error)
        dirty.add(50_000 if i in (3, 8, 15) else error)
    assert clean.spread_q4 <= dirty.spread_q4 < 2 * clean.spread_q4


def test_what_is_always_the_same_has_a_spread_of_one_quantum() -> None:
    chart = a_chart(errors=False)
    assert [chart.update(700) for _ in range(20)] == [0] * 20
    assert [chart.update(700) for _ in range(50)] == [0] * 50
    assert [chart.update(702) for _ in range(5)].count(OPENED) == 1


def test_values_have_their_centre_at_the_median() -> None:
    chart = a_chart(errors=False)
    usual(chart, level=5000)
    assert usual(chart, 60, level=5000) == [0] * 60
    assert usual(chart, 12, level=5300).count(OPENED) == 1


def test_another_definition_begins_anew() -> None:
    chart = a_chart()
    usual(chart)
    chart.update(300)
    same, other = a_chart(), a_chart(definition=OTHER)
    assert same.restore(chart.state())
    assert same.ready
    assert not other.restore(chart.state())
    assert not other.ready
    assert not a_chart(EwmaChart).restore(chart.state())
    assert usual(other) == [0] * 20
    assert other.ready


def test_on_request_it_learns_anew_what_is_usual() -> None:
    chart = a_chart()
    usual(chart)
    for _ in range(9):
        chart.update(300)
    chart.rebase()
    assert chart.change() is None
    assert not chart.ready
    values = a_chart(errors=False)
    usual(values)
    values.rebase()
    assert usual(values, 60, level=300) == [0] * 60


@given(
    st.lists(st.integers(-(2**20), 2**20) | st.integers(-300, 300), max_size=80),
    st.integers(0, 80),
    st.sampled_from([CusumChart, EwmaChart]),
    st.booleans(),
)
def test_a_chart_goes_on_from_its_state_as_if_nothing_had_been(numbers, cut: int, detector, errors: bool) -> None:
    whole, part = a_chart(detector, errors=errors), a_chart(detector, errors=errors)
    expected = [whole.update(number) for number in numbers]
    found = [part.update(number) for number in numbers[:cut]]
    resumed = a_chart(detector, errors=errors)
    assert resumed.restore(part.state())
    found += [resumed.update(number) for number in numbers[cut:]]
    assert found == expected
    assert resumed.state() == whole.state()
    assert all(-(2**29) < number < 2**29 for number in resumed.state()[1:])


A_TRIP = st.tuples(st.integers(0, 2000), st.integers(0, 40_000)) | st.tuples(st.integers(0, 3), st.integers(1, 300))


@given(st.lists(A_TRIP, max_size=150), st.integers(0, 150))
def test_an_event_chart_goes_on_from_its_state(trips, cut: int) -> None:
    def a_new() -> EventChart:
        return EventChart(PACK, EventRate(), PoissonChart())

    whole, part, resumed = a_new(), a_new(), a_new()
    expected = [whole.update(*trip) for trip in trips]
    found = [part.update(*trip) for trip in trips[:cut]]
    assert resumed.restore(part.state())
    found += [resumed.update(*trip) for trip in trips[cut:]]
    assert found == expected
    assert all(-(2**29) < number < 2**29 for number in resumed.state()[1:])


def test_events_are_judged_by_the_way_driven() -> None:
    chart = EventChart(PACK, EventRate(), PoissonChart())
    for _ in range(20):
        assert chart.update(2, 100) == 0
    assert chart.ready
    assert [chart.update(20, 1000) for _ in range(30)] == [0] * 30  # ten times as many on ten times the way
    flags = [chart.update(5, 100) for _ in range(8)]
    assert flags.count(OPENED) == 1
    change = chart.change()
    assert change.direction == 1
    assert change.seen == 5 * (flags.index(OPENED) + 1)
    assert change.expected_tenths == pytest.approx(20 * (flags.index(OPENED) + 1), rel=0.06)


def test_who_never_had_an_event_has_a_rate_too() -> None:
    chart = EventChart(PACK, EventRate(), PoissonChart())
    assert [chart.update(0, 100) for _ in range(60)] == [0] * 60
    assert chart.ready
    assert [chart.update(2, 100) for _ in range(6)].count(OPENED) == 1


def test_a_change_is_an_incident_and_a_sentence_with_the_catalogues_words() -> None:
    process = packs.load("private-driving")
    idling = next(c for c in process.trip if c.key == "idle_share_pct")
    chart = ControlChart(process.id, RobustBaseline(errors=True), CusumChart())
    usual(chart)
    for _ in range(4):
        chart.update(320)
    change = chart.change()
    body = incident.incident_body(incident.CHANGE, incident.NOTICE, 0, process.id, [idling.id, *change.as_integers()])
    assert incident.parse_incident(body)[4] == [idling.id, 1, change.since, change.size, change.error, -1, -1]
    told = sentence(change, idling, "trip", CUSUM_ERRORS)
    assert told.startswith(f"Idling share: higher than expected on the last {change.since} trips, by ")
    assert told.endswith("percentage points. Less would be better. By chance alone this comes about once in 100 trips.")
    assert "chance" not in sentence(change, idling, "trip", 0)


@pytest.mark.parametrize(
    ("direction", "key", "ending"),
    [
        (-1, "idle_share_pct", "That is for the better."),
        (1, "idle_share_pct", "Less would be better."),
        (1, "distance_km", "km."),
    ],
)
def test_whether_a_change_is_good_is_the_packs_word(direction: int, key: str, ending: str) -> None:
    from headway_edge.core.control_chart import Change

    item = next(c for c in packs.load("private-driving").trip if c.key == key)
    assert sentence(Change(direction, 3, 50, 20), item, "trip", 0).endswith(ending)


def test_events_in_words() -> None:
    from headway_edge.core.control_chart import Change

    told = events_sentence(Change(1, 1, 0, 0, 9, 21), "Hard braking", "trip")
    assert told.startswith("Hard braking: more often than usual on the last trip, 9 times where 2.1 would be usual.")


@pytest.mark.parametrize(
    "make",
    [
        lambda: RobustBaseline(True, 4),
        lambda: RobustBaseline(True, 65),
        lambda: CusumChart(4095),
        lambda: EwmaChart(100),
        lambda: EwmaChart(6554, 100),
        lambda: PoissonChart(0),
    ],
)
def test_parameters_out_of_range_are_refused(make) -> None:
    with pytest.raises(ValueError, match=r"chart|baseline"):
        make()
