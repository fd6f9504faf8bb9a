"""Simple exponential smoothing (SES): a level that follows the series by a share alpha of each error.

    e = A - F;  level += alpha * e;  F(h) = level                              (Brown 1959; Hyndman's ETS(A,N,N))

For a fixed alpha the errors telescope: their sum is (F at the end - F at the start) / alpha, whatever the series. So a sum of
errors near 0 says nothing about how good such a forecast is.

>>> from headway_edge.core.forecast.fixed_point import gain
>>> model = SimpleSmoothing(gain(1, 2))
>>> for hours in (100, 200, 160):
...     model.update(hours)
>>> model.forecast(), model.forecast_ulps()
(155, 39680)
"""

from array import array

from headway_edge.core.forecast.fixed_point import (
    GAIN_BITS,
    GAIN_ONE,
    add_times,
    check_gain,
    check_horizon,
    rounded,
    to_quanta,
    to_ulps,
)
from headway_edge.core.forecast.naive import RESPONSE_BITS

_COUNT = 2
_WARM_UP_MAX = 100


class SimpleSmoothing:
    """SES.

    alpha: a gain, 1..32768. warm_up: for so many numbers at the start, 1..100, the level is their mean, or follows faster
    than that if alpha is greater: the nth number enters with max(alpha, 1/n). With warm_up 1 the level begins at the first
    number. Against exact arithmetic it is off by half an ulp.
    """

    def __init__(self, alpha: int, warm_up: int = 3) -> None:
        self.alpha = check_gain("alpha", alpha, 1)
        if not 1 <= warm_up <= _WARM_UP_MAX:
            raise ValueError("a warm-up of %d numbers: 1 to %d are possible" % (warm_up, _WARM_UP_MAX))
        self.warm_up = warm_up
        self._cells = array("i", [0, 0, 0])

    @property
    def ready(self) -> bool:
        """Whether the warm-up is over."""
        return self._cells[_COUNT] >= self.warm_up

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        cells = self._cells
        alpha = self.alpha
        count = cells[_COUNT]
        if count < self.warm_up:
            count += 1
            cells[_COUNT] = count
            alpha = max(alpha, (GAIN_ONE + (count >> 1)) // count)
        add_times(cells, 0, alpha, to_ulps(actual) - cells[0], cells[1])

    def move(self, ulps: int) -> None:
        """Move the level by something that is not its error."""
        add_times(self._cells, 0, GAIN_ONE, ulps)

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps; 0 before the first."""
        check_horizon(h)
        return rounded(self._cells, 0)

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:  # noqa: ARG002 - the same face as the other models
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        return self.alpha >> (GAIN_BITS - RESPONSE_BITS)

    def state(self) -> list:
        """The model as integers, for a checkpoint."""
        return list(self._cells)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._cells = array("i", state)
