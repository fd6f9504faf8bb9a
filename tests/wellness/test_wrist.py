"""From raw acceleration to a day's steps: epochs gathered on the wrist and counted by the shipped pack."""

from days import feed, wellness
from gait import walk

from headway_edge.core.day import DayCore
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_edge.core.wrist import WristEpochs

COMPILED = wellness()
PACK = Pack(COMPILED.data)
SIGNALS = [item["name"] for item in COMPILED.catalogue["signals"]]
PERIOD_MS = 40
STILL = (0, 0, 1000)


def gathered(samples: list[tuple[int, tuple[int, int, int]]], epoch_ms: int = 60_000) -> list[tuple[int, int, int]]:
    """(dt_ms, activity, steps) of each epoch that ended in samples of (dt_ms, axes)."""
    wrist = WristEpochs(PERIOD_MS, epoch_ms)
    return [(wrist.dt_ms, wrist.activity, wrist.steps) for dt_ms, axes in samples if wrist.update(dt_ms, *axes)]


def test_steps_of_walks_arrive_in_the_day_they_were_taken() -> None:
    samples = []
    for seed in range(3):
        samples += [(PERIOD_MS, axes) for axes in walk(PERIOD_MS, 1.8, 300, seed)]
        samples += [(PERIOD_MS, STILL)] * (100_000 // PERIOD_MS)
    epochs = gathered(samples)
    assert [dt_ms for dt_ms, _, _ in epochs] == [0] + [60_000] * (len(epochs) - 1)
    core = DayCore(PACK, "other")
    for i, (dt_ms, activity, steps) in enumerate(epochs):
        row = {"local_minute": 600 + i, "activity": activity, "steps": steps}
        feed(core, dt_ms, *(row.get(name) for name in SIGNALS))
    assert abs(core._cells[2] - 900) <= 18  # within two in a hundred, as the walks' own test has it
    assert core._cells[0] == len(epochs) * 60_000


def test_a_gap_is_told_by_the_next_epochs_dt_and_makes_half_empty_ones_missing() -> None:
    second = [(PERIOD_MS, STILL)] * 25
    samples = second * 3 + [(5000, STILL), *second * 2]
    epochs = gathered(samples, 1000)
    assert [dt_ms for dt_ms, _, _ in epochs] == [0, 1000, 1000, 5000, 1000]
    # After the gap one sample falls into what is left of its epoch.
    assert [steps for _, _, steps in epochs] == [0, 0, 0, MISSING, 0]
    sparse = gathered([(PERIOD_MS, STILL)] * 10 + [(900, STILL)] * 3, 1000)
    assert sparse[0] == (0, MISSING, MISSING)


def test_time_that_stands_still_or_runs_back_ends_no_epoch() -> None:
    assert gathered([(0, STILL), *[(-5000, STILL)] * 100, *[(0, STILL)] * 100], 1000) == []
