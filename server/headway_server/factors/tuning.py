"""Learns the customer-factor weights of a series from the stored trips of many persons, and says whether they are to be used.

A device forecasts each person from that person's own numbers, so what always differs between persons is in their levels
already. What a factor can tell beyond is which way somebody's next number lies from their own level: of beginners who are
getting better, under it. That is what is learned (`learn`), on the earlier part of the time, and asked about on the later
(`gate`). Then a last question: whether the forecasts so moved beat those that devices make now, which may follow a trend by
themselves. Only with both answered by yes are the weights used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.customer_factor import CustomerFactorSmoothing
from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.forecast.fixed_point import ULPS, to_ulps
from headway_edge.core.forecast.series_model import model_of, weight_of
from headway_edge.core.pack_limits import EACH_DAY, R1
from headway_edge.core.process import Characteristic, Process
from headway_edge.core.series import WEEK
from headway_server.factors.learn import Learned, LearnSettings, learn
from headway_server.factors.observation import Observation
from headway_server.factors.person_classes import PersonClasses
from headway_server.factors.scales import NameScale
from headway_server.reading.device_trips import DeviceTrip
from headway_server.reading.followed_days import FollowedDays

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Gains:
    """Of the forecast that is to be moved: alpha, b and rho (`headway_edge.core.forecast.customer_factor`), as gains."""

    alpha: int
    b: int
    rho: int


@dataclass(frozen=True)
class Tuned:
    """What was learned and decided for one series.

    used, reason: whether the weights are to be used, and why or why not. weights: by factor, of its classes in the order they
    were given in, in 2**-15; all 0 where they are not used. persons, numbers: what there was. before, after: mean squared
    error on held-out time of the forecasts that devices make now, and of those with the weights, in quanta squared; None where
    nothing was to be compared.
    """

    learned: Learned
    used: bool
    reason: str
    weights: dict[str, list[int]]
    persons: int
    numbers: int
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a series; value: None for a day without any. known_ms: when the one before was known. at_ms: its own time."""

    value: int | None
    known_ms: int
    at_ms: int


class _Noting:
    """Takes the part of a series in a `SeriesWalk`, and notes its numbers."""

    def __init__(self, characteristic: Characteristic, is_daily: bool) -> None:
        self.is_daily = is_daily
        self._characteristic = characteristic
        self.values: list[int | None] = []

    def add(self, totals: list[int]) -> int:
        value = self._characteristic.value(totals)
        if value is not None:
            self.values.append(value)
        return 0

    def skip(self) -> None:
        self.values.append(None)


def tune(
    process: Process,
    item: Sequence[Any],
    gains: Gains,
    classes: dict[str, list[str]],
    told: PersonClasses,
    series: Sequence[tuple[str, Sequence[Number]]],
    settings: LearnSettings,
) -> Tuned:
    """Return what the numbers of many devices say of customer factors for one series, and log the decision.

    item: the series as the pack has it now. classes: of each factor that is to be learned, in the order its weights are
    wanted in. told: the persons' classes. series: (person, `numbers_of`) of each device. Raises ServerError for a protected
    attribute or too many factors.
    """
    wanted = [told.factors.index(name) for name in classes]
    observations = [
        found
        for person, numbers in series
        for found in _observations(person, [told.of(person)[at] for at in wanted], numbers, gains)
    ]
    observations.sort(key=lambda one: one.start_ms)
    learned = learn(list(classes), observations, settings)
    weights = {
        name: _by_class(scale, fitted[1] if isinstance(scale, NameScale) else [], classes[name])
        for name, scale, fitted in zip(classes, learned.scales, learned.weights, strict=True)
    }
    used, reason, before, after = learned.gate.used, learned.gate.reason, None, None
    if used and learned.held_out_from_ms is not None:
        how = item[4][0] if item[4] else R1
        model = [how, gains.alpha, gains.b, gains.rho, list(weights.values())]
        before, after = _compared(process, item, model, classes, told, series, learned.held_out_from_ms)
        if after >= before:
            used = False
            reason = (
                f"{reason}; but the forecasts that devices make now are better still: mean squared error {before:.1f}, "
                f"with the weights {after:.1f}"
            )
    log.info(
        "weights of a series used" if used else "weights of a series not used",
        characteristic=process.by_id[item[0]].key,
        reason=reason,
        before=before,
        after=after,
    )
    if not used:
        weights = {name: [0] * len(found) for name, found in weights.items()}
    persons = {person for person, _ in series}
    numbers = sum(1 for _, found in series for one in found if one.value is not None)
    return Tuned(learned, used, reason, weights, len(persons), numbers, before, after)


def numbers_of(process: Process, item: Sequence[Any], trips: Sequence[DeviceTrip]) -> list[Number]:
    """Return the numbers of a series in the order in which a device took them. item: the series. trips: as it closed them."""
    noting = _Noting(process.by_id[item[0]], item[1] == EACH_DAY or process.pack.kind == "day")
    days = FollowedDays(process, [noting])
    found: list[Number] = []
    known_ms: int | None = None
    for trip in trips:
        days.take(trip)
        # Where no clock was set, it was some time after the trip before; a device that never had one is in no time.
        at_ms = known_ms if trip.start_ms is None else trip.start_ms + trip.elapsed_ms
        if at_ms is None:
            noting.values.clear()
            continue
        for value in noting.values:
            found.append(Number(value, at_ms if known_ms is None else known_ms, at_ms))
            known_ms = at_ms
        noting.values.clear()
    return found


def _observations(
    person: str, classes: Sequence[str | None], numbers: Sequence[Number], gains: Gains
) -> list[Observation]:
    # All persons are one series: what a forecast gets wrong for everybody is no factor's doing.
    model = CustomerFactorSmoothing(gains.alpha, gains.b, rho=gains.rho)
    found = []
    for one in numbers:
        if one.value is None:
            continue
        if model.ready:
            level = model.level.forecast_ulps()
            error, limit = to_ulps(one.value) - level, model.pfe_ulps(level)
            found.append(Observation("", one.known_ms, one.at_ms, person, error, limit, classes))
        model.update(one.value)
    return found


def _by_class(scale: object, weights: Sequence[int], classes: Sequence[str]) -> list[int]:
    # A class that there were too few of has no weight.
    names = scale.names if isinstance(scale, NameScale) else ()
    return [weights[names.index(name)] if name in names else 0 for name in classes]


def _compared(
    process: Process,
    item: Sequence[Any],
    model: list[Any],
    classes: dict[str, list[str]],
    told: PersonClasses,
    series: Iterable[tuple[str, Sequence[Number]]],
    from_ms: int,
) -> tuple[float, float]:
    # Mean squared error, in quanta squared, of the pack's own model and of the other, where both forecast.
    season = WEEK if item[1] == EACH_DAY or process.pack.kind == "day" else 0
    squares, count = [0, 0], 0
    for person, numbers in series:
        own = told.of(person)
        places = [
            names.index(name) if (name := own[told.factors.index(factor)]) in names else MISSING
            for factor, names in classes.items()
        ]
        now = _errors(item[4], season, weight_of(item[4], told.places(process.pack, person)), numbers)
        then = _errors(model, season, weight_of(model, places), numbers)
        for one, first, second in zip(numbers, now, then, strict=True):
            if first is not None and second is not None and one.known_ms >= from_ms:
                squares[0] += first * first
                squares[1] += second * second
                count += 1
    before, after = (square / max(1, count) / ULPS**2 for square in squares)
    return before, after


def _errors(of: Any, season: int, weight: int, numbers: Sequence[Number]) -> list[int | None]:
    model = model_of(of, season)
    if not isinstance(model, Choice):
        model.weigh(weight)
    found: list[int | None] = []
    for one in numbers:
        if one.value is None:
            found.append(None)
            if isinstance(model, Choice):
                model.skip()
            continue
        found.append(to_ulps(one.value) - model.forecast_ulps() if model.ready else None)
        model.update(one.value)
    return found
