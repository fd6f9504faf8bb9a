"""A level and a trend: Holt's method, and the damped trend that flattens out.

    e = A - F;  level += phi * trend + alpha * e;  trend = phi * trend + alpha * beta * e
    F(h) = level + (phi + phi**2 + ... + phi**h) * trend

With phi = 1 this is Holt's (1957); under 1, Gardner and McKenzie's (1985), the safer one for more than a step ahead. The
trend begins at 0 and the level at the first number: the difference of the first two would be mostly noise.

>>> from headway_edge.core.forecast.fixed_point import gain
>>> model = Holt(gain(1, 2), gain(1, 2))
>>> for week in range(40):
...     model.update(1000 + 10 * week)
>>> model.forecast(), model.forecast(10)
(1400, 1490)
"""

from array import array

from headway_edge.core.forecast.fixed_point import (
    GAIN_BITS,
    GAIN_ONE,
    STATE_MAX,
    add_cell,
    add_times,
    check_gain,
    check_horizon,
    cut,
    put,
    rounded,
    scale,
    times,
    to_quanta,
    to_ulps,
)
from headway_edge.core.forecast.naive import RESPONSE_BITS

_LEVEL, _TREND, _AHEAD, _SUM, _COUNT = 0, 2, 4, 6, 8
READY = 3


class DampedTrend:
    """Level and damped trend.

    alpha, beta, phi: gains, 1..32768, 0..32768, 1..32768. `trend_gain` is alpha * beta as it is used, itself a gain: its
    rounding is the one thing in which this differs from the formulas; but for it, it is off by about half an ulp.
    """

    def __init__(self, alpha: int, beta: int, phi: int) -> None:
        self.alpha = check_gain("alpha", alpha, 1)
        self.beta = check_gain("beta", beta)
        self.phi = check_gain("phi", phi, 1)
        self.trend_gain = times(alpha, beta)
        self._cells = array("i", [0] * 9)

    @property
    def ready(self) -> bool:
        """Whether three numbers have been seen."""
        return self._cells[_COUNT] >= READY

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        cells = self._cells
        ulps = to_ulps(actual)
        count = cells[_COUNT]
        if count < READY:
            cells[_COUNT] = count + 1
            if count == 0:
                put(cells, _LEVEL, ulps)
                return
        scale(cells, _TREND, self.phi)
        add_cell(cells, _LEVEL, _TREND)
        error = ulps - cells[_LEVEL]
        less = cells[_LEVEL + 1]
        add_times(cells, _LEVEL, self.alpha, error, less)
        add_times(cells, _TREND, self.trend_gain, error, less)

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps; 0 before the first."""
        cells = self._cells
        for i in range(2):
            cells[_SUM + i] = cells[_LEVEL + i]
            cells[_AHEAD + i] = cells[_TREND + i]
        for _ in range(check_horizon(h)):
            scale(cells, _AHEAD, self.phi)
            add_cell(cells, _SUM, _AHEAD)
        return cut(rounded(cells, _SUM), STATE_MAX)

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        power, sum_of_powers = GAIN_ONE, 0
        for _ in range(j):
            power = times(self.phi, power)
            sum_of_powers += power
        return (self.alpha + times(self.trend_gain, sum_of_powers)) >> (GAIN_BITS - RESPONSE_BITS)

    def state(self) -> list:
        """The model as integers, for a checkpoint."""
        return list(self._cells[:_AHEAD]) + [self._cells[_COUNT]]

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._cells = array("i", state[:_AHEAD] + [0] * (_COUNT - _AHEAD) + state[_AHEAD:])


class Holt(DampedTrend):
    """Level and undamped trend. alpha, beta: gains."""

    def __init__(self, alpha: int, beta: int) -> None:
        DampedTrend.__init__(self, alpha, beta, GAIN_ONE)
