"""The EWMA chart: an exponentially weighted mean of standardised numbers, and limits that widen as it settles.

    z = w x + (1 - w) z        limits  +-L sqrt(w / (2 - w) (1 - (1 - w)^(2 t)))

(Roberts 1959; limits as in the NIST/SEMATECH handbook, 6.3.2.4.) With w = 0.2 and L = 2.96 it gives a false alarm every
500 normal numbers on average where their mean and deviation are known; with L = 2.86, every 370 (Lucas and Saccucci 1990).

>>> chart = EwmaChart()
>>> [chart.update(x << 12) for x in (-1, 2, 2, 2, 2)]
[0, 0, 0, 0, 1]
>>> chart.since, chart.size_q12 / 4096
(4, 2.0)
"""

from headway_edge.core.forecast.fixed_point import gain, times
from headway_edge.core.integer_root import root

WEIGHT = gain(1, 5)
WIDTH_Q8 = 758  # L = 2.961
_GAIN_Q5_SHIFT = 5  # from a gain in 2**-15 to 2**-10


class EwmaChart:
    """A chart of numbers in 1/4096 of their spread.

    weight: gain w, 0.05 to 0.5. width_q8: L in 1/256, 1 to 4. After a signal it starts again. `since` and `size_q12` tell of
    the last signal: how many numbers before it, itself included, the mean left the centre, and how far it is from it now.
    Nothing is allocated by an update.
    """

    def __init__(self, weight: int = WEIGHT, width_q8: int = WIDTH_Q8) -> None:
        if not gain(1, 20) <= weight <= gain(1, 2) or not 256 <= width_q8 <= 1024:
            raise ValueError("an EWMA chart of weight %d/32768 and width %d/256" % (weight, width_q8))
        self._weight = weight
        self._width_q8 = width_q8
        weight_q10 = weight >> _GAIN_Q5_SHIFT
        self._grow_q20 = weight_q10 * weight_q10
        self._keep_q10 = (1024 - weight_q10) * (1024 - weight_q10) >> 10
        self.since = 0
        self.size_q12 = 0
        self.reset()

    def reset(self) -> None:
        """Start again from the centre."""
        self.mean_q12 = 0
        self.limit_q12 = 0
        self._variance_q20 = 0  # of the mean, in squares of the spread
        self._left = 0  # numbers since the mean was last on the other side
        self._sum_q12 = 0  # of them

    def update(self, x_q12: int) -> int:
        """Take one number; return 1 for a signal upwards, -1 for one downwards, 0 for none."""
        mean_q12 = self.mean_q12 + times(self._weight, x_q12 - self.mean_q12)
        variance_q20 = self._grow_q20 + (self._variance_q20 * self._keep_q10 >> 10)
        if variance_q20 != self._variance_q20:
            self._variance_q20 = variance_q20
            self.limit_q12 = self._width_q8 * root(variance_q20 << 10) >> 11
        if (mean_q12 > 0) != (self.mean_q12 > 0) or not self._left:
            self._left = 0
            self._sum_q12 = 0
        if self._left < 1 << 14:
            self._left += 1
            self._sum_q12 += x_q12
        self.mean_q12 = mean_q12
        if -self.limit_q12 <= mean_q12 <= self.limit_q12:
            return 0
        self.since = self._left
        self.size_q12 = self._sum_q12 // self._left
        self.reset()
        return 1 if mean_q12 > 0 else -1

    def state(self) -> list:
        """The chart as integers, for a checkpoint."""
        return [self.mean_q12, self.limit_q12, self._variance_q20, self._left, self._sum_q12, self.since, self.size_q12]

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a chart of the same parameters."""
        self.mean_q12, self.limit_q12, self._variance_q20, self._left, self._sum_q12, self.since, self.size_q12 = state

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 7
