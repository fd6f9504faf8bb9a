"""An evaluation sees no future, is the same every time, and agrees with models that are run by hand."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.forecast.fixed_point import gain
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_server.errors import ServerError
from headway_simulators.costing import csv_log, made_log
from headway_simulators.costing.derived_factors import NAMES, derive
from headway_simulators.costing.evaluation import BY_CUSTOMER, Evaluation, Settings, evaluate
from headway_simulators.costing.event_log import Activity, EventLog, FactorName
from headway_simulators.costing.known_by_then import events
from headway_simulators.costing.models import FACTORS, RECURSIVE, SES, UNGATED, Parameters, SeriesModels
from headway_simulators.costing.report import as_data
from headway_simulators.errors import SimulatorError


def log_of(activities: list[Activity], factors: int = 0) -> EventLog:
    names = [FactorName("x", f"f{i}") for i in range(factors)]
    return EventLog(Path("made"), list(activities), names)


def made(effect: float, seed: int) -> EventLog:
    return csv_log.read(Path("made"), made_log.text(effect, seed).splitlines(keepends=True))


def one_after_the_other(times_q: list[int]) -> list[Activity]:
    return [
        Activity(i * 10**9, i * 10**9 + time_q, time_q, f"c{i % 7}", "Repair", f"{i}", "")
        for i, time_q in enumerate(times_q)
    ]


def said(evaluation: Evaluation) -> dict[int, tuple[int, int]]:
    return {item.index: (item.ses_ulps, item.factors_ulps) for item in evaluation.forecasts}


@given(st.lists(st.integers(0, 5000), min_size=10, max_size=40))
def test_one_after_the_other_it_is_the_devices_model_one_step_ahead(times_q: list[int]) -> None:
    found = evaluate(log_of(one_after_the_other(times_q)), Settings())
    model, by_hand = SimpleSmoothing(gain(1, 2)), {}
    for i, time_q in enumerate(times_q):
        by_hand[i] = model.forecast_ulps()
        model.update(time_q)
    assert {index: ses for index, (ses, _) in said(found).items()} == {index: by_hand[index] for index in said(found)}
    assert found.too_early == 3
    assert found.learned_from + len(found.forecasts) + found.too_early == len(times_q)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30))
def test_an_activity_is_known_only_from_its_end_on(spans: list[tuple[int, int]]) -> None:
    spans.sort(key=lambda span: span[0])
    activities = [Activity(start, start + length, 0, "c", "a", "", "") for start, length in spans]
    known: set[int] = set()
    begun = []
    for ended, i in events(activities):
        if ended:
            known.add(i)
            continue
        begun.append(i)
        assert known == {j for j in range(i) if activities[j].end_ms <= activities[i].start_ms}
    assert begun == list(range(len(activities)))
    assert known == set(begun)


@pytest.mark.parametrize("by", ["activity", BY_CUSTOMER])
@pytest.mark.parametrize("effect", [0.0, 0.6])
def test_changing_the_future_never_changes_a_forecast_of_the_past(effect: float, by: str) -> None:
    settings = Settings(series=by)
    log = made(effect, 3)
    derive(log, list(NAMES))
    before = said(evaluate(log, settings))
    moments = sorted(log.activities[index].start_ms for index in before)
    for share in (0.0, 0.3, 0.7):
        cut_ms = moments[int(share * len(moments))]
        changed = made(effect, 3)
        derive(changed, list(NAMES))
        random = Random(5)  # noqa: S311
        for i, activity in enumerate(changed.activities):
            # Whatever was not known by then: how long it took, when it ended, whose it was and what was known of them.
            if activity.end_ms > cut_ms:
                activity.time_q = random.randrange(5000)
                activity.end_ms += random.randrange(10**9)
                if activity.start_ms > cut_ms:
                    activity.customer = f"c{random.randrange(9)}"
                    activity.factors = tuple(random.choice((None, 1.0, "new")) for _ in activity.factors)
                    changed.activities[i] = activity
        after = said(evaluate(changed, settings))
        held = [index for index in before if log.activities[index].start_ms <= cut_ms]
        assert held
        assert {index: after[index] for index in held} == {index: before[index] for index in held}
        # And the change was one: later forecasts did move.
        assert after != before


def test_derived_factors_see_only_what_began_before() -> None:
    day = 86_400_000
    rows = [(0, "Ada", "1"), (1, "Ada", "1"), (2, "Bob", "2"), (3, "Ada", "3"), (400, "Ada", "4"), (401, "Ada", "")]
    activities = [Activity(at * day, at * day, 1, who, "Repair", case, "") for at, who, case in rows]
    log = log_of(activities)
    derive(log, list(NAMES))
    counts = [
        [round(10 ** (value + 1) - 1) for value in activity.factors if isinstance(value, float)]
        for activity in activities
    ]
    # Earlier cases, those of them of the last year, earlier activities of the kind.
    assert counts == [[0, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 2], [2, 0, 3], [3, 1, 4]]
    with pytest.raises(SimulatorError, match="cannot be derived; there are earlier-cases"):
        derive(log, ["shoe-size"])
    with pytest.raises(SimulatorError, match="asked for twice"):
        derive(log, ["earlier-cases"])


def test_the_same_log_gives_the_same_evaluation() -> None:
    assert as_data(evaluate(made(0.6, 2), Settings())) == as_data(evaluate(made(0.6, 2), Settings()))


def test_with_the_gate_shut_the_forecast_is_simple_smoothing_to_the_bit() -> None:
    found = next(e for e in (evaluate(made(0.0, seed), Settings()) for seed in range(1, 9)) if not e.learned.gate.used)
    assert all(ses == factors for ses, factors in said(found).values())
    assert found.models[FACTORS].numbers == found.models[SES].numbers
    assert found.models[UNGATED].numbers != found.models[SES].numbers


def test_b_of_one_is_simple_smoothing_whatever_was_learned() -> None:
    found = evaluate(made(0.6, 1), Settings(Parameters(b=1.0)))
    assert found.models[UNGATED].numbers == found.models[SES].numbers


def test_a_log_without_factors_is_evaluated_all_the_same() -> None:
    found = evaluate(log_of(one_after_the_other(list(range(100, 140)))), Settings())
    assert found.learned is None
    assert found.models[FACTORS].numbers == found.models[SES].numbers


def test_all_models_are_asked_about_the_same_activities() -> None:
    found = evaluate(made(0.6, 1), Settings())
    assert {model.count for model in found.models.values()} == {len(found.forecasts)}
    assert set(SeriesModels(Parameters()).names) == set(found.models)
    # What feeds itself and would grow for ever is not run.
    assert RECURSIVE in found.models
    assert RECURSIVE not in SeriesModels(Parameters(alpha=0.1)).names


def test_a_factor_named_after_a_protected_attribute_stops_the_evaluation() -> None:
    log = log_of([replace(a, factors=(1.0,)) for a in one_after_the_other(list(range(20)))])
    log.factors = [FactorName("person", "age")]
    with pytest.raises(ServerError, match="protected"):
        evaluate(log, Settings())


def test_too_short_a_log_is_refused_with_what_to_do() -> None:
    with pytest.raises(SimulatorError, match="no activity of the part to be evaluated could be forecast, of 3 in all"):
        evaluate(log_of(one_after_the_other([1, 2, 3])), Settings())


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"b": 1.5}, {"rho": -0.1}, {"gamma": float("nan")}, {"limit_h": -1.0}, {"limit_h": 1e9}]
)
def test_parameters_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(SimulatorError, match=next(iter(wrong)).removesuffix("_h")):
        Parameters(**wrong)
