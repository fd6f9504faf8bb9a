"""Customer factors on the device: a forecast moved by the person's class, simple smoothing without one, and nothing else."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from headway_edge import packs
from headway_edge.core.forecast.customer_factor import CustomerFactorSmoothing, RecursiveFactorSmoothing
from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.forecast.fixed_point import gain, to_quanta
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_edge.core.process import Process
from headway_edge.own.customer_factors import classes_of
from headway_edge.own.own_process import OwnProcess
from headway_edge.own.own_series import OwnSeries
from headway_edge.store.outbox import Outbox
from headway_server.packs import library
from headway_server.packs.catalogue import for_device
from headway_server.packs.compile import compile_source
from headway_server.packs.source import parse

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
FACTOR = '[factors.experience]\ntitle = "x"\nclasses = ["beginner", "settled"]\nabout = "x"\n\n'
WEIGHTS = "weights = { experience = [-0.5, 0.25] }\n"


def process_with(of_series: str) -> Process:
    """Private driving, with more said of its series of idling."""
    text = library.path("private-driving").read_text(encoding="utf-8")
    text = text.replace("[series.idling]\n", f"{FACTOR}[series.idling]\n{of_series}")
    compiled = compile_source(parse(text.encode(), "test"))
    return packs.process(compiled.data, for_device(compiled.catalogue))


def trip(process: Process, idle_s: int) -> list[int]:
    numbers = [0] * len(process.pack.cells)
    numbers[0], numbers[1] = 6000, 9000
    for place in (process.places("idle")[0], process.places("speed_bands")[0]):
        numbers[place] = 10 * idle_s
    numbers[process.places("speed_bands")[5]] = 6000 - 10 * idle_s
    return numbers


def idling(count: int = 60) -> list[int]:
    generator = random.Random(3)  # noqa: S311 - repeatable, not secret
    return [generator.randrange(40, 300) for _ in range(count)]


def forecasts(process: Process, classes: list[int]) -> list[int | None]:
    """What a device expected of idling before each trip."""
    own = OwnSeries(process, lambda _day: None, classes)
    found = []
    for idle_s in idling():
        expected = {item.characteristic.key: item.value for item in own.expected()}
        found.append(expected.get("idle_share_pct"))
        own.add(process.totals(trip(process, idle_s)), None)
    return found


def by_model(model: SimpleSmoothing | CustomerFactorSmoothing, weight: int = 0) -> list[int | None]:
    """What a model of the core forecasts of the same numbers, in 0.1 %."""
    if isinstance(model, CustomerFactorSmoothing):
        model.weigh(weight)
    found: list[int | None] = []
    for idle_s in idling():
        found.append(to_quanta(model.forecast_ulps()) if model.ready else None)
        model.update((2 * 1000 * idle_s + 600) // 1200)
    return found


def test_a_class_moves_the_forecast_by_its_weight() -> None:
    process = process_with(f'model = "r1"\n{WEIGHTS}')
    alpha, half = gain(3, 10), gain(1, 2)
    for place, weight in ((0, -gain(1, 2)), (1, gain(1, 4))):
        assert forecasts(process, [place]) == by_model(CustomerFactorSmoothing(alpha, half, rho=half), weight)
    assert forecasts(process, [0]) != forecasts(process, [1])


@pytest.mark.parametrize("classes", [[MISSING], [0], [1]])
def test_without_weights_or_with_full_damping_it_is_simple_smoothing(classes: list[int]) -> None:
    plain = by_model(SimpleSmoothing(gain(3, 10)))
    assert forecasts(process_with('model = "r1"\n'), classes) == plain
    assert forecasts(process_with(f'model = "r1"\ndamping = 1\n{WEIGHTS}'), classes) == plain
    assert forecasts(process_with('model = "r1"\nweights = { experience = [0, 0] }\n'), classes) == plain


def test_somebody_of_no_known_class_is_forecast_without_factors() -> None:
    assert forecasts(process_with(f'model = "r1"\n{WEIGHTS}'), [MISSING]) == by_model(SimpleSmoothing(gain(3, 10)))


def test_the_other_reconstruction_can_be_asked_for() -> None:
    process = process_with(f'model = "r2"\nalpha = 0.5\n{WEIGHTS}')
    half = gain(1, 2)
    assert forecasts(process, [1]) == by_model(RecursiveFactorSmoothing(half, half, rho=half), gain(1, 4))


def test_the_settings_of_a_device_are_looked_up_by_name() -> None:
    pack = process_with(f'model = "r1"\n{WEIGHTS}').pack
    assert classes_of(pack, {"experience": "settled", "route": "town"}) == [1]
    assert classes_of(pack, {"experience": "weary"}) == [MISSING]
    assert classes_of(pack, {}) == [MISSING]
    assert classes_of(packs.load("private-driving").pack, {"experience": "settled"}) == []


def test_after_a_restart_the_class_is_that_of_the_settings_of_now() -> None:
    process = process_with(f'model = "r1"\n{WEIGHTS}')
    before = OwnSeries(process, lambda _day: None, [0])
    for idle_s in idling():
        before.add(process.totals(trip(process, idle_s)), None)
    after = OwnSeries(process, lambda _day: None, [1])
    assert after.restore(before.state())
    lower, higher = (next(item.value for item in own.expected()) for own in (before, after))
    assert lower < higher


def test_nothing_but_the_forecast_knows_of_the_class(tmp_path: Path) -> None:
    process = process_with(f'model = "r1"\n{WEIGHTS}')

    def driven(name: str, factors: Mapping[str, str]) -> OwnProcess:
        outbox = Outbox(tmp_path / name)
        own = OwnProcess(process, "car", 1000, outbox, lambda _wall_ms: 0, factors)
        for i, idle_s in enumerate(idling()):
            _, _, state = own.take(trip(process, idle_s), START_MS + i * DAY_MS)
            with outbox:
                for key, value in state.items():
                    if value is not None:
                        outbox.put(key, value)
        return own

    one, other = driven("one.db", {"experience": "beginner"}), driven("other.db", {"experience": "settled"})
    assert one.series.expected() != other.series.expected()
    assert one.totals.state() == other.totals.state()
    scores = [own.score(START_MS + 70 * DAY_MS) for own in (one, other)]
    assert scores[0] is not None
    assert scores[0].points is not None
    assert [(score.points, score.axes, score.past) for score in scores if score is not None] == 2 * [
        (scores[0].points, scores[0].axes, scores[0].past)
    ]
    assert one.compare() == other.compare()
    assert one.consumables.state() == other.consumables.state()
