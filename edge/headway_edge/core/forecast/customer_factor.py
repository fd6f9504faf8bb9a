"""Smoothing that is moved by what is known of the customer: customer-factor adapted exponential smoothing.

After "Increase Accuracy of Service Costing using Customer Involvement" (SIG SVC workshop, 2013), whose formula (4) adds a
customer-factor weight w from -1 to 1, a second smoothing factor b from 0 to 1 and a proportional forecast error PFE to
simple smoothing. Its symbols are lost in the copies there are, so these are reconstructions, held to: without a factor it is
simple smoothing, it is bounded, more w never forecasts less, b damps, units fit.

CustomerFactorSmoothing ("R1"), the usual one. The factor stays outside of the recursion, where a wrong one cannot add up:

    S += alpha * (A - S);  D: smoothed |A - S|                       (`error_scale`)
    PFE = min(rho * max(S, s_min), gamma * D, limit)
    F = S + (1 - b) * w * PFE, moved no further than f_min or f_max

With w = 0 or b = 1 it is simple smoothing to the bit, and |F - S| is at most (1 - b) * PFE.

RecursiveFactorSmoothing ("R2"), the closest to the letter; here b = 0 or w = 0 is simple smoothing to the bit:

    F' = alpha * A + (1 - alpha) * (F + b * w * PFE), PFE of F, and F + b * w * PFE no further than f_min or f_max

What w adds comes back through F: with PFE = rho * F and constant A it ends at alpha * A / (1 - (1 - alpha) * (1 + b * w * rho)).

QuantileTarget ("R1-asym") says openly what the paper wants of its factor, never to plan too little: a quantile of what is to
come, in place of the middle.

    F = S + q;  q += eta * D * (tau - [A <= F])                      (online pinball step)

>>> from headway_edge.core.forecast.fixed_point import gain
>>> model = CustomerFactorSmoothing(gain(1, 2), gain(1, 2), limit=250)
>>> for hours in (100, 140, 100, 120):
...     model.update(hours)
>>> model.weigh(gain(1, 1))
>>> up = model.forecast()
>>> model.weigh(0)
>>> up, model.forecast()
(127, 115)
"""

from array import array

from headway_edge.core.forecast.error_scale import ErrorScale
from headway_edge.core.forecast.fixed_point import (
    GAIN_ONE,
    STATE_MAX,
    VALUE_MAX,
    add_times,
    check_gain,
    cut,
    rounded,
    times,
    to_quanta,
    to_ulps,
)
from headway_edge.core.forecast.growth import grows
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing

UNBOUNDED = -1  # as gamma: PFE does not depend on the errors
_TENTH = (2 * GAIN_ONE + 10) // 20
_QUARTER = GAIN_ONE // 4


class CustomerFactorSmoothing:
    """R1: simple smoothing, moved outside of the recursion.

    alpha, b: gains; warm_up: as of SimpleSmoothing. rho: a gain, 0.5 unless given. gamma: a gain, 1 unless given, or UNBOUNDED.
    limit, s_min, f_min, f_max: quanta, without effect unless given. delta: the gain of D, 0.1 unless given. `weigh` sets w
    before a forecast is asked for.
    """

    def __init__(
        self,
        alpha: int,
        b: int,
        warm_up: int = 3,
        rho: int = GAIN_ONE // 2,
        gamma: int = GAIN_ONE,
        limit: int = VALUE_MAX,
        s_min: int = 0,
        f_min: int = -VALUE_MAX,
        f_max: int = VALUE_MAX,
        delta: int = _TENTH,
    ) -> None:
        self.b = check_gain("b", b)
        self.rho = check_gain("rho", rho)
        self.gamma = check_gain("gamma", gamma, UNBOUNDED)
        if limit < 0 or s_min < 0:
            raise ValueError("limit %d and s_min %d: sizes in quanta, 0 or more" % (limit, s_min))
        if f_min > f_max:
            raise ValueError("f_min %d lies over f_max %d" % (f_min, f_max))
        self.limit, self.s_min = to_ulps(limit), to_ulps(s_min)
        self.f_min, self.f_max = to_ulps(f_min), to_ulps(f_max)
        self.level = SimpleSmoothing(alpha, warm_up)
        self.scale = ErrorScale(delta)
        self.weight = 0
        self._seen = 0

    @property
    def ready(self) -> bool:
        """Whether the level's warm-up is over."""
        return self.level.ready

    def weigh(self, weight: int) -> None:
        """Set w, the customer-factor weight, in 1/32768 from -1 to 1. Raises ValueError."""
        self.weight = check_gain("w", weight, -GAIN_ONE)

    def pfe_ulps(self, level: int) -> int:
        """Return PFE in ulps at a level in ulps; 0 or more."""
        pfe = min(times(self.rho, max(level, self.s_min)), self.limit)
        if self.gamma != UNBOUNDED:
            pfe = min(pfe, times(self.gamma, self.scale.ulps()))
        return max(0, pfe)

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        if self._seen:
            self.scale.update(to_ulps(actual) - self.level.forecast_ulps())
        self._seen = 1
        self.level.update(actual)

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, at the present weight, in ulps."""
        level = self.level.forecast_ulps(h)
        return level + self._moved(level, GAIN_ONE - self.b)

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead, at the present weight, in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        return self.level.response(j)

    def state(self) -> list:
        """The model as integers, for a checkpoint; the weight is part of it."""
        return [self._seen, self.weight] + self.level.state() + self.scale.state()

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._seen, self.weight = state[:2]
        self.level.restore(state[2:5])
        self.scale.restore(state[5:])

    def _moved(self, level: int, share: int) -> int:
        # share * w * PFE. A level that lies beyond f_min or f_max of its own accord stays there.
        weight = self.weight
        if weight >= 0:
            return min(times(times(share, weight), self.pfe_ulps(level)), max(0, self.f_max - level))
        return -min(times(times(share, -weight), self.pfe_ulps(level)), max(0, level - self.f_min))


class RecursiveFactorSmoothing(CustomerFactorSmoothing):
    """R2: the factor within the recursion. The weight is that which is set when a number is taken.

    Parameters as of CustomerFactorSmoothing. Raises ValueError where it `grows` for ever.
    """

    def __init__(self, alpha: int, b: int, warm_up: int = 3, **others: int) -> None:
        CustomerFactorSmoothing.__init__(self, alpha, b, warm_up, **others)
        if grows(alpha, b, self.rho):
            raise ValueError(
                "alpha %d, b %d and rho %d: a forecast that feeds itself grows for ever unless b * rho is under"
                " alpha / (1 - alpha); take a greater alpha or a smaller b" % (alpha, b, self.rho)
            )

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        by = self._moved(self.level.forecast_ulps(), self.b) if self._seen else 0
        CustomerFactorSmoothing.update(self, actual)
        self.level.move(times(GAIN_ONE - self.level.alpha, by))

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps."""
        return self.level.forecast_ulps(h)


class QuantileTarget:
    """R1-asym: what a share tau of the numbers to come does not exceed.

    alpha: the level's gain. tau: a gain, 0.02 to 0.98. eta: the step as a gain of the error scale. In the long run about a share
    tau of numbers is at or below the forecast, whatever their distribution.
    """

    def __init__(self, alpha: int, tau: int, eta: int = _QUARTER, warm_up: int = 3, delta: int = _TENTH) -> None:
        self.tau = check_gain("tau", tau, GAIN_ONE // 50, GAIN_ONE - GAIN_ONE // 50)
        self.eta = check_gain("eta", eta, 1)
        self.level = SimpleSmoothing(alpha, warm_up)
        self.scale = ErrorScale(delta)
        self._cells = array("i", [0, 0, 0])

    @property
    def ready(self) -> bool:
        """Whether the level's warm-up is over."""
        return self.level.ready

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        cells = self._cells
        if cells[2]:
            ulps = to_ulps(actual)
            level = self.level.forecast_ulps()
            self.scale.update(ulps - level)
            step = times(self.eta, self.scale.ulps())
            under = ulps <= level + rounded(cells, 0)
            add_times(cells, 0, GAIN_ONE - self.tau if under else self.tau, -step if under else step)
        cells[2] = 1
        self.level.update(actual)

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the quantile h steps ahead, 1..56, in ulps."""
        return cut(self.level.forecast_ulps(h) + rounded(self._cells, 0), STATE_MAX)

    def forecast(self, h: int = 1) -> int:
        """Return the quantile h steps ahead in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        return self.level.response(j)

    def state(self) -> list:
        """The model as integers, for a checkpoint."""
        return list(self._cells) + self.level.state() + self.scale.state()

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._cells = array("i", state[:3])
        self.level.restore(state[3:6])
        self.scale.restore(state[6:])
