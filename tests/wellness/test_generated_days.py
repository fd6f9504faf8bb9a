"""Made-up packs of kind "day": the code that a device writes against a walk over the trees, epoch by epoch."""

from days import MINUTE_MS, feed
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from made_day_packs import packs
from naive_days import Row, Walk

from headway_edge.core.day import DayCore
from headway_edge.core.pack import Pack

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
