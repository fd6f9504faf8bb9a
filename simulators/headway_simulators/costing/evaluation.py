"""Evaluates forecasts of activity times over a log, one step ahead: what customer factors are worth, and what things cost.

Every activity is forecast when it begins, from those that had ended by then. The first part of the log, by time, is learned
from (`headway_server.factors.learn`, which splits it again); what begins after it is what the figures are of. So no figure is
of a time that anything was fitted on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from headway_edge.core.forecast.fixed_point import FRACTION_BITS, ULPS
from headway_server.factors.learn import CLASS_MEANS, Learned, LearnSettings, learn
from headway_server.factors.observation import Observation
from headway_simulators.costing.accuracy import Accuracy
from headway_simulators.costing.cost_rates import CostRates, CustomerCost, by_customer
from headway_simulators.costing.event_log import Activity, EventLog
from headway_simulators.costing.known_by_then import events
from headway_simulators.costing.models import FACTORS, SES, Parameters, SeriesModels, as_gain
from headway_simulators.errors import SimulatorError

BY_ACTIVITY, BY_CUSTOMER = "activity", "customer"
_TELL_EVERY = 500
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Settings:
    """How to evaluate.

    series: BY_ACTIVITY, a series for each activity over all customers, whom factors then tell apart; or BY_CUSTOMER, one for
    each activity of each customer. learn_share: of the log, earliest first, that is learned from, 0.1 to 0.9. method,
    strength: of learning, see LearnSettings.
    """

    parameters: Parameters = field(default_factory=Parameters)
    series: str = BY_ACTIVITY
    learn_share: float = 0.6
    method: str = CLASS_MEANS
    strength: float = 15.0
    rates: CostRates = field(default_factory=CostRates)

    def __post_init__(self) -> None:
        """Raise SimulatorError for what is out of range."""
        if self.series not in (BY_ACTIVITY, BY_CUSTOMER):
            raise SimulatorError(f"series by {self.series!r}: there are {BY_ACTIVITY} and {BY_CUSTOMER}.")
        if not 0.1 <= self.learn_share <= 0.9:
            raise SimulatorError(f"a share of {self.learn_share} to learn from: it is from 0.1 to 0.9.")

    def learning(self) -> LearnSettings:
        """Return how weights are learned."""
        return LearnSettings(self.method, self.strength, damping=as_gain(self.parameters.b))


@dataclass(slots=True)
class Forecast:
    """One activity of the evaluated part: its index in the log, and by simple smoothing and with factors, in ulps."""

    index: int
    ses_ulps: int
    factors_ulps: int


@dataclass
class Evaluation:
    """What came of it. models: by name, in the order they are to be shown. learned: None where there are no factors.

    learned_from: activities that began in the part that is learned from and had been forecast. too_early: activities that
    began when their series was not ready, in either part.
    """

    log: EventLog
    settings: Settings
    models: dict[str, Accuracy]
    learned: Learned | None
    learned_from: int
    too_early: int
    forecasts: list[Forecast]
    costs: list[CustomerCost]


def evaluate(log: EventLog, settings: Settings, tell: Tell = lambda _done, _of: None) -> Evaluation:
    """Return the evaluation of a log whose activities are in order of start.

    tell: called now and then with (steps done, steps in all). Raises SimulatorError when too little is left to evaluate,
    ServerError for factors that are refused.
    """
    activities = log.activities
    steps = 2 * len(activities)
    observations = observe(activities, settings, lambda done: tell(done, steps))
    # By place in the log, so that nothing that is found out later moves it.
    from_ms = activities[int(len(activities) * settings.learn_share)].start_ms
    if not observations or observations[-1].start_ms < from_ms:
        raise SimulatorError(
            f"{log.path}: no activity of the part to be evaluated could be forecast, of {len(activities)} in all: a series "
            "needs three that ended before. Take a longer log, or series by activity."
        )
    learned = None
    if log.factors:
        known = [item for item in observations if item.end_ms <= from_ms and item.start_ms < from_ms]
        learned = learn([str(factor) for factor in log.factors], known, settings.learning())
    models, forecasts = _with_factors(
        activities, settings, learned, from_ms, lambda done: tell(len(activities) + done, steps)
    )
    if settings.rates:
        evaluated = [activities[item.index] for item in forecasts]
        said = [[_quanta(item.ses_ulps), _quanta(item.factors_ulps)] for item in forecasts]
        costs = by_customer(evaluated, said, settings.rates)
    else:
        costs = []
    return Evaluation(
        log=log,
        settings=settings,
        models=models,
        learned=learned,
        learned_from=len(observations) - len(forecasts),
        too_early=len(activities) - len(observations),
        forecasts=forecasts,
        costs=costs,
    )


def series_of(activity: Activity, by: str) -> str:
    """Return the series an activity belongs to."""
    return activity.activity if by == BY_ACTIVITY else f"{activity.activity}\0{activity.customer}"


def observe(
    activities: Sequence[Activity], settings: Settings, tell: Callable[[int], None] = lambda _done: None
) -> list[Observation]:
    """Return what learning sees: each forecast by simple smoothing, in order of start, and what came of it.

    tell: called now and then with the number of activities done.
    """
    series: dict[str, SeriesModels] = {}
    found = []
    for ended, i in events(activities):
        activity = activities[i]
        models = _models_of(series, activity, settings, peers=False)
        if ended:
            models.update(activity.time_q, activity.customer, 0)
        elif models.ready:
            level, limit = models.level_and_limit()
            error = (activity.time_q << FRACTION_BITS) - level
            found.append(
                Observation(
                    series_of(activity, settings.series),
                    activity.start_ms,
                    activity.end_ms,
                    activity.customer,
                    error,
                    limit,
                    activity.factors,
                )
            )
        if i % _TELL_EVERY == 0:
            tell(i)
    return found


def _with_factors(
    activities: Sequence[Activity],
    settings: Settings,
    learned: Learned | None,
    from_ms: int,
    tell: Callable[[int], None],
) -> tuple[dict[str, Accuracy], list[Forecast]]:
    series: dict[str, SeriesModels] = {}
    accuracies: dict[str, Accuracy] = {}
    forecasts = []
    for ended, i in events(activities):
        activity = activities[i]
        models = _models_of(series, activity, settings)
        ungated = learned.weight_of(activity.factors, ungated=True) if learned else 0
        if ended:
            models.update(activity.time_q, activity.customer, ungated)
        elif models.ready and activity.start_ms >= from_ms:
            weight = learned.weight_of(activity.factors) if learned else 0
            said = dict(zip(models.names, models.forecasts(activity.customer, weight, ungated), strict=True))
            for name, ulps in said.items():
                accuracy = accuracies.get(name)
                if accuracy is None:
                    accuracy = accuracies[name] = Accuracy(name)
                accuracy.add(series_of(activity, settings.series), activity.time_q, ulps, said[SES])
            forecasts.append(Forecast(i, said[SES], said[FACTORS]))
        if i % _TELL_EVERY == 0:
            tell(i)
    for accuracy in accuracies.values():
        accuracy.close()
    return accuracies, forecasts


def _models_of(
    series: dict[str, SeriesModels], activity: Activity, settings: Settings, *, peers: bool = True
) -> SeriesModels:
    key = series_of(activity, settings.series)
    models = series.get(key)
    if models is None:
        models = series[key] = SeriesModels(settings.parameters, peers=peers)
    return models


def _quanta(ulps: int) -> Decimal:
    return Decimal(ulps) / ULPS
