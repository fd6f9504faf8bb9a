"""The models that are compared, the device's own: one set for each series of activities.

All are fed with the same numbers in the same order, in hundredths of an hour, and none sees a number before its time.
"""

from dataclasses import dataclass
from typing import Protocol

from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.customer_factor import CustomerFactorSmoothing, QuantileTarget, RecursiveFactorSmoothing
from headway_edge.core.forecast.fixed_point import GAIN_ONE, VALUE_MAX, gain
from headway_edge.core.forecast.naive import Naive
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_edge.core.forecast.trend import DampedTrend, Holt
from headway_simulators.costing.event_log import QUANTA_PER_HOUR
from headway_simulators.errors import SimulatorError

READY = 3  # activities of a series that must have ended before it is forecast: what the slowest to begin needs
_SLOW_WARM_UP = 50
_TREND_BETA, _TREND_PHI = (1, 10), (9, 10)
_QUANTILE = (7, 10)

SES, FACTORS, UNGATED, RECURSIVE = "ses", "customer_factors", "customer_factors_ungated", "customer_factors_recursive"
TITLES = {
    SES: "SES",
    FACTORS: "customer factors",
    UNGATED: "customer factors, gate ignored",
    RECURSIVE: "formula (4) by the letter, gate ignored",
    "naive": "naive: as the one before",
    "slow": "SES, alpha 0.02",
    "holt": "Holt",
    "damped": "damped trend",
    "choice": "several at once, as the device does",
    "own": "SES of the customer's own",
    "quantile": "SES and a margin: not exceeded by 70 %",
}


class Model(Protocol):
    """What all models of the device have."""

    def update(self, actual: int) -> None:
        """Take the next number."""

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the next number but h - 1, in 1/256."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The paper's parameters: alpha, b and rho from 0 to 1, alpha above 0; gamma likewise; limit_h, L, in hours."""

    alpha: float = 0.5
    b: float = 0.5
    rho: float = 0.5
    gamma: float = 1.0
    limit_h: float = 250.0

    def __post_init__(self) -> None:
        """Raise SimulatorError for one out of range."""
        for name in ("alpha", "b", "rho", "gamma"):
            value = getattr(self, name)
            if not 0 <= value <= 1 or (name == "alpha" and not as_gain(value)):
                raise SimulatorError(f"{name} is {value}; it is a number from 0 to 1{', above 0' * (name == 'alpha')}.")
        if not 0 <= self.limit_h <= VALUE_MAX / QUANTA_PER_HOUR:
            raise SimulatorError(f"the limit is {self.limit_h} h; it is from 0 to {VALUE_MAX // QUANTA_PER_HOUR} h.")


def as_gain(share: float) -> int:
    """Return a share of 0 to 1 in steps of 2**-15."""
    return gain(round(share * GAIN_ONE), GAIN_ONE)


class SeriesModels:
    """One series' models. The names of what `forecasts` returns are `names`. peers: whether to run more than two."""

    def __init__(self, parameters: Parameters, *, peers: bool = True) -> None:
        alpha, damping = as_gain(parameters.alpha), as_gain(parameters.b)
        bounds = {
            "rho": as_gain(parameters.rho),
            "gamma": as_gain(parameters.gamma),
            "limit": round(parameters.limit_h * QUANTA_PER_HOUR),
            "f_min": 0,
        }
        self.seen = 0
        self._factors = CustomerFactorSmoothing(alpha, damping, READY, **bounds)
        self._alpha = alpha
        self._own: dict[str, SimpleSmoothing] = {}
        self._peers: dict[str, Model] = {}
        self._recursive: RecursiveFactorSmoothing | None = None
        if peers:
            self._add_peers(alpha, damping, bounds)

    def _add_peers(self, alpha: int, damping: int, bounds: dict[str, int]) -> None:
        beta = gain(*_TREND_BETA)
        self._peers = {
            "naive": Naive(),
            "slow": SimpleSmoothing(gain(1, 50), _SLOW_WARM_UP),
            "holt": Holt(alpha, beta),
            "damped": DampedTrend(alpha, beta, gain(*_TREND_PHI)),
            "choice": Choice(),
            "quantile": QuantileTarget(alpha, gain(*_QUANTILE)),
        }
        try:
            self._recursive = RecursiveFactorSmoothing(alpha, damping, READY, **bounds)
            self._peers[RECURSIVE] = self._recursive
        except ValueError:  # with these parameters it would grow for ever; it is left out
            pass

    @property
    def ready(self) -> bool:
        """Whether enough has ended for a forecast."""
        return self.seen >= READY

    @property
    def names(self) -> list[str]:
        """The models, in the order of `forecasts`."""
        return [SES, FACTORS, UNGATED, *self._peers, "own"]

    def update(self, time_q: int, customer: str, ungated: int) -> None:
        """Take what an activity took, in 0.01 h. ungated: the weight of its customer before the gate, in 2**-15."""
        self.seen += 1
        self._factors.update(time_q)
        if self._recursive is not None:
            self._recursive.weigh(ungated)
        for model in self._peers.values():
            model.update(time_q)
        if not self._peers:
            return
        own = self._own.get(customer)
        if own is None:
            own = self._own[customer] = SimpleSmoothing(self._alpha, READY)
        own.update(time_q)

    def level_and_limit(self) -> tuple[int, int]:
        """Return the forecast without customer factors and the proportional forecast error, in ulps."""
        level = self._factors.level.forecast_ulps()
        return level, self._factors.pfe_ulps(level)

    def forecasts(self, customer: str, weight: int, ungated: int) -> list[int]:
        """Return what each model says of the customer's next activity, in ulps. weight, ungated: in 2**-15."""
        level = self._factors.level.forecast_ulps()
        self._factors.weigh(weight)
        gated_ulps = self._factors.forecast_ulps()
        self._factors.weigh(ungated)
        ungated_ulps = self._factors.forecast_ulps()
        own = self._own.get(customer)
        return [
            level,
            gated_ulps,
            ungated_ulps,
            *(model.forecast_ulps() for model in self._peers.values()),
            level if own is None else own.forecast_ulps(),
        ]
