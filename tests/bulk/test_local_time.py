"""Local time put into many samples at once is what the device puts into each."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.program import MISSING
from headway_edge.own.local_time import LocalTime
from headway_server.bulk.local_time import asks_for_local_time, with_local_time
from headway_server.bulk.samples import VehicleSamples, steps_of

NAMES = ["Vehicle.Speed", "Vehicle.Headway.LocalMinute", "Vehicle.Headway.LocalWeekday", "Wearable.LocalMinute"]


class FakePack:
    def __init__(self, names: list[str]) -> None:
        self.signals = [[name] for name in names]


@given(
    st.permutations(NAMES).flatmap(lambda names: st.integers(1, 4).map(lambda count: names[:count])),
    st.lists(st.tuples(st.integers(0, 1 << 42), st.sampled_from([MISSING, 0, 7])), min_size=1, max_size=5),
    st.integers(-1440, 1440),
    st.booleans(),
)
def test_it_is_what_the_device_puts_in(
    names: list[str], samples: list[tuple[int, int]], offset_min: int, recorded: bool
) -> None:
    pack = FakePack(names)
    one_by_one = LocalTime(pack, lambda _wall_ms: offset_min)  # type: ignore[arg-type]
    times_ms = np.array([time_ms for time_ms, _ in samples])
    column = np.array([number if recorded else MISSING for _, number in samples])
    expected = [
        one_by_one.filled([int(number)] * len(names), time_ms)
        for time_ms, number in zip(times_ms.tolist(), column, strict=True)
    ]
    vehicle = VehicleSamples(steps_of(times_ms), [column if recorded else None] * len(names))
    found = with_local_time(pack, vehicle, times_ms + 60_000 * offset_min)  # type: ignore[arg-type]
    filled = [np.full(len(samples), MISSING) if signal is None else signal for signal in found.signals]
    assert np.column_stack(filled).tolist() == [list(row) for row in expected]
    assert asks_for_local_time(pack) == any("Local" in name for name in names)  # type: ignore[arg-type]
