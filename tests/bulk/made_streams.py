"""Streams of samples drawn by Hypothesis: orderly passages, and everything that can be wrong with a stream."""

from random import Random

import numpy as np
from hypothesis import strategies as st

from headway_edge.core.program import MISSING
from headway_server.bulk.samples import VehicleSamples

Row = tuple[int, list[int]]  # step_ms, signals as in made_packs.SIGNALS

PASSAGES = (
    "drive", "drive", "stop", "stand", "park", "turn", "jitter", "gap", "long gap", "backwards", "far backwards",
    "duplicates", "thinned", "no speed", "too fast", "ignition off", "ignition on", "no heading", "heading out of range",
    "engine off", "engine on", "no rpm",
)  # fmt: skip
ORDERLY = tuple(
    name for name in PASSAGES if name not in {"backwards", "far backwards", "duplicates", "thinned", "jitter"}
)

Passage = tuple[str, int, int]  # what, how many samples, seed


def passages(names: tuple[str, ...], longest: int = 40) -> st.SearchStrategy[list[Passage]]:
    return st.lists(
        st.tuples(st.sampled_from(names), st.integers(1, longest), st.integers(0, 1 << 16)), min_size=1, max_size=12
    )


class _Scene:
    # The state of a vehicle between passages.

    def __init__(self, period_ms: int) -> None:
        self.period_ms = period_ms
        self.speed, self.rpm, self.ignition, self.heading, self.acceleration, self.odd = 0, MISSING, MISSING, 0, 0, 0

    def row(self, step_ms: int | None = None, speed: int | None = None) -> Row:
        return (
            self.period_ms if step_ms is None else step_ms,
            [
                self.speed if speed is None else speed,
                self.rpm,
                self.ignition,
                self.heading,
                self.acceleration,
                self.odd,
            ],
        )

    def passage(self, what: str, count: int, random: Random) -> list[Row]:
        step_once_ms = {
            "gap": random.choice([1501, 1502, 4000, 9999, 10000]),
            "long gap": random.choice([10001, 20001, 300001, 1 << 31]),
            "far backwards": random.choice([-10000, -400000, -(1 << 31)]),
        }
        if what in step_once_ms:
            return [self.row(step_once_ms[what])]
        if what in {"ignition off", "ignition on"}:
            self.ignition = 0 if what == "ignition off" else random.choice([1, 1, 5])
            rows = [self.row() for _ in range(min(count, 3))]
            if random.random() < 0.7:
                self.ignition = MISSING
            return rows
        if what in {"engine off", "engine on", "no rpm"}:
            self.rpm = {"engine off": 0, "engine on": random.choice([800, 9001, 3000]), "no rpm": MISSING}[what]
            return [self.row()]
        if what in {"no heading", "heading out of range"}:
            self.heading = MISSING if what == "no heading" else 3601
            return [self.row() for _ in range(min(count, 3))]
        return [self._moment(what, random) for _ in range(count)]

    def _moment(self, what: str, random: Random) -> Row:
        if what in {"stop", "stand", "park"}:
            self.speed = 0 if what != "stop" else max(0, self.speed - random.randint(0, 1500))
            return self.row(random.choice([None, 1500, 1500]) if what == "park" else None)
        if what == "no speed":
            return self.row(speed=random.choice([MISSING, -1]))
        if what == "too fast":
            return self.row(speed=25001)
        self.speed = min(max(0, self.speed + random.randint(-1400, 1500)), 25000)
        self.acceleration = random.choice([MISSING, 1001]) if random.random() < 0.05 else random.randint(-1000, 1000)
        self.odd = random.randint(0, 7)
        turned = random.randint(-900, 900) if what == "turn" else random.randint(-30, 30)
        self.heading = (max(self.heading, 0) + turned) % 3600 if random.random() < 0.95 else 3600
        step_ms = {
            "jitter": self.period_ms + random.randint(-25, 25),
            "backwards": random.choice([-1, -1000]),
            "duplicates": 0,
            "thinned": random.choice([5, 13, 39, 40]),
        }.get(what)
        return self.row(step_ms)


def stream(period_ms: int, drawn: list[Passage], absent: set[int]) -> VehicleSamples:
    """Return the samples of passages; signals in `absent` are not there at all."""
    scene = _Scene(period_ms)
    rows = [row for what, count, seed in drawn for row in scene.passage(what, count, Random(seed))]  # noqa: S311
    columns = np.array([signals for _, signals in rows], np.int64).T
    steps_ms = np.array([step_ms for step_ms, _ in rows], np.int64)
    return VehicleSamples(steps_ms, [None if i in absent else column for i, column in enumerate(columns)])


@st.composite
def fleets(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[int, list[VehicleSamples]]:
    """(sampling period, one to three vehicles)."""
    period_ms = draw(st.sampled_from([1000, 1000, 500, 333, 100, 40]))
    # The device may be handed samples at another rate than it was told.
    step_ms = draw(st.sampled_from([period_ms, period_ms, 1000, 40]))
    absent = draw(st.sets(st.sampled_from([1, 2, 3, 4, 5]), max_size=3))
    return period_ms, [
        stream(step_ms, drawn, absent) for drawn in draw(st.lists(passages(names), min_size=1, max_size=3))
    ]
