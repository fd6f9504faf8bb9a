"""Sleep by the pack's integers against the published formulas in floating point, epoch by epoch."""

from collections import Counter

import pytest
from days import MINUTE_MS, feed, shared, wellness
from hypothesis import given, settings
from hypothesis import strategies as st
from sleep_formulas import kripke, sadeh

from headway_edge.core.day import DayCore
from headway_edge.core.pack import Pack
from headway_simulators.recordings import read
from headway_simulators.wearables.epoch_recording import ACTIVITY, EpochRecording

# The night is all day here, so that every epoch is scored.
ALL_DAY = wellness(
    ("(kripke_minute >= 20*h or kripke_minute < 11*h) and kripke_unworn == 0 and kripke < 1000", "kripke < 1000"),
    ("(kripke_minute >= 20*h or kripke_minute < 11*h) and kripke_unworn == 0 and kripke >= 0", "kripke >= 0"),
    ("(sadeh_minute >= 20*h or sadeh_minute < 11*h) and sadeh_unworn == 0 and sadeh > -4000", "sadeh > -4000"),
    ("(sadeh_minute >= 20*h or sadeh_minute < 11*h) and sadeh_unworn == 0 and abs(sadeh) >= 0", "abs(sadeh) >= 0"),
)
PACK = Pack(ALL_DAY.data)
NAMES = [item["name"] for item in ALL_DAY.catalogue["accumulators"]]
# The sum before these takes two numbers in the core, every other one.
SLEEP, SCORED, SADEH, SADEH_SCORED = (
    NAMES.index(name) + 3 for name in ("sleep", "night_scored", "sadeh_sleep", "sadeh_scored")
)
# Where the floating-point index lies this close to the cut, either is right: Cole and Kripke's is exact but for the rounding
# of floats; Sadeh's logarithm and deviation are in thousandths.
KRIPKE_DISTANCE = 1e-9
SADEH_DISTANCE = 0.703 * 0.001 + 0.056 * 0.0005 + 1e-9


def scores(counts: list[int | None], vehicle_class: str) -> tuple[list[bool | None], list[bool | None]]:
    """Asleep or not of each epoch, None where it is not scored: by Cole and Kripke, and by Sadeh."""
    core = DayCore(PACK, vehicle_class)
    found: tuple[list[bool | None], list[bool | None]] = ([], [])
    before = [0, 0, 0, 0]
    for count in counts:
        opened = feed(core, MINUTE_MS, None, count) & 1
        now = [core._cells[place] for place in (SLEEP, SCORED, SADEH, SADEH_SCORED)]
        asleep, scored, asleep_too, scored_too = (
            number - (0 if opened else older) > 0 for number, older in zip(now, before, strict=True)
        )
        before = now
        found[0].append(asleep if scored else None)
        found[1].append(asleep_too if scored_too else None)
    # An epoch's score comes two, or five, epochs later.
    return found[0][2:], found[1][5:]


def compare(counts: list[int | None], vehicle_class: str, calibration: float) -> Counter[str]:
    """Count how the pack and the formulas agree; a difference that the distances do not explain fails."""
    scaled = [None if c is None else c * calibration for c in counts]
    agreement: Counter[str] = Counter()
    for name, formula, cut, distance, found in (
        ("kripke", kripke, 1.0, KRIPKE_DISTANCE, scores(counts, vehicle_class)[0]),
        ("sadeh", sadeh, -4.0, SADEH_DISTANCE, scores(counts, vehicle_class)[1]),
    ):
        for at, asleep in enumerate(found):
            index = formula(scaled, at)
            if index is None or asleep is None:
                assert (index, asleep) == (None, None), f"{name} {at}: {index} {asleep}"
                continue
            expected = index < cut if name == "kripke" else index > cut
            if expected == asleep:
                agreement[name + (" asleep" if asleep else " awake")] += 1
            else:
                assert abs(index - cut) <= distance, f"{name} {at}: index {index}, but asleep is {asleep}"
                agreement[name + " at the cut"] += 1
    return agreement


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "epochs"),
    [("actigraphy/example_01.AWD", 18401), ("actigraphy/example_02.AWD", 18413), ("actigraphy/test_sample.csv", 11581)],
)
@pytest.mark.parametrize(("vehicle_class", "calibration"), [("actigraph", 1.0), ("actiwatch", 5.0)])
def test_recorded_epochs_are_scored_as_published(
    name: str, epochs: int, vehicle_class: str, calibration: float
) -> None:
    recording = read(shared(name))
    assert isinstance(recording, EpochRecording)
    counts = [int(row[ACTIVITY]) if ACTIVITY in row else None for row in recording.rows]
    assert len(counts) == epochs
    agreement = compare(counts, vehicle_class, calibration)
    print(name, vehicle_class, dict(agreement))
    at_the_cut = sum(number for kind, number in agreement.items() if kind.endswith("at the cut"))
    assert at_the_cut <= 5
    assert min(agreement[f"{formula} {state}"] for formula in ("kripke", "sadeh") for state in ("asleep", "awake")) > 20


COUNTS = st.lists(
    st.one_of(
        st.integers(0, 400), st.sampled_from([0, 0, 0, 49, 50, 99, 100, 300, 30000, 30001, 60000]), st.none()
    ),
    min_size=12,
    max_size=80,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_any_counts_are_scored_as_published(counts: list[int | None]) -> None:
    compare(counts, "actigraph", 1.0)


@pytest.mark.full
def test_calibrated_counts_of_an_actiwatch_agree_with_its_own_software_as_far_as_stated() -> None:
    """What docs/wellness.md and the pack say of the calibration; fitted on this very recording, so no validation."""
    recording = read(shared("actigraphy/test_sample.csv"))
    assert isinstance(recording, EpochRecording)
    counts = [int(row[ACTIVITY]) if ACTIVITY in row else None for row in recording.rows]
    found, _ = scores(counts, "actiwatch")
    worn = 8620  # the exported analysis has one interval of activity after the sixth morning: the device was off
    pairs = [
        (asleep, row["Actiware.Wake"] == 0.0)
        for asleep, row in zip(found[:worn], recording.rows, strict=False)
        if asleep is not None and "Actiware.Wake" in row
    ]
    same = sum(ours == theirs for ours, theirs in pairs) / len(pairs)
    ours, theirs = (sum(pair[i] for pair in pairs) / len(pairs) for i in (0, 1))
    chance = ours * theirs + (1 - ours) * (1 - theirs)
    assert len(pairs) > 8500
    assert round(same, 2) == 0.93
    assert round((same - chance) / (1 - chance), 2) == 0.82
