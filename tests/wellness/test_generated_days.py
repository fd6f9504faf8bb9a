"""Made-up packs of kind "day": the code that a device writes against a walk over the trees, epoch by epoch."""

from typing import Any

from days import CLOCK, MINUTE_MS, feed
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st
from naive_days import Row, Walk

from headway_edge.core.day import DayCore
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
def packs(draw: st.DrawFn) -> Pack:
    values: list[Any] = []
    for i in range(draw(st.integers(1, 4))):
        values.append(draw(numbers(i)))  # noqa: PERF401 - each may use those before
    condition = draw(conditions(len(values)))
    accumulators: list[Any] = [["last", ["v", i]] for i in range(len(values))]
    accumulators += [["time", condition], ["sum", ["v", 0], condition]]
    parts: list[Any] = [1, "made", 1, "day", ["any"], SIGNALS, [MINUTE_MS, 0, 0], [[]], values, accumulators,
                        [], [], [], [], [], [], [], []]  # fmt: skip
    try:
        return Pack(cbor.encode(parts, 14))
    except EncodeError:
        assume(False)  # nested too deep to be a pack at all
        raise
    except ValueError as error:
        assume("overflow" not in str(error) and "over a single epoch" not in str(error) and "deeper" not in str(error))
        raise


NUMBER = st.one_of(st.none(), st.integers(-20, 60))
SAMPLES = st.lists(st.tuples(st.sampled_from([1] * 12 + [2, 3, 9]), NUMBER, NUMBER), min_size=1, max_size=25)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(packs(), SAMPLES, st.integers(0, 1400))
def test_the_generated_code_is_what_the_trees_say(
    pack: Pack, samples: list[tuple[int, int | None, int | None]], first_minute: int
) -> None:
    core, walk = DayCore(pack, "any"), Walk(pack.values)
    note(f"{pack.values} {pack.accumulators[-2:]}")
    rows: list[Row] = []
    minute = first_minute
    held, summed = 0, 0
    last: list[int | None] = [None] * len(pack.values)
    for step, a, b in samples:
        minute += step
        if minute >= 1440:
            break  # one day is enough
        rows += [()] * (step - 1 if rows else 0)
        inside = b if b is not None and 0 <= b <= 9 else None
        rows.append((minute, a, inside))
        feed(core, step * MINUTE_MS, minute, a, b)
        found = [walk.number(tree, rows) for tree in pack.values]
        last = [new if new is not None else old for new, old in zip(found, last, strict=True)]
        condition = walk.condition(pack.accumulators[-2][1], rows)
        held += MINUTE_MS if condition else 0
        if condition and found[0] is not None:
            summed += found[0]
        cells = list(core._cells)
        assert cells[2 : 2 + len(last)] == [number or 0 for number in last]
        assert cells[2 + len(last)] == held
        assert (cells[-1] << 20) + cells[-2] == summed
