"""Drives for the core with the pack of private driving, and what it counts of them by name, in the core's own units."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from hypothesis import strategies as st

from headway_edge import packs
from headway_edge.core.data_quality import CLOSED
from headway_edge.core.episode import EVENT_FLAG_SHIFT, EpisodeCore
from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.program import MISSING

Sample = tuple[int, ...]  # dt_ms, speed_ckmh, rpm, ignition, the last two if known

AT_36 = 3600  # ckmh: 10 m/s
PROCESS = packs.load("private-driving")
ACCELERATED_HARD, BRAKED_HARD = (
    1 << (EVENT_FLAG_SHIFT + PROCESS.events.index(name)) for name in ("hard_acceleration", "hard_braking")
)

_PACK = PROCESS.pack
_RPM, _IGNITION = _PACK.engine_speed, _PACK.ignition
_COUNTED = ("elapsed", "distance", "low_speed", "idle", "stops", "speed_max", "hard_acceleration", "hard_braking")
_FIRST_CELLS = [0, *accumulate(width for _, width in _PACK.cells)]


class Trip(NamedTuple):
    """What a trip counted (times in ms, band i of the speed as band_i) and its gates; what is 0 is left out."""

    counts: dict[str, int]
    gates: dict[str, int]

    def __getitem__(self, name: str) -> int:  # type: ignore[override]
        """A count or gate, 0 if it is left out."""
        return {**self.counts, **self.gates}.get(name, 0)


class Drive:
    """A core fed by speed, rpm and ignition. Arguments as of `EpisodeCore`."""

    def __init__(self, vehicle_class: str = "car", period_ms: int = 1000) -> None:
        self.core = EpisodeCore(_PACK, vehicle_class, period_ms)

    def update(self, dt_ms: int, speed_ckmh: int, rpm: int = MISSING, ignition: int = MISSING) -> int:
        """One sample; returns what the core reports."""
        signals = self.core.signals
        for i in range(len(signals)):
            signals[i] = MISSING
        signals[_PACK.speed], signals[_RPM], signals[_IGNITION] = speed_ckmh, rpm, ignition
        return self.core.update(dt_ms)

    def feed(self, samples: Iterable[Sample]) -> list[Trip]:
        """Feed the samples, and return each trip that closed."""
        return [self.closed for sample in samples if self.update(*sample) & CLOSED]

    def finish(self) -> int:
        """The samples have ended."""
        return self.core.finish()

    @property
    def closed(self) -> Trip:
        """The trip that was closed last."""
        return Trip(_named(self.core.closed), _gates(self.core.closed_gates))

    @property
    def under_way(self) -> Trip:
        """What the open trip has counted so far, parking after it included."""
        return Trip(_named(self.core._cells), _gates(self.core._gates))


def _named(cells: Sequence[int]) -> dict[str, int]:
    found = {name: cells[_FIRST_CELLS[PROCESS.places(name)[0]]] for name in _COUNTED}
    found.update(
        (f"band_{band}", cells[_FIRST_CELLS[place]]) for band, place in enumerate(PROCESS.places("speed_bands"))
    )
    return {name: number for name, number in found.items() if number}


def _gates(numbers: Sequence[int]) -> dict[str, int]:
    return {name: number for name, number in zip(GATE_NAMES, numbers, strict=True) if number}


def trips(samples: Iterable[Sample], vehicle_class: str = "car", period_ms: int = 1000) -> list[Trip]:
    """Each trip in the samples, the last one closed by their end."""
    drive = Drive(vehicle_class, period_ms)
    closed = drive.feed(samples)
    if drive.finish() & CLOSED:
        closed.append(drive.closed)
    return closed


def only_trip(samples: Iterable[Sample], vehicle_class: str = "car", period_ms: int = 1000) -> Trip:
    """The one trip in the samples."""
    (found,) = trips(samples, vehicle_class, period_ms)
    return found


def at(speed_ckmh: int, seconds: int, *signals: int) -> list[Sample]:
    """So many seconds at a speed, one sample each."""
    return [(1000, speed_ckmh, *signals)] * seconds


_STEPS = st.one_of(
    st.just(1000),
    st.just(1000),
    st.integers(-2000, 3000),
    st.sampled_from([0, 40, 300_000, 300_001, -300_000, 1_800_001, 2**29, 2**31, -(2**31)]),
)
_SPEEDS = st.one_of(st.integers(0, 12000), st.just(0), st.sampled_from([-1, 1, 30000, 30001]))
_ODD = st.lists(
    st.tuples(_STEPS, _SPEEDS, st.sampled_from([-1, -1, 0, 900]), st.sampled_from([-1, -1, -1, -1, 0, 1])),
    max_size=80,
)


def _joined(stretches: list[tuple[list[Sample], int, int]]) -> list[Sample]:
    return [sample for odd, seconds, speed in stretches for sample in (*odd, *at(speed, seconds))]


# Any samples at all: odd ones, then some at a steady speed, so that trips long enough come about.
STRETCHES = st.lists(st.tuples(_ODD, st.integers(0, 40), st.integers(1, 30000)), max_size=4).map(_joined)
