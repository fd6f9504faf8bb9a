"""The forecasts that any other has to beat: the same as last time, and the same as one season ago.

>>> model = SeasonalNaive(7)
>>> for steps in (5000, 6000, 7000, 5500, 6500, 12000, 9000):
...     model.update(steps)
>>> model.forecast(), model.forecast(6), model.forecast(8)
(5000, 12000, 5000)
"""

from array import array

from headway_edge.core.forecast.fixed_point import FRACTION_BITS, VALUE_MAX, check_horizon, cut

RESPONSE_BITS = 12
SEASON_MAX = 31


class SeasonalNaive:
    """What was one season ago, and until there is such, what was last.

    season: steps in a season, 1..31. Memory: a number for each step of a season.
    """

    def __init__(self, season: int = 7) -> None:
        if not 1 <= season <= SEASON_MAX:
            raise ValueError("a season of %d steps: 1 to %d are possible" % (season, SEASON_MAX))
        self.season = season
        self._past = array("i", [0] * season)
        self._at = 0
        self._filled = 0

    @property
    def ready(self) -> bool:
        """Whether a whole season has been seen."""
        return self._filled == self.season

    def update(self, actual: int) -> None:
        """Take the next number, in quanta."""
        at = self._at
        self._past[at] = cut(actual, VALUE_MAX)
        at += 1
        self._at = at if at < self.season else 0
        if self._filled < self.season:
            self._filled += 1

    def forecast_ulps(self, h: int = 1) -> int:
        """Return the number h steps ahead, 1..56, in ulps; 0 before the first."""
        check_horizon(h)
        if self._filled < self.season:
            return self._past[self._at - 1] << FRACTION_BITS
        return self._past[(self._at + h - 1) % self.season] << FRACTION_BITS

    def forecast(self, h: int = 1) -> int:
        """Return the number h steps ahead in quanta."""
        return self.forecast_ulps(h) >> FRACTION_BITS

    def response(self, j: int) -> int:
        """Return how much of an error of now is in the forecast j steps later, in 2**-12."""
        return 1 << RESPONSE_BITS if j % self.season == 0 else 0

    def state(self) -> list:
        """The model as integers, for a checkpoint."""
        return [self._at, self._filled] + list(self._past)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a model of the same parameters."""
        self._at, self._filled = state[:2]
        self._past = array("i", state[2:])


class Naive(SeasonalNaive):
    """What was last."""

    def __init__(self) -> None:
        SeasonalNaive.__init__(self, 1)
