"""Packs of kind "day" drawn by Hypothesis: small, and with every operator that a day has."""

from typing import Any

from days import CLOCK, MINUTE_MS
from hypothesis import assume
from hypothesis import strategies as st

from headway_edge.core.pack import Pack
from headway_protocol import cbor
from headway_protocol.errors import EncodeError

SIGNALS = [CLOCK, ["Wearable.A", "", 1, 1, -20, 60, 0, 0], ["Wearable.B", "", 1, 1, 0, 9, 0, 0]]
NAMED = st.sampled_from([["s", 1], ["s", 2], ["s", 0]])
WINDOW = st.integers(1, 5).map(lambda epochs: epochs * MINUTE_MS)


def numbers(values: int) -> st.SearchStrategy[Any]:
    named = st.one_of(NAMED, *[st.just(["v", i]) for i in range(values)])
    windows = st.one_of(
        st.tuples(st.just("lag"), named, WINDOW).map(list),
        st.tuples(st.just("total"), named, WINDOW).map(list),
        st.tuples(st.just("deviation"), st.sampled_from([["s", 1], ["s", 2]]), WINDOW).map(list),
        st.tuples(st.just("count"), st.deferred(lambda: conditions(0)), WINDOW).map(list),
    )
    leaves = st.one_of(named, st.integers(-9, 70), windows)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["+", "-", "*", "min", "max"]), inner, inner).map(list),
            st.tuples(st.sampled_from(["//", "round"]), inner, st.integers(1, 9)).map(list),
            st.tuples(st.just("abs"), inner).map(list),
            inner.map(lambda tree: ["ln", ["+", ["abs", tree], 1]]),
        ),
        max_leaves=5,
    )


def conditions(values: int) -> st.SearchStrategy[Any]:
    named = st.one_of(NAMED, *[st.just(["v", i]) for i in range(values)], st.integers(-9, 70))
    compare = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), named, named).map(list)
    return st.recursive(
        compare,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["and", "or"]), inner, inner).map(list), inner.map(lambda tree: ["not", tree])
        ),
        max_leaves=3,
    )


@st.composite
def packs(draw: st.DrawFn, *, is_rich: bool = False) -> Pack:
    """A pack with a last of each value, a time and a sum; is_rich: with every other accumulator, events, and quick rules."""
    values: list[Any] = []
    for i in range(draw(st.integers(1, 4))):
        values.append(draw(numbers(i)))  # noqa: PERF401 - each may use those before
    condition = draw(conditions(len(values)))
    accumulators: list[Any] = [["last", ["v", i]] for i in range(len(values))]
    accumulators += [["time", condition], ["sum", ["v", 0], condition]]
    events: list[Any] = []
    rules = [MINUTE_MS, 0, 0]
    if is_rich:
        value = ["v", draw(st.integers(0, len(values) - 1))]
        accumulators = [[kind, value] for kind in ("first", "max", "min", "integral", "sum")] + accumulators
        held = [">=", ["held", condition], 2 * MINUTE_MS]
        accumulators += [["edges", condition], ["bands", value, [-5, 0, 7, 50]], ["time", held]]
        lengths = st.sampled_from([0, MINUTE_MS, 3 * MINUTE_MS])
        events = [
            [draw(conditions(len(values))), draw(lengths), draw(lengths), suppressors, draw(lengths)]
            for suppressors in draw(st.sampled_from([[], [[]], [[1], []], [[], [0]], [[1, 2], [], []]]))
        ]
        rules = [MINUTE_MS, draw(st.sampled_from([0, 240, 1200])), draw(st.sampled_from([0, 4 * MINUTE_MS]))]
    parts: list[Any] = [1, "made", 1, "day", ["any"], SIGNALS, rules, [[]], values, accumulators,
                        events, *[[]] * 9]  # fmt: skip
    try:
        return Pack(cbor.encode(parts, 14))
    except EncodeError:
        assume(False)  # nested too deep to be a pack at all
        raise
    except ValueError as error:
        assume("overflow" not in str(error) and "over a single epoch" not in str(error) and "deeper" not in str(error))
        raise
