"""The shipped pack: a day's parts and score worked out by hand, what is not observed, and corrections."""

from pathlib import Path

import pytest
from days import MINUTE_MS, Day, run, wellness

from headway_edge.core import pack_values
from headway_edge.core.amendment import amended
from headway_edge.core.day import DayCore
from headway_edge.core.episode import wire_numbers
from headway_edge.core.pack import Pack
from headway_server.packs import library

COMPILED = wellness()
PACK = Pack(COMPILED.data)
CELLS = {item["name"]: item["places"][0] for item in COMPILED.catalogue["accumulators"]}
SIGNALS = [item["name"] for item in COMPILED.catalogue["signals"]]
TOTALS = COMPILED.totals
HOUR = 60
SCORE, STEPS, STEP_SHARE, GOLDEN, SLEEP_H, SADEH_H, LONG_ENOUGH, WITHIN, DRINKS, PULSE = (
    551,
    552,
    553,
    554,
    555,
    556,
    557,
    558,
    559,
    560,
)


def sample(minute: int, **signals: int) -> tuple[int | None, ...]:
    row = {"local_minute": minute % 1440, "activity": 0, "steps": 0, "worn": 1} | signals
    return (MINUTE_MS, *(row.get(name) for name in SIGNALS))


def a_day(asleep: tuple[int, int], steps_an_hour: int = 600, **evening: int) -> list[tuple[int | None, ...]]:
    """From 8 pm: 5000 counts a minute, none in `asleep` = (first, end) minutes after 8 pm; steps from 8 am to 6 pm."""
    samples = []
    for i in range(1440):
        signals = {"activity": 0 if asleep[0] <= i < asleep[1] else 5000}
        if 12 * HOUR <= i < 22 * HOUR:
            signals["steps"] = steps_an_hour // 60
        samples.append(sample(20 * HOUR + i, **signals, **(evening if i == 0 else {})))
    return samples


def one(samples: list[tuple[int | None, ...]]) -> Day:
    (day,) = run(DayCore(PACK, "actigraph"), samples)
    return day


def total(day: Day, name: str) -> int:
    (place,) = TOTALS[name]
    return pack_values.totals_of_trip(PACK, day.numbers)[place]


def test_a_day_with_everything_is_scored_from_its_four_parts() -> None:
    # Asleep from 23:00 to 07:00; Cole and Kripke's window wakes a sleeper for some minutes at both ends.
    day = one(a_day((3 * HOUR, 11 * HOUR), steps_an_hour=600, drinks=2))
    asleep_min = day.numbers[CELLS["sleep"]] // 600
    golden_min = day.numbers[CELLS["golden_sleep"]] // 600
    assert 470 <= asleep_min <= 480
    assert 170 <= golden_min <= 180
    assert day.values[STEPS] == 6000
    assert day.values[STEP_SHARE] == 600
    assert total(day, "golden_achievement") == (2000 * golden_min + 240) // 480
    assert day.values[LONG_ENOUGH] == 1000
    assert day.values[WITHIN] == 1000
    parts = (600, total(day, "golden_achievement"), 1000, 1000)
    assert total(day, "score") == (2 * sum(parts) + 4) // 8
    assert day.values[SCORE] == total(day, "score")
    assert total(day, "scored_days") == 1


@pytest.mark.parametrize(
    ("asleep_min", "permille"), [(3 * HOUR, 0), (330, 500), (7 * HOUR, 1000), (9 * HOUR, 1000), (630, 500)]
)
def test_sleep_is_long_enough_from_seven_to_nine_hours(asleep_min: int, permille: int) -> None:
    day = one(a_day((2 * HOUR, 2 * HOUR + asleep_min)))
    # The formula takes a few minutes off at the ends: 1/180 of the part each, on its slopes.
    assert abs(total(day, "duration_achievement") - permille) <= 45
    assert abs(day.numbers[CELLS["sleep"]] // 600 - asleep_min) <= 8


def test_the_persons_own_goal_and_limit_count() -> None:
    day = one(a_day((3 * HOUR, 11 * HOUR), 600, drinks=5, goal=12000, drink_limit=5))
    assert (total(day, "step_achievement"), total(day, "within_limit")) == (500, 1)
    day = one(a_day((3 * HOUR, 11 * HOUR), 600, drinks=5))
    assert (total(day, "step_achievement"), total(day, "within_limit")) == (600, 0)
    day = one(a_day((3 * HOUR, 11 * HOUR), 600, drinks=1, drink_limit=0))
    assert total(day, "within_limit") == 0


def test_none_reported_is_not_the_same_as_no_report() -> None:
    none = one(a_day((3 * HOUR, 11 * HOUR), drinks=0))
    silent = one(a_day((3 * HOUR, 11 * HOUR)))
    assert (none.values[WITHIN], silent.values[WITHIN]) == (1000, None)
    assert (none.values[DRINKS], silent.values[DRINKS]) == (0, None)
    # Three of four parts are observed: still a score, of those three.
    assert total(silent, "scored_days") == 1
    parts = [total(silent, name) for name in ("step_achievement", "golden_achievement", "duration_achievement")]
    assert total(silent, "score") == (2 * sum(parts) + 3) // 6


def test_under_sixty_percent_of_the_weight_there_is_no_score() -> None:
    # Steps only: as from a pedometer without counts.
    samples = [sample(20 * HOUR + i, steps=5) for i in range(1440)]
    counts = SIGNALS.index("activity") + 1
    bare = [tuple(None if k == counts else number for k, number in enumerate(row)) for row in samples]
    day = one(bare)
    assert (total(day, "scored_days"), day.values[SCORE]) == (0, None)
    assert day.values[STEPS] == 7200
    assert (day.values[SLEEP_H], day.values[GOLDEN]) == (None, None)
    # Steps, sleep after either, golden time, resting heart rate, drinks: what was not observed is not 0.
    assert [day.values[number] for number in range(501, 507)] == [7200, None, None, None, None, None]


def test_what_is_not_worn_is_neither_sleep_nor_observed() -> None:
    # Off the wrist there are no counts, which the formulas would take for deep sleep.
    day = one([sample(20 * HOUR + i, worn=0) for i in range(1440)])
    assert [day.numbers[CELLS[name]] for name in ("sleep", "night_scored", "sadeh_sleep", "worn_time")] == [0, 0, 0, 0]
    assert (day.values[STEPS], day.values[SLEEP_H], day.values[SADEH_H], day.values[SCORE]) == (None, None, None, None)


def test_sleep_is_looked_for_at_night_only() -> None:
    day = one([sample(20 * HOUR + i) for i in range(1440)])
    assert day.numbers[CELLS["sleep"]] // 600 == 15 * HOUR - 4  # the first epochs have no window yet
    assert day.numbers[CELLS["golden_sleep"]] // 600 == 4 * HOUR


def test_the_resting_heart_rate_is_the_lowest_mean_of_five_minutes_with_one() -> None:
    rates = [70, 40, 70, 70, 70, 55, 56, 57, 58, 59, 70]
    samples = [sample(600 + i, heart_rate=rate) for i, rate in enumerate(rates)]
    samples += [sample(611)]
    samples += [sample(612 + i, heart_rate=30) for i in range(4)]  # four minutes are too few
    samples += [sample(616 + i) for i in range(60)]
    day = one(samples)
    assert day.numbers[CELLS["resting_pulse"]] == 55 + 56 + 57 + 58 + 59
    assert day.values[PULSE] == 570


def test_means_are_over_the_days_that_were_observed() -> None:
    days = run(
        DayCore(PACK, "actigraph"), a_day((3 * HOUR, 11 * HOUR), 600) + a_day((3 * HOUR, 11 * HOUR), 1200, drinks=9)
    )
    assert len(days) == 2
    totals = pack_values.merge(PACK, None, pack_values.totals_of_trip(PACK, days[0].numbers))
    totals = pack_values.merge(PACK, totals, pack_values.totals_of_trip(PACK, days[1].numbers))
    values = {item[0]: pack_values.read(item, totals) for item in PACK.characteristics if item[1]}
    assert values[STEPS] == 9000
    assert values[STEP_SHARE] == 800
    assert (values[WITHIN], values[DRINKS]) == (0, 90)
    first, second = (day.values[SCORE] for day in days)
    assert first is not None
    assert second is not None
    assert values[SCORE] in {(first + second) // 2, (first + second + 1) // 2}


# --- Corrections ---


def test_a_late_report_makes_the_day_that_it_would_have_been() -> None:
    drinks = SIGNALS.index("drinks")
    runner = DayCore(PACK, "actigraph")
    run(runner, a_day((3 * HOUR, 11 * HOUR)))
    silent = wire_numbers(PACK, runner.closed)
    for reported in (0, 3, 7):
        runner = DayCore(PACK, "actigraph")
        run(runner, a_day((3 * HOUR, 11 * HOUR), drinks=reported))
        assert amended(PACK, "actigraph", silent, {drinks: reported}) == wire_numbers(PACK, runner.closed)


def test_a_correction_replaces_all_reports_of_the_day_and_touches_nothing_else() -> None:
    runner = DayCore(PACK, "actigraph")
    samples = a_day((3 * HOUR, 11 * HOUR), drinks=2, drink_limit=3)
    samples[300] = sample(20 * HOUR + 300, drinks=4)
    run(runner, samples)
    before = wire_numbers(PACK, runner.closed)
    after = amended(PACK, "actigraph", before, {SIGNALS.index("drinks"): 5})
    changed = {name for name, place in CELLS.items() if before[place] != after[place]}
    assert changed == {"drinks_taken"}
    assert pack_values.from_wire(PACK, after)[CELLS["drinks_taken"]] == 5
    withdrawn = amended(PACK, "actigraph", before, {})
    assert (withdrawn[CELLS["drinks_taken"]], withdrawn[CELLS["reported"]]) == (0, 0)


@pytest.mark.parametrize(
    ("signal", "number", "reason"),
    [
        (SIGNALS.index("steps"), 5, "is not reported by a person"),
        (99, 5, "is not reported by a person"),
        (SIGNALS.index("drinks"), 61, "61 is not in 0..60"),
    ],
)
def test_a_correction_of_what_is_measured_or_cannot_be_is_refused(signal: int, number: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        amended(PACK, "actigraph", [0] * len(PACK.cells), {signal: number})
    with pytest.raises(ValueError, match="a day of pack wellness has"):
        amended(PACK, "actigraph", [0], {})


# --- The definition ---


def test_it_ships_and_says_that_it_needs_a_consent_of_its_own() -> None:
    assert "wellness" in library.names()
    assert "needs a consent of its own" in COMPILED.catalogue["about"]
    assert COMPILED.parts[3] == "day"


def test_every_part_of_the_score_says_where_it_comes_from() -> None:
    for item in COMPILED.catalogue["characteristics"]:
        assert item["about"]
        if item["id"] in {551, 553, 554, 557, 558}:
            assert item["source"]


def test_every_signal_is_in_the_tree_of_wearables_with_its_unit_and_range() -> None:
    tree = (Path(__file__).parents[2] / "vss/wearable.vspec").read_text(encoding="utf-8")
    for vss, unit, _, _, low, high, *_ in COMPILED.parts[5]:
        _, colon, rest = tree.partition(f"\n{vss}:\n")
        assert colon, f"{vss} is not in vss/wearable.vspec"
        entry = dict(line.strip().split(": ", 1) for line in rest.split("\n\n")[0].splitlines())
        assert entry.get("unit", "") == {"1/min": "cpm"}.get(unit, unit)
        assert (entry["min"], entry["max"]) == (str(low), str(high))


def test_a_day_is_of_the_weekend_by_the_day_it_ends_on() -> None:
    for weekday, expected in ((4, False), (5, True), (6, True), (None, False)):
        row = sample(600, **({} if weekday is None else {"local_weekday": weekday}))
        (day,) = run(DayCore(PACK, "actigraph"), [row] * 61)
        assert pack_values.holds(PACK.contexts[0], day.numbers) == expected
