"""Level, trend and a season that is added on: the additive Holt-Winters method (Winters 1960; Hyndman's ETS(A,A,A)).

    e = A - F;  level += trend + alpha * e;  trend += alpha * beta * e;  season of now += gamma * (1 - alpha) * e
    F(h) = level + h * trend + season of then

The first two seasons begin it: the trend is the difference of their means, the season the mean of what each step lies above
or below the line through both. Until then the forecast is the mean of what there was.

>>> from headway_edge.core.forecast.fixed_point import gain
>>> model = HoltWinters(gain(1, 10), gain(0, 1), gain(1, 10), 7)
>>> week = (5000, 6000, 7000, 5500, 6500, 12000, 9000)
>>> for day in range(28):
...     model.update(week[day % 7] + 10 * day)
>>> [model.forecast(h) - 10 * (27 + h) for h in range(1, 8)] == list(week)
True
"""

from array import array

from headway_edge.core.forecast.fixed_point import (
    FRACTION_BITS,
    GAIN_BITS,
    GAIN_ONE,
    STATE_MAX,
    VALUE_MAX,
    add_cell,
    add_times,
    check_gain,
    check_horizon,
    cut,
    put,
    times,
    to_quanta,
    to_ulps,
)
from headway_edge.core.forecast.naive import RESPONSE_BITS

SEASON_MAX = 31
_LEVEL, _TREND, _COUNT, _AT, _SEASONS = 0, 2, 4, 5, 6


class HoltWinters:
    """Level, trend and an additive season.

    alpha, beta, gamma: gains, 1..32768, 0..32768, 0..32768. season: steps, 2..31. `trend_gain` and `season_gain` are
    alpha * beta and gamma * (1 - alpha) as they are used, rounded to gains. Memory: two numbers for each step of a season.
    """

    def __init__(self, alpha: int, beta: int, gamma: int, season: int = 7) -> None:
        if not 2 <= season <= SEASON_MAX:
            raise ValueError("a season of %d steps: 2 to %d are possible" % (season, SEASON_MAX))
        self.alpha = check_gain("alpha", alpha, 1)
        self.beta = check_gain("beta", beta)
        self.gamma = check_gain("gamma", gamma)
        self.season = season
        self.trend_gain = times(alpha, beta)
        self.season_gain = times(gamma, GAIN_ONE - alpha)
        # In the first two seasons the places of the seasons hold the numbers themselves.
        self._cells = array("i", [0] * (_SEASONS + 2 * season))

    @property
    def ready(self) -> bool:
        """Whether two seasons have been seen."""
        return self._cells[_COUNT] >= 2 * self.season

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        cells = self._cells
        count = cells[_COUNT]
        if count < 2 * self.season:
            cells[_SEASONS + count] = cut(actual, VALUE_MAX)
            cells[_COUNT] = count + 1
            if count + 1 == 2 * self.season:
                self._begin()
            return
        add_cell(cells, _LEVEL, _TREND)
        at = cells[_AT]
        here = _SEASONS + 2 * at
        less = cells[_LEVEL + 1] + cells[here + 1]
        error = to_ulps(actual) - cut(cells[_LEVEL] + cells[here] + (less >> GAIN_BITS), STATE_MAX)
        less &= GAIN_ONE - 1
        add_times(cells, _LEVEL, self.alpha, error, less)
        add_times(cells, _TREND, self.trend_gain, error, less)
        add_times(cells, here, self.season_gain, error, less)
        at += 1
        cells[_AT] = at if at < self.season else 0

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps; 0 before the first."""
        check_horizon(h)
        cells = self._cells
        count = cells[_COUNT]
        if count < 2 * self.season:
            total = sum([cells[_SEASONS + i] for i in range(count)])
            return _mean_ulps(total, count) if count else 0
        there = _SEASONS + 2 * ((cells[_AT] + h - 1) % self.season)
        less = cells[_LEVEL + 1] + cells[_TREND + 1] * h + cells[there + 1] + (GAIN_ONE >> 1)
        return cut(cells[_LEVEL] + cells[_TREND] * h + cells[there] + (less >> GAIN_BITS), STATE_MAX)

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        share = self.alpha + j * self.trend_gain
        if j % self.season == 0:
            share += self.season_gain
        return share >> (GAIN_BITS - RESPONSE_BITS)

    def state(self) -> list:
        """The model as integers, for a checkpoint."""
        return list(self._cells)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._cells = array("i", state)

    def _begin(self) -> None:
        # All of it in ulps, in place: step i of the season takes the places of the numbers 2 * i and 2 * i + 1 only after
        # both have been read, so the numbers are paired up first.
        cells = self._cells
        season = self.season
        first = second = 0
        for i in range(season):
            first += cells[_SEASONS + i]
            second += cells[_SEASONS + season + i]
        # Means of up to 31 values of 2**28 ulps: quotient and rest apart, so that the sums stay small.
        first = _mean_ulps(first, season)
        second = _mean_ulps(second, season)
        # The trend with its remainder: half an ulp of it would be half an ulp / alpha of the level.
        trend = (second - first) // season
        rest = second - first - trend * season
        self._pair_up()
        for i in range(season):
            here = _SEASONS + 2 * i
            both = (cells[here] << (FRACTION_BITS - 1)) + (cells[here + 1] << (FRACTION_BITS - 1))
            # Less the line at the mean of steps i and i + season; all of it twice, for the halves.
            steps = 2 * i - season + 1
            twice = 2 * both - (first + second + trend * steps + rest * steps // season)
            cells[here] = cut(twice >> 1, STATE_MAX)
            cells[here + 1] = (twice & 1) << (GAIN_BITS - 1)
        steps = season - 1
        put(cells, _LEVEL, cut(second + ((trend * steps + rest * steps // season) >> 1), STATE_MAX))
        cells[_TREND] = trend
        cells[_TREND + 1] = (rest << GAIN_BITS) // season

    def _pair_up(self) -> None:
        # a0 a1 a2 b0 b1 b2 to a0 b0 a1 b1 a2 b2: each b is carried down to its place.
        cells = self._cells
        for i in range(self.season):
            j = _SEASONS + self.season + i
            number = cells[j]
            to = _SEASONS + 2 * i + 1
            while j > to:
                cells[j] = cells[j - 1]
                j -= 1
            cells[to] = number


def _mean_ulps(total: int, count: int) -> int:
    # total: quanta, up to 31 * 2**20.
    whole = total // count
    return (whole << FRACTION_BITS) + (((total - whole * count) << FRACTION_BITS) + (count >> 1)) // count
