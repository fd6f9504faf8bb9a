"""Learning weights: what is fitted, what is refused, and what would be pushed to a device."""

import json
from random import Random

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.forecast.customer_factor import CustomerFactorSmoothing
from headway_edge.core.forecast.factor_weight import MISSING, WEIGHT_ONE, check, weight
from headway_edge.core.forecast.fixed_point import gain
from headway_server.errors import ServerError
from headway_server.factors.learn import CLASS_MEANS, RIDGE, Learned, LearnSettings, learn
from headway_server.factors.observation import FactorValue, Observation
from headway_server.factors.scales import NameScale, NumberScale, scale_of
from headway_server.packs.permitted import refuse_protected

LIMIT = 25_600


def observations(n: int, effect: float, seed: int = 1, shift: int = 0, skewed: bool = False) -> list[Observation]:
    """One an hour, each over within it; the first factor tells, the second is a name without meaning."""
    random = Random(seed)  # noqa: S311
    found = []
    for i in range(n):
        x = random.uniform(-1, 1)
        # Of mean 0; skewed as times are, mostly a little under and seldom far over.
        noise = 20_000 * (random.expovariate(1) - 1) if skewed else random.gauss(0, 12_000)
        error = round(effect * x * LIMIT + noise) + shift
        name = random.choice(("north", "south"))
        found.append(Observation("s", i * 3600, i * 3600 + 60, f"{random.randrange(60)}", error, LIMIT, (x, name)))
    return found


def learned(items: list[Observation], **settings: object) -> Learned:
    return learn(["experience:months", "place:side"], items, LearnSettings(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("method", [CLASS_MEANS, RIDGE])
def test_a_factor_that_tells_is_used_and_one_that_does_not_weighs_little(method: str) -> None:
    found = learned(observations(900, 0.5), method=method)
    assert found.gate.used, found.gate.reason
    assert found.weight_of((1.0, None)) > WEIGHT_ONE // 5 > -WEIGHT_ONE // 5 > found.weight_of((-1.0, None))
    assert abs(found.weight_of((None, "north"))) < WEIGHT_ONE // 20
    assert found.gate.squared_error_corrected < found.gate.squared_error


@pytest.mark.parametrize("method", [CLASS_MEANS, RIDGE])
def test_with_the_gate_shut_every_weight_is_nought(method: str) -> None:
    found = learned(observations(900, 0.0), method=method)
    assert not found.gate.used
    assert found.weight_of((1.0, "north")) == found.weight_of((-1.0, "south")) == 0
    assert found.weight_of((1.0, "north"), ungated=True) != 0


@pytest.mark.parametrize("method", [CLASS_MEANS, RIDGE])
@pytest.mark.parametrize("shift", [-15_000, 15_000])
def test_what_a_forecast_gets_wrong_for_everybody_is_not_learned_as_a_customers_factor(method: str, shift: int) -> None:
    used = sum(learned(observations(600, 0.0, seed, shift, skewed=True), method=method).gate.used for seed in range(20))
    # One in twenty by chance; a learner that kept the shift would pass every time.
    assert used <= 4


def test_more_pull_means_smaller_weights() -> None:
    items = observations(300, 0.5)
    sizes = [learned(items, strength=strength).weight_of((1.0, None), ungated=True) for strength in (1.0, 30.0, 1000.0)]
    assert sizes[0] > sizes[1] > sizes[2] > 0


def test_a_class_mean_is_shrunk_by_n_over_n_plus_kappa() -> None:
    """One factor of two names, ten observations each, targets 0.5 and -0.5: with kappa 10 half of that is left."""
    items = [
        Observation("s", i, i, f"{i}", LIMIT // 2 * (1 if i % 2 else -1), LIMIT, ("odd" if i % 2 else "even",))
        for i in range(20)
    ]
    found = learn(["a:b"], [*items, *items[:0]], LearnSettings(strength=10.0, fit_share=0.999))
    n = found.fit_observations
    assert n == 19
    scale = found.scales[0]
    assert isinstance(scale, NameScale)
    odd = found.fitted[0][1][scale.names.index("odd")] / WEIGHT_ONE
    mean = (10 * 0.5 - 9 * 0.5) / 19
    assert odd == pytest.approx(10 / (10 + 10) * (0.5 - mean), abs=0.02)


def test_nothing_later_than_the_fit_is_fitted_and_what_lies_across_is_in_neither_part() -> None:
    items = observations(90, 0.5)
    across = Observation("s", 30 * 3600 + 1, 80 * 3600, "x", LIMIT, LIMIT, (1.0, "north"))
    found = learned(sorted([*items, across], key=lambda item: item.start_ms))
    assert found.across == 1
    assert found.fit_observations + found.across + found.gate.observations == 91


@given(st.integers(0, 2**32), st.integers(61, 89))
def test_the_future_of_the_fit_changes_no_weight(seed: int, at: int) -> None:
    items = observations(90, 0.5)
    random = Random(seed)  # noqa: S311
    changed = [
        *items[:60],
        *(
            Observation(
                o.series, o.start_ms, o.end_ms, o.customer, random.randrange(-LIMIT, LIMIT), o.limit, (9e9, "new")
            )
            if i == at
            else o
            for i, o in enumerate(items[60:], 60)
        ),
    ]
    assert learned(changed).fitted == learned(items).fitted


def test_observations_that_no_correction_could_reach_are_left_out() -> None:
    still = Observation("s", 0, 0, "c", 5, 0, (0.0, "north"))
    found = learned([still, *observations(100, 0.5)])
    assert found.without_limit == 1


def test_without_observations_nothing_is_used_and_nothing_breaks() -> None:
    for method in (CLASS_MEANS, RIDGE):
        found = learned([], method=method)
        assert not found.gate.used
        assert found.weight_of((1.0, "north"), ungated=True) == 0


@given(
    st.integers(-WEIGHT_ONE, WEIGHT_ONE),
    st.lists(st.integers(1, 100_000), min_size=4, max_size=30),
    st.integers(0, 32768),
)
def test_a_correction_is_to_the_bit_what_the_devices_model_moves_its_forecast_by(
    w: int, times_q: list[int], damping: int
) -> None:
    model = CustomerFactorSmoothing(gain(1, 2), damping, limit=25_000, f_min=0)
    for time_q in times_q:
        model.update(time_q)
    level = model.level.forecast_ulps()
    item = Observation("s", 0, 0, "c", 0, model.pfe_ulps(level), ())
    model.weigh(w)
    assert model.forecast_ulps() - level == item.correction(w, damping)


@pytest.mark.parametrize("method", [CLASS_MEANS, RIDGE])
def test_what_is_pushed_is_plain_data_that_a_device_takes_and_evaluates_alike(method: str) -> None:
    found = learned(observations(900, 0.5), method=method)
    pushed = json.loads(json.dumps(found.parameters()))
    assert [item["id"] for item in pushed["factors"]] == [1, 2]
    assert pushed["purpose"] == "forecast"
    check(pushed["device"])
    for values in ((0.7, "north"), (-0.2, "south"), (None, "west")):
        indexes = [scale.index(value) for scale, value in zip(found.scales, values, strict=True)]
        assert weight(pushed["device"], indexes) == found.weight_of(values)


def test_the_decision_is_logged_with_its_reason_and_stored_with_all_numbers() -> None:
    structlog.reset_defaults()  # a command that ran before may have asked for warnings only
    with structlog.testing.capture_logs() as lines:
        found = learned(observations(900, 0.0))
    assert lines[0]["event"] == "customer factors not used"
    assert lines[0]["reason"] == found.gate.reason
    stored = json.loads(json.dumps(found.as_dict()))
    assert {"best_gain", "t", "gain", "reason", "squared_error"} <= set(stored["gate"])
    assert stored["settings"]["method"] == CLASS_MEANS


@pytest.mark.parametrize(
    "name",
    [
        *(
            "person:age",
            "customer_age",
            "skill:driverAge",
            "a:Sex",
            "info:gender",
            "x:ethnic_group",
            "x:country of origin",
        ),
        *("motivation:religion", "health:sickDays", "x:political-views", "x:union_member", "x:BIRTH_YEAR"),
    ],
)
def test_factors_named_after_protected_attributes_are_refused(name: str) -> None:
    with pytest.raises(ServerError, match="protected attribute"):
        learn([name], [])


def test_names_that_only_look_like_one_are_not() -> None:
    refuse_protected(
        ["skill:mileage", "x:message_count", "resources:vehicle_age", "x:Essex", "x:coverage", "x:average_load"]
    )


@pytest.mark.parametrize(
    "settings",
    [{"method": "guess"}, {"strength": 0.0}, {"strength": float("nan")}, {"fit_share": 1.0}, {"damping": 40_000}],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ServerError):
        learned([], **settings)


def test_more_factors_than_a_device_takes_are_refused() -> None:
    with pytest.raises(ServerError, match="17 customer factors are too many"):
        learn([f"a:b{i}" for i in range(17)], [])


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from(["a", "b"]))))
def test_a_scale_takes_whatever_comes(values: list[FactorValue]) -> None:
    scale = scale_of(values)
    for value in [*values, 1e300, -1e300, "unseen", None]:
        index = scale.index(value)
        if isinstance(scale, NumberScale):
            assert index == MISSING or -1024 <= index <= 1024
        else:
            assert index == MISSING or 0 <= index < len(scale.names)
