"""What is usual for one person: centre and spread of a characteristic's first numbers, then frozen.

The spread is found in two steps. 1.4826 times the median distance from the centre is the standard deviation of normal numbers,
and up to half of the numbers may be anything without moving it far; but it is a quarter too small where numbers now and then
lie far out, as trips do. So it only says what lies far out: the spread is the root mean square of the distances, each counted
as 3 of those at most.

Forecast errors have their centre at 0 by construction, and the baseline takes it from there: the median of twenty would be
off by a quarter of the spread, and of lopsided errors by more, which makes false alarms twice as frequent and worse
(docs/control-charts.md). Numbers that are no errors have their centre at the median.

>>> baseline = RobustBaseline(errors=True, count=5)
>>> [baseline.add(error) for error in (-40, 10, 3000, -20, 30)]
[False, False, False, False, True]
>>> baseline.spread_q4 / 16, baseline.standardised(128), baseline.standardised(-1000)
(64.375, 8144, -16384)
"""

from array import array

from headway_edge.core.forecast.fixed_point import cut
from headway_edge.core.fraction import ONE_Q12, quotient_q12
from headway_edge.core.integer_root import root

COUNT = 20  # numbers that make a baseline
ERROR_MAX = (1 << 19) - 1  # quanta; what is larger is cut
STANDARDISED_MAX_Q12 = 4 * ONE_Q12
_ONE_Q4 = 16
_MEDIAN_Q12 = 6073  # 1.4826
_MEAN_Q12 = 5133  # 1.2533: the same for the mean distance
_FAR_Q12 = 3 * ONE_Q12


class RobustBaseline:
    """Centre and spread of the first `count` numbers.

    errors: whether the numbers are forecast errors, so that the centre is 0. count: 5 to 64. Memory: 4 bytes a number.
    Nothing is allocated after construction, but the list of `state`.
    """

    def __init__(self, errors: bool, count: int = COUNT) -> None:
        if not 5 <= count <= 64:
            raise ValueError("a baseline of %d numbers: 5 to 64 are possible" % count)
        self.errors = errors
        self._numbers = array("i", [0] * count)
        self.reset()

    def reset(self) -> None:
        """Begin anew, as when the definition of what is measured has changed."""
        self.filled = 0
        self.centre_q4 = 0
        self.spread_q4 = 0

    @property
    def ready(self) -> bool:
        """Whether centre and spread are frozen."""
        return self.spread_q4 > 0

    def add(self, number: int) -> bool:
        """Take one number, in quanta, cut at ERROR_MAX; return whether it was the last that was needed."""
        numbers = self._numbers
        numbers[self.filled] = cut(number, ERROR_MAX)
        self.filled += 1
        if self.filled < len(numbers):
            return False
        centre_q4 = 0 if self.errors else _twice_median(numbers) << 3
        for i in range(len(numbers)):
            numbers[i] = abs((numbers[i] << 4) - centre_q4)
        self.freeze(centre_q4, _spread(numbers))
        return True

    def freeze(self, centre_q4: int, spread_q4: int) -> None:
        """Set what is usual, in sixteenths of a quantum, as when it is known from elsewhere.

        A spread under one quantum is taken as one: what cannot be told apart when it is measured is no change.
        """
        self.filled = len(self._numbers)
        self.centre_q4 = centre_q4
        self.spread_q4 = max(spread_q4, _ONE_Q4)

    def standardised(self, number: int) -> int:
        """Return how far a number lies from the centre, in 1/4096 of the spread, half away from 0.

        Cut at 4 spreads either way, so that one trip alone never moves a chart far, whatever happened on it. Only once ready.
        """
        away_q4 = (cut(number, ERROR_MAX) << 4) - self.centre_q4
        size_q12 = quotient_q12(abs(away_q4), self.spread_q4)
        size_q12 = min(size_q12, STANDARDISED_MAX_Q12)
        return size_q12 if away_q4 >= 0 else -size_q12

    def state(self) -> list:
        """The baseline as integers, for a checkpoint."""
        return [self.filled, self.centre_q4, self.spread_q4] + list(self._numbers)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a baseline of the same count."""
        self.filled, self.centre_q4, self.spread_q4 = state[:3]
        self._numbers = array("i", state[3:])

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 3 + len(self._numbers)


def _twice_median(numbers: array) -> int:
    # Sorted in place, by insertion: MicroPython's sorted() makes a list.
    for i in range(1, len(numbers)):
        number = numbers[i]
        at = i
        while at and numbers[at - 1] > number:
            numbers[at] = numbers[at - 1]
            at -= 1
        numbers[at] = number
    return numbers[(len(numbers) - 1) // 2] + numbers[len(numbers) // 2]


def _spread(distances: array) -> int:
    # Of distances in any unit up to 2**25, in that unit.
    count = len(distances)
    middle = _times(_twice_median(distances), _MEDIAN_Q12) >> 1
    if middle == 0:  # more than half are 0, and the rest may be anything but outliers
        total = 0
        for distance in distances:
            total += distance // count
        middle = _times(total, _MEAN_Q12)
    if middle == 0:
        return 0
    squares_q16 = 0
    for distance in distances:
        far_q8 = min(quotient_q12(distance, middle), _FAR_Q12) >> 4
        squares_q16 += far_q8 * far_q8
    return _times(middle, root((squares_q16 // count) << 8))


def _times(number: int, factor_q12: int) -> int:
    # Rounded down; number up to 2**26, factor up to 4.
    return (number >> 12) * factor_q12 + ((number & 4095) * factor_q12 >> 12)
