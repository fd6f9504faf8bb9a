"""Learns what customer factors are worth, decides whether to use them, and says why: one `Learned` with every number in it.

The time is split: weights are fitted on the earlier part, and the gate asks on the later one. An activity that was begun in
the earlier part and ended in the later is in neither, so nothing that is fitted knows of what is asked about.

The target r = clamp(e / limit, -1, 1) is the weight that would have been right. Only its distance from the mean target of its
series is learned. What a forecast gets wrong for everybody is the forecast's affair: with the mean left in, factors that say
nothing pass the gate wherever errors are skewed, for all of them learn the same correction.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import structlog

from headway_edge.core.forecast.factor_weight import BANDS, FACTORS_MAX, SLOPE, WEIGHT_ONE, check, weight
from headway_server.errors import ServerError
from headway_server.factors import class_means, gate, ridge
from headway_server.factors.gate import Gate
from headway_server.factors.observation import FactorValue, Observation
from headway_server.factors.scales import NameScale, NumberScale, scale_of
from headway_server.packs.permitted import refuse_protected

log = structlog.get_logger(__name__)

CLASS_MEANS, RIDGE = "class-means", "ridge"
_SERIES_WEIGHT = 15.0  # observations of all series that the mean of one is pulled with
FORMAT = 1


@dataclass(frozen=True, slots=True)
class LearnSettings:
    """How to learn.

    method: CLASS_MEANS or RIDGE. strength: kappa of the one, lambda of the other, > 0; 10 to 20 is usual for class means.
    fit_share: the share of the observations, earliest first, that weights are fitted on. damping: the second smoothing factor
    b of the paper, a gain of 0..32768: a correction is (1 - b) times weight times limit.
    """

    method: str = CLASS_MEANS
    strength: float = 15.0
    fit_share: float = 2 / 3
    damping: int = WEIGHT_ONE // 2


@dataclass(frozen=True)
class Learned:
    """What was learned and decided.

    factors: their names. scales: how their values are counted. fitted: weights before the gain. weights: those that are to be
    used, multiplied by the gate's gain; all 0 if the gate is shut, so that forecasts are what they were. gate: the decision
    and its numbers. mean_target: of all series, before each series' own mean was taken off its targets. fit_observations,
    fit_customers: what was fitted on; held_out_from_ms: when the first activity began that the gate was asked of, None for none;
    without_limit: observations left out because no correction was possible then; across:
    those that began in the one part and ended in the other.
    """

    settings: LearnSettings
    factors: tuple[str, ...]
    scales: tuple[NumberScale | NameScale, ...]
    fitted: list[list[Any]]
    weights: list[list[Any]]
    gate: Gate
    mean_target: float
    fit_observations: int
    fit_customers: int
    held_out_from_ms: int | None
    without_limit: int
    across: int

    def weight_of(self, values: Sequence[FactorValue], *, ungated: bool = False) -> int:
        """Return the weight for factors' values, in 2**-15: that which is to be used, or the one before the gate."""
        indexes = [scale.index(value) for scale, value in zip(self.scales, values, strict=True)]
        return weight(self.fitted if ungated else self.weights, indexes)

    def parameters(self) -> dict[str, Any]:
        """Return what would be pushed to devices: plain data, integers but for the ends of scales.

        Each factor has an `id`, its place from 1 on, which is its place in a device's list of weights.
        """
        factors = []
        for number, (name, scale, found) in enumerate(zip(self.factors, self.scales, self.weights, strict=True), 1):
            item: dict[str, Any] = {"id": number, "factor": name}
            if isinstance(scale, NameScale):
                item |= {"kind": "names", "names": list(scale.names), "weights": found[1]}
            else:
                item |= {"kind": "bands" if found[0] == BANDS else "slope", "low": scale.low, "high": scale.high}
                item |= (
                    {"centre": found[1], "slope": found[2]}
                    if found[0] == SLOPE
                    else {"edges": found[1], "weights": found[2]}
                )
            factors.append(item)
        return {
            "format": FORMAT,
            "purpose": "forecast",  # and nothing else: no score or comparison may read them
            "used": self.gate.used,
            "weight_one": WEIGHT_ONE,
            "factors": factors,
            "device": self.weights,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return everything, for storing and for JSON."""
        return {
            "settings": asdict(self.settings),
            "gate": asdict(self.gate),
            "mean_target": self.mean_target,
            "fit_observations": self.fit_observations,
            "fit_customers": self.fit_customers,
            "without_limit": self.without_limit,
            "across": self.across,
            "parameters": self.parameters(),
        }


def learn(
    factors: Sequence[str], observations: Sequence[Observation], settings: LearnSettings | None = None
) -> Learned:
    """Return what observations, in order of start, say about factors, and log the decision.

    factors: the names of what stands in `Observation.factors`, up to 16, such as "experience:months".
    Raises ServerError: a protected attribute, too many factors, settings out of range.
    """
    settings = settings or LearnSettings()
    _check(factors, settings)
    usable = [item for item in observations if item.limit > 0]
    at = int(len(usable) * settings.fit_share)
    later = usable[at:]
    until_ms = later[0].start_ms if later else 0
    earlier = [item for item in usable[:at] if not later or item.end_ms <= until_ms]
    scales = tuple(scale_of([item.factors[i] for item in earlier]) for i in range(len(factors)))
    targets = [item.target for item in earlier]
    means = _means([item.series for item in earlier], targets)
    rows = [_indexes(scales, item) for item in earlier]
    fit = class_means.fit if settings.method == CLASS_MEANS else ridge.fit
    fitted = fit(
        scales,
        rows,
        [target - means[item.series] for item, target in zip(earlier, targets, strict=True)],
        settings.strength,
    )
    check(fitted)
    found = gate.ask(
        [item.error for item in later],
        [item.correction(weight(fitted, _indexes(scales, item)), settings.damping) for item in later],
        [item.limit for item in later],
        [item.series for item in later],
        [item.customer for item in later],
    )
    learned = Learned(
        settings=settings,
        factors=tuple(factors),
        scales=scales,
        fitted=fitted,
        weights=[_times(item, found.gain) for item in fitted],
        gate=found,
        mean_target=sum(targets) / len(targets) if targets else 0.0,
        fit_observations=len(earlier),
        fit_customers=len({item.customer for item in earlier}),
        held_out_from_ms=until_ms if later else None,
        without_limit=len(observations) - len(usable),
        across=at - len(earlier),
    )
    log.info(
        "customer factors used" if found.used else "customer factors not used",
        reason=found.reason,
        factors=list(factors),
        method=settings.method,
        fit_observations=learned.fit_observations,
        **{key: value for key, value in asdict(found).items() if key not in ("reason", "used")},
    )
    return learned


def _check(factors: Sequence[str], settings: LearnSettings) -> None:
    refuse_protected(list(factors))
    if len(factors) > FACTORS_MAX:
        raise ServerError(f"{len(factors)} customer factors are too many", f"choose up to {FACTORS_MAX} of them")
    if settings.method not in (CLASS_MEANS, RIDGE):
        raise ServerError(f"{settings.method!r} is no way to learn weights", f"use {CLASS_MEANS} or {RIDGE}")
    if not settings.strength > 0 or not 0 < settings.fit_share < 1 or not 0 <= settings.damping <= WEIGHT_ONE:
        raise ServerError(
            f"strength {settings.strength}, fit_share {settings.fit_share} and damping {settings.damping} do not go",
            "strength is above 0, fit_share between 0 and 1, damping a gain of 0 to 32768",
        )


def _means(series: Sequence[str], targets: Sequence[float]) -> dict[str, float]:
    # The mean target of each series; of few observations pulled towards that of all.
    every = sum(targets) / len(targets) if targets else 0.0
    sums: defaultdict[str, float] = defaultdict(lambda: _SERIES_WEIGHT * every)
    counts: defaultdict[str, float] = defaultdict(lambda: _SERIES_WEIGHT)
    for name, target in zip(series, targets, strict=True):
        sums[name] += target
        counts[name] += 1
    return {name: sums[name] / counts[name] for name in sums}


def _indexes(scales: Sequence[NumberScale | NameScale], item: Observation) -> list[int]:
    return [scale.index(value) for scale, value in zip(scales, item.factors, strict=True)]


def _times(factor: list[Any], gain: float) -> list[Any]:
    # The weights of a factor times the gain; edges and centres stay.
    last = factor[-1]
    scaled = [round(number * gain) for number in last] if isinstance(last, list) else round(last * gain)
    return [*factor[:-1], scaled]
