"""Which forecast to believe: several models side by side, each heard as far as its own errors have earned it.

Six simple smoothings (alpha 0.05 to 0.8) and a damped trend run at once. Each keeps its smoothed mean error D (delta 0.02),
and they speak together, with weights of 1 / D**4, from 32 numbers on 1 / D**8, from 64 on 1 / D**16: the mean of all while
they are equally good, next to one of them where it is surely better. Choosing the best one alone, even with hysteresis,
forecasts worse: on a short series the best so far is mostly the luckiest. (Combining as such: Bates and Granger,
Operational Research Quarterly 20, 1969; the powers are ours.) By the length of the series:

    under 8 numbers   simple smoothing with alpha 0.3, which begins as the mean of what there is
    from 8            the combination
    from 21           with a season: `seasonal_smoothing` alone as soon as its error over the last weeks is under 0.9 of the
                      combination's, and until it is no longer under it

>>> model = Choice()
>>> for steps in (5000, 6000, 7000, 5500, 6500, 12000, 9000, 5200, 6100, 6900):
...     model.update(steps)
>>> model.forecast(), model.speaks()
(6907, 1)
"""

from array import array

from headway_edge.core.forecast.error_scale import ErrorScale
from headway_edge.core.forecast.fixed_point import (
    GAIN_BITS,
    GAIN_ONE,
    add_times,
    check_horizon,
    gain,
    rounded,
    times,
    to_quanta,
    to_ulps,
)
from headway_edge.core.forecast.naive import RESPONSE_BITS
from headway_edge.core.forecast.seasonal_smoothing import SeasonalSmoothing
from headway_edge.core.forecast.trend import DampedTrend

BEGINNING, TOGETHER, SEASON = range(3)  # who speaks
ALPHAS = (gain(1, 20), gain(1, 10), gain(1, 5), gain(3, 10), gain(1, 2), gain(4, 5))
_USUAL = 3  # of ALPHAS, at the beginning
_MODELS = len(ALPHAS) + 1
_TOGETHER_FROM = 8
_SEASON_FROM = 21
_DELTA = gain(1, 50)
_SURER_FROM, _SUREST_FROM = 32, 64  # numbers, from which weights are powers of 8 and 16
_ENTER = gain(9, 10)
_COUNT_MAX = 1 << 14
# In the array: a cell for each level, a cell for each error scale, shares, count, who speaks.
_SCALES = 2 * len(ALPHAS)
_SHARES = _SCALES + 2 * _MODELS
_COUNT = _SHARES + _MODELS
_SPEAKS = _COUNT + 1
_NUMBERS = _SPEAKS + 1


class Choice:
    """Several models and which of them speak.

    season: steps in a season, 2..31, or 0 for series that have none, such as trips. With a season call `skip` for a step
    without a number. Memory: 50 numbers, with a season of 7 another 30; nothing is allocated by an update.
    """

    def __init__(self, season: int = 0) -> None:
        self._cells = array("i", [0] * _NUMBERS)
        self._trend = DampedTrend(gain(1, 5), gain(1, 10), gain(9, 10))
        self._season = SeasonalSmoothing(gain(1, 5), gain(1, 10), season) if season else None
        # Of the season and of the combination, since there was the first of both.
        self._season_scale = ErrorScale(_DELTA)
        self._together_scale = ErrorScale(_DELTA)

    @property
    def ready(self) -> bool:
        """Whether the combination may speak."""
        return self._cells[_COUNT] >= _TOGETHER_FROM

    def speaks(self) -> int:
        """Return who speaks: BEGINNING, TOGETHER or SEASON."""
        return self._cells[_SPEAKS]

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        cells = self._cells
        ulps = to_ulps(actual)
        count = cells[_COUNT]
        if count:
            self._judge(ulps, count)
        count += 1
        share = (GAIN_ONE + (count >> 1)) // count
        for i in range(len(ALPHAS)):
            alpha = ALPHAS[i]
            add_times(cells, 2 * i, alpha if alpha > share else share, ulps - cells[2 * i], cells[2 * i + 1])
        self._trend.update(actual)
        if self._season is not None:
            self._season.update(actual)
        if count < _COUNT_MAX:
            cells[_COUNT] = count
        self._weigh()
        if count >= _TOGETHER_FROM and cells[_SPEAKS] == BEGINNING:
            cells[_SPEAKS] = TOGETHER
        if count >= _SEASON_FROM and self._season is not None:
            self._let_speak()

    def skip(self) -> None:
        """Let a step of the season pass that there is no number of."""
        if self._season is not None:
            self._season.skip()

    def _judge(self, ulps: int, count: int) -> None:
        # What each had said of the number that has come; `count` numbers came before it.
        cells = self._cells
        share = max(_DELTA, (GAIN_ONE + (count >> 1)) // count)
        for i in range(_MODELS):
            error = ulps - self._said(i, 1)
            at = _SCALES + 2 * i
            add_times(cells, at, share, (error if error >= 0 else -error) - cells[at], cells[at + 1])
        if self._season is not None:
            self._season_scale.update(ulps - self._season.forecast_ulps())
            self._together_scale.update(ulps - self._together(1))

    def _weigh(self) -> None:
        cells = self._cells
        best = _SCALES
        for i in range(1, _MODELS):
            if cells[_SCALES + 2 * i] < cells[best]:
                best = _SCALES + 2 * i
        # Only the ratios count: 14 bits of the smallest are kept. 1 more, so as not to divide by 0.
        count = cells[_COUNT]
        squarings = 2 if count < _SURER_FROM else 3 if count < _SUREST_FROM else 4
        shift = 0
        while cells[best] >> shift >= 1 << 14:
            shift += 1
        least = (cells[best] >> shift) + 1
        total = 0
        for i in range(_MODELS):
            weight = (least << GAIN_BITS) // ((cells[_SCALES + 2 * i] >> shift) + 1)
            for _ in range(squarings):
                weight = times(weight, weight)
            # Half of it, so that all of them and 15 bits more fit.
            weight >>= 1
            cells[_SHARES + i] = weight
            total += weight
        rest = GAIN_ONE
        for i in range(_MODELS):
            share = (cells[_SHARES + i] << GAIN_BITS) // total
            cells[_SHARES + i] = share
            rest -= share
        # What rounding down has left over, so that they add up to 1.
        cells[_SHARES + (best - _SCALES) // 2] += rest

    def _let_speak(self) -> None:
        cells = self._cells
        season, together = self._season_scale.ulps(), self._together_scale.ulps()
        if cells[_SPEAKS] == TOGETHER and season < times(_ENTER, together):
            cells[_SPEAKS] = SEASON
        elif cells[_SPEAKS] == SEASON and season >= together:
            cells[_SPEAKS] = TOGETHER

    def _said(self, i: int, h: int) -> int:
        return rounded(self._cells, 2 * i) if i < len(ALPHAS) else self._trend.forecast_ulps(h)

    def _together(self, h: int) -> int:
        cells = self._cells
        total = 0
        for i in range(_MODELS):
            total += times(cells[_SHARES + i], self._said(i, h))
        return total

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps; 0 before the first."""
        check_horizon(h)
        who = self._cells[_SPEAKS]
        if who == BEGINNING:
            return self._said(_USUAL, h)
        if who == SEASON and self._season is not None:
            return self._season.forecast_ulps(h)
        return self._together(h)

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead in quanta, half up."""
        return to_quanta(self.forecast_ulps(h))

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        who = self._cells[_SPEAKS]
        if who == SEASON and self._season is not None:
            return self._season.response(j)
        if who == BEGINNING:
            return ALPHAS[_USUAL] >> (GAIN_BITS - RESPONSE_BITS)
        total = times(self._cells[_COUNT - 1], self._trend.response(j))
        for i in range(len(ALPHAS)):
            total += times(self._cells[_SHARES + i], ALPHAS[i]) >> (GAIN_BITS - RESPONSE_BITS)
        return total

    def shares(self) -> list:
        """Return how much each speaks in the combination, as gains that add up to 1: six alphas, then the damped trend."""
        return list(self._cells[_SHARES:_COUNT])

    def state(self) -> list:
        """The models as integers, for a checkpoint."""
        state = list(self._cells) + self._trend.state()
        if self._season is not None:
            state += self._season_scale.state() + self._together_scale.state() + self._season.state()
        return state

    def restore(self, state: list) -> None:
        """Go on from `state`, given by one of the same season."""
        at = _NUMBERS
        self._cells = array("i", state[:at])
        trend = len(self._trend.state())
        self._trend.restore(state[at : at + trend])
        at += trend
        if self._season is not None:
            self._season_scale.restore(state[at : at + 3])
            self._together_scale.restore(state[at + 3 : at + 6])
            self._season.restore(state[at + 6 :])
