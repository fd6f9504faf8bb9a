"""A level and a season that has to prove itself: what each day of the week lies above or below the level, begun at nothing.

    e = A - F;  level += a * e;  season of now += g * (1 - a) * e;  F(h) = level + season of then
    a = max(alpha, 1 / n), n numbers so far;  g = max(gamma, 1 / (c + 3)), c of this step of the season so far

This is the additive Holt-Winters method without trend, with another beginning: as if three seasons without any pattern had gone
before, so that a pattern seen once or twice is believed in part. Holt-Winters begins with two whole seasons and takes
their noise for pattern; on a month of days that is worse than no season at all.

>>> from headway_edge.core.forecast.fixed_point import gain
>>> model = SeasonalSmoothing(gain(1, 5), gain(1, 10), 7)
>>> for day in range(140):
...     model.update(9000 if day % 7 == 5 else 5000)
>>> model.forecast(5), model.forecast(6)
(5174, 8677)
"""

from array import array

from headway_edge.core.forecast.fixed_point import (
    GAIN_BITS,
    GAIN_ONE,
    STATE_MAX,
    add_times,
    check_gain,
    check_horizon,
    cut,
    times,
    to_quanta,
    to_ulps,
)
from headway_edge.core.forecast.naive import RESPONSE_BITS, SEASON_MAX

_COUNT, _AT, _SEASONS = 2, 3, 4
_DOUBT = 3  # seasons without a pattern, as if they had been seen
_COUNT_MAX = 1 << 14


class SeasonalSmoothing:
    """Level and season.

    alpha, gamma: gains. season: steps, 2..31. Memory: two numbers for each step of a season.
    """

    def __init__(self, alpha: int, gamma: int, season: int = 7) -> None:
        if not 2 <= season <= SEASON_MAX:
            raise ValueError("a season of %d steps: 2 to %d are possible" % (season, SEASON_MAX))
        self.alpha = check_gain("alpha", alpha, 1)
        self.gamma = check_gain("gamma", gamma)
        self.season = season
        self._cells = array("i", [0] * (_SEASONS + 2 * season))

    @property
    def ready(self) -> bool:
        """Whether a whole season has been seen."""
        return self._cells[_COUNT] >= self.season

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        cells = self._cells
        count = cells[_COUNT]
        seasons = count // self.season
        count += 1
        if count < _COUNT_MAX:
            cells[_COUNT] = count
        share = max(self.alpha, (GAIN_ONE + (count >> 1)) // count)
        here = _SEASONS + 2 * cells[_AT]
        less = cells[1] + cells[here + 1]
        error = to_ulps(actual) - cut(cells[0] + cells[here] + (less >> GAIN_BITS), STATE_MAX)
        less &= GAIN_ONE - 1
        add_times(cells, 0, share, error, less)
        seasons += _DOUBT + 1
        add_times(
            cells, here, times(max(self.gamma, (GAIN_ONE + (seasons >> 1)) // seasons), GAIN_ONE - share), error, less
        )
        self.skip()

    def skip(self) -> None:
        """Let a step of the season pass that there is no number of."""
        at = self._cells[_AT] + 1
        self._cells[_AT] = at if at < self.season else 0

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps; 0 before the first."""
        cells = self._cells
        there = _SEASONS + 2 * ((cells[_AT] + check_horizon(h) - 1) % self.season)
        less = cells[1] + cells[there + 1] + (GAIN_ONE >> 1)
        return cut(cells[0] + cells[there] + (less >> GAIN_BITS), STATE_MAX)

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        share = self.alpha
        if j % self.season == 0:
            share += times(self.gamma, GAIN_ONE - self.alpha)
        return share >> (GAIN_BITS - RESPONSE_BITS)

    def state(self) -> list:
        """The model as integers, for a checkpoint."""
        return list(self._cells)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._cells = array("i", state)
