"""A process: a pack's numbers under names, with and without a catalogue; totals in any order; when they are enough."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_process import CATALOGUE, made

from headway_edge.core.process import HIGHER_IS_BETTER, LOWER_IS_BETTER, NEUTRAL, decimal_text, text
from headway_protocol import counts
from headway_protocol.errors import DecodeError

PROCESS = made()
NUMBERS = st.tuples(
    st.integers(0, 2**30), st.integers(0, 2**30), st.integers(0, 2**30), st.integers(-3000, 3000), st.integers(0, 1000)
).map(list)


def test_parts_are_called_by_their_names() -> None:
    assert (PROCESS.name, PROCESS.version, PROCESS.title) == ("made", 7, "Made up")
    assert PROCESS.id == PROCESS.pack.id
    assert (PROCESS.events, PROCESS.axes, PROCESS.contexts) == (["bump"], ["Calm", "Far"], ["long", "slow_one"])
    assert [c.id for c in PROCESS.trip] == [1, 2, 3]
    assert [c.id for c in PROCESS.period] == [100, 101, 102, 103, 104]
    bumps = PROCESS.by_id[103]
    assert (bumps.key, bumps.title, bumps.unit, bumps.about) == ("bumps_per_100km", "Bumps", "1/100 km", "x")
    assert (bumps.headline, bumps.counted) == (True, True)
    assert [PROCESS.by_id[n].direction for n in (1, 2, 3)] == [NEUTRAL, LOWER_IS_BETTER, HIGHER_IS_BETTER]


def test_without_a_catalogue_parts_are_called_by_their_numbers() -> None:
    bare = made(None)
    assert (bare.title, bare.events, bare.axes) == ("made", ["event_0"], ["axis_0", "axis_1"])
    assert bare.contexts == ["context_0", "context_1"]
    assert (bare.by_id[103].key, bare.by_id[103].unit, bare.by_id[103].headline) == ("characteristic_103", "1", False)
    assert bare.count("distance", [10, 20, 30, 40, 50]) == 20
    assert bare.count("slow", [10, 20, 30, 40, 50]) is None


def test_counts_and_totals_are_read_by_name_with_their_parts_added_up() -> None:
    numbers = [100, 20, 30, -4, 5]
    found = [PROCESS.count(name, numbers) for name in ("elapsed", "distance", "slow", "turned_max", "bump", "heading")]
    assert found == [100, 20, 30, -4, 5, None]
    assert sorted(PROCESS.count_names()) == ["bump", "distance", "elapsed", "slow", "turned_max"]
    assert (PROCESS.places("slow"), PROCESS.places("heading")) == ([2], [])
    assert PROCESS.total("extremes", [0, 0, 0, 7, 8, 0, 0]) == 15
    assert PROCESS.total("sums", [0] * 7) is None


@given(NUMBERS)
def test_a_trips_numbers_come_back_from_the_wire_with_their_signs(numbers: list[int]) -> None:
    zigzag = [2 * n if n >= 0 else -2 * n - 1 for n in numbers]
    wire = [*numbers[:3], zigzag[3], numbers[4]]
    assert PROCESS.numbers(counts.pack(wire)) == numbers


def test_what_a_newer_device_counts_besides_is_passed_over_and_rubbish_is_refused() -> None:
    assert PROCESS.numbers(counts.pack([1, 2, 3, 4, 5, 6])) == [1, 2, 3, 2, 5]
    with pytest.raises(DecodeError):
        PROCESS.numbers(b"\x81")


def test_totals_of_a_hand_made_trip() -> None:
    # A third of the time slow: 333 per mille.
    assert PROCESS.totals([9000, 12345, 3000, -250, 2]) == [1, 12345, 333, 12345, 12345, -250, 2]


@pytest.mark.parametrize(
    ("slow", "elapsed", "permille"),
    [(0, 7, 0), (7, 7, 1000), (1, 2000, 1), (1, 2001, 0), (1, 3, 333), (2, 3, 667), (5, 0, 0)],
)
def test_a_ratio_of_a_trip_is_rounded_half_up_and_nothing_where_there_is_no_whole(
    slow: int, elapsed: int, permille: int
) -> None:
    assert PROCESS.totals([elapsed, 0, slow, 0, 0])[2] == permille


def test_merging_adds_and_keeps_the_highest_and_the_lowest() -> None:
    first, second = PROCESS.totals([100, 1000, 10, -5, 1]), PROCESS.totals([100, 20000, 90, -9, 2])
    assert PROCESS.merge(first, second) == [2, 21000, 1000, 20000, 1000, -5, 3]
    assert PROCESS.merge(None, first) == first
    assert PROCESS.merge(None, first) is not first  # what is merged stays as it was


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.data())
def test_any_order_and_grouping_of_trips_gives_the_same_totals(trips: list[list[int]], choose: st.DataObject) -> None:
    expected = None
    for numbers in trips:
        expected = PROCESS.merge(expected, PROCESS.totals(numbers))
    groups = [PROCESS.totals(numbers) for numbers in choose.draw(st.permutations(trips))]
    before = [list(group) for group in groups]
    kept = list(groups)
    while len(groups) > 1:
        first = groups.pop(choose.draw(st.integers(0, len(groups) - 1)))
        second = groups.pop(choose.draw(st.integers(0, len(groups) - 1)))
        groups.append(PROCESS.merge(first, second))
    assert groups == [expected]
    assert kept == before  # merging leaves what it merged as it was


def test_a_hand_made_period_reads_as_worked_out() -> None:
    totals = PROCESS.merge(PROCESS.totals([9000, 12345, 3000, 0, 2]), PROCESS.totals([9000, 30000, 0, 0, 1]))
    values = {number: PROCESS.by_id[number].value(totals) for number in (100, 101, 102, 103, 104)}
    # 2 trips; 42.345 km; the mean of 333 and 0 per mille is 166.5; 3 in 42.345 km; 21.1725 km a trip, in 0.1 km.
    assert values == {100: 2, 101: 423, 102: 167, 103: 71, 104: 212}


def test_a_quotient_without_a_denominator_is_not_known_rather_than_zero() -> None:
    assert [c.id for c in PROCESS.period if c.value([0] * 7) is None] == [102, 103, 104]
    assert [c.id for c in PROCESS.trip if c.value([0] * 5) is None] == [2]


def test_only_a_counted_rate_has_the_error_of_counting() -> None:
    totals = [5, 500_000, 0, 0, 0, 0, 25]
    errors = {c.id: c.counting_error(totals) for c in PROCESS.period}
    assert errors == {
        100: None,
        101: None,
        102: None,
        103: 10,
        104: None,
    }  # the root of 25 in 500 km, in 0.1 per 100 km
    assert PROCESS.by_id[103].value(totals) == 50
    assert PROCESS.by_id[103].counting_error([5, 0, 0, 0, 0, 0, 25]) is None


@pytest.mark.parametrize(
    ("trips", "metres", "enough"), [(5, 20000, True), (4, 10**9, False), (10**9, 19999, False), (6, 20001, True)]
)
def test_totals_are_enough_only_by_every_measure(trips: int, metres: int, enough: bool) -> None:
    assert PROCESS.enough([trips, metres, 0, 0, 0, 0, 0]) is enough


def test_nothing_is_never_enough_and_without_a_measure_anything_is() -> None:
    assert PROCESS.enough(None) is False
    assert made(p15=[]).enough([0] * 7) is True


@pytest.mark.parametrize(
    ("numbers", "mask"),
    [([100, 18000, 50, 0, 0], 0b01), ([100, 17999, 51, 0, 0], 0b10), ([100, 18000, 51, 0, 0], 0b11), ([0] * 5, 0)],
)
def test_a_trip_is_in_a_context_or_in_its_contrary(numbers: list[int], mask: int) -> None:
    assert PROCESS.context(numbers) == mask


def test_a_text_places_the_point_and_the_sign() -> None:
    assert text(PROCESS.by_id[1], 7) == "0.007"
    assert text(PROCESS.by_id[100], -3) == "-3"
    assert text(PROCESS.by_id[102], None) == "-"


@given(st.integers(-(10**12), 10**12), st.integers(0, 6))
def test_a_decimal_text_is_the_number(value: int, decimals: int) -> None:
    found = decimal_text(value, decimals)
    whole, _, fraction = found.partition(".")
    assert len(fraction) == decimals
    assert int(whole.replace("-", "") + fraction) == abs(value)
    assert found.startswith("-") == (value < 0)


def test_a_catalogue_may_lack_any_part() -> None:
    for part in CATALOGUE:
        lacking: dict[str, Any] = {key: value for key, value in CATALOGUE.items() if key != part}
        assert len(made(lacking).by_id) == 8
