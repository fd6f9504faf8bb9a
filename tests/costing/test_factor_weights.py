"""What a device does with learned weights, and what it refuses to keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.forecast.factor_weight import (
    BANDS,
    FACTOR_ONE,
    MISSING,
    NAMES,
    SLOPE,
    SLOPE_MAX,
    WEIGHT_ONE,
    check,
    weight,
)

weights_of_names = st.lists(st.integers(-WEIGHT_ONE, WEIGHT_ONE), max_size=32).map(lambda found: [NAMES, found])
slopes = st.tuples(st.integers(-FACTOR_ONE, FACTOR_ONE), st.integers(-SLOPE_MAX, SLOPE_MAX)).map(
    lambda pair: [SLOPE, *pair]
)
bands = (
    st.lists(st.integers(-FACTOR_ONE, FACTOR_ONE), max_size=5, unique=True)
    .map(sorted)
    .flatmap(
        lambda edges: st.lists(
            st.integers(-WEIGHT_ONE, WEIGHT_ONE), min_size=len(edges) + 1, max_size=len(edges) + 1
        ).map(lambda found: [BANDS, edges, found])
    )
)
values = st.integers(-(1 << 29), 1 << 29)


@given(st.lists(st.tuples(st.one_of(weights_of_names, slopes, bands), values), max_size=16))
def test_a_weight_is_the_sum_of_its_parts_within_one(factors: list[tuple[list[object], int]]) -> None:
    weights, found = [factor for factor, _ in factors], [value for _, value in factors]
    check(weights)
    # A factor alone is cut at one only where it is a slope.
    whole = weight(weights, found)
    assert -WEIGHT_ONE <= whole <= WEIGHT_ONE
    if all(factor[0] != SLOPE for factor in weights):
        assert whole == max(
            -WEIGHT_ONE, min(WEIGHT_ONE, sum(weight([f], [v]) for f, v in zip(weights, found, strict=True)))
        )


@given(st.lists(st.one_of(weights_of_names, slopes, bands), max_size=16))
def test_a_customer_of_whom_nothing_is_known_has_no_weight(weights: list[object]) -> None:
    assert weight(weights, [MISSING] * len(weights)) == 0


def test_an_edge_belongs_to_the_band_above_it() -> None:
    factor = [BANDS, [-10, 10], [1, 2, 3]]
    assert [weight([factor], [value]) for value in (-11, -10, 9, 10)] == [1, 2, 2, 3]


def test_a_slope_is_rounded_half_up_and_numbers_are_cut_at_its_ends() -> None:
    assert weight([[SLOPE, 0, 512]], [1]) == 1
    assert weight([[SLOPE, 0, -512]], [1]) == 0
    assert weight([[SLOPE, 100, WEIGHT_ONE]], [5000]) == weight([[SLOPE, 100, WEIGHT_ONE]], [FACTOR_ONE])


@pytest.mark.parametrize(
    "weights",
    [
        None,
        [[]],
        [[3, [1]]],
        [[NAMES]],
        [[NAMES, 5]],
        [[NAMES, [WEIGHT_ONE + 1]]],
        [[NAMES, [True]]],
        [[NAMES, [0.5]]],
        [[NAMES, [0] * 33]],
        [[BANDS, [0], [1]]],
        [[BANDS, [5, 5], [1, 2, 3]]],
        [[BANDS, [2000], [1, 2]]],
        [[SLOPE, 0, SLOPE_MAX + 1]],
        [[SLOPE, "0", 1]],
        [[SLOPE, 0, 1]] * 17,
    ],
)
def test_weights_that_are_none_are_refused(weights: object) -> None:
    with pytest.raises(ValueError, match="weights"):
        check(weights)  # type: ignore[arg-type]
