"""The record of a forecast's errors: a few sums that merge, from which every usual measure is read.

The error is e = A - F, actual less forecast: negative where too much was forecast. A ledger holds sums; `numbers` gives them
as a list of integers, small enough for the wire, and lists of the same series in several periods, or of several
series with the same quantum, add up with `merge`. The measures are functions of such a list:

    cfe   sum of e                         in 1/1000 quantum     mad   mean of |e|            in 1/1000 quantum
    mfe   mean of e                        in 1/1000 quantum     rmse  root of mse            in 1/1000 quantum
    mse   mean of e**2                     in 1/1000 quantum**2
    mape  100 * mean of |e| / |A|          in 1/100 %            where |A| is `least` or more; mape_coverage, in 1/10 %: how often
    smape 200 * mean of |e| / (|A| + |F|)  in 1/100 %            0 / 0 counts as 0
    mase  mad / mean of |A - A one step, or one season, before|   in 1/1000; the one to compare models of several series by
    tracking_signal  cfe / mad             in 1/100              beyond 4 either way a forecast is biased, by the usual rule

All are rounded half up, and None where they are not defined. MASE's scale is that of the same period, not of a training
period before it, so that 1 means exactly: as good as the naive forecast. (Hyndman and Koehler, International Journal of
Forecasting 22, 2006; the other names as in Goetschalckx, Supply Chain Engineering, 2011.)

>>> ledger = ErrorLedger()
>>> ledger.see(100)
>>> for actual, forecast in ((110, 100), (90, 105), (100, 97)):
...     ledger.update(actual, forecast << 8)
>>> numbers = ledger.numbers()
>>> cfe(numbers), mad(numbers), mse(numbers), rmse(numbers), mape(numbers), mase(numbers), tracking_signal(numbers)
(-2000, 9333, 111333, 10551, 959, 700, -21)
"""

from array import array

from headway_edge.core.forecast import wide_sum
from headway_edge.core.forecast.fixed_point import FRACTION_BITS, VALUE_MAX, cut, to_ulps
from headway_edge.core.forecast.naive import SEASON_MAX
from headway_edge.core.forecast.wide_sum import SQUARES, SUM
from headway_edge.core.integer_root import root

# Places in the list of `numbers`.
COUNT, RELATIVE_COUNT, ERROR, SIZE, SQUARE, RELATIVE, SYMMETRIC, STEP_COUNT, STEP, SEASON_COUNT, SEASON = range(11)
_RELATIVE_BITS = 12
_RELATIVE_MAX = 1 << 15  # one number enters MAPE with at most 3,276,800 %
_COUNT_MAX = (1 << 29) - 1
# Where each of the numbers lies in the array, and on how many limbs.
_PLACES = (
    (0, 1), (1, 1), (2, SUM), (4, SUM), (6, SQUARES), (9, SUM), (11, SUM), (13, 1), (14, SUM), (16, 1), (17, SUM),
)  # fmt: skip
_AT, _FILLED, _PAST = 19, 20, 21


class ErrorLedger:
    """Adds errors up.

    season: steps in a season, 1..31, for MASE by season. least: quanta, 1 or more; smaller actuals do not enter MAPE. Memory:
    21 numbers and one for each step of a season; nothing is allocated by an update. Exact for half a million errors of the
    largest size; a sum that would go beyond its limbs stays as it is.
    """

    def __init__(self, season: int = 7, least: int = 1) -> None:
        if not 1 <= season <= SEASON_MAX:
            raise ValueError("a season of %d steps: 1 to %d are possible" % (season, SEASON_MAX))
        if least < 1:
            raise ValueError("MAPE for actuals of %d and more: it divides by them, so the least is 1" % least)
        self.season = season
        self.least = least
        self._cells = array("i", [0] * (_PAST + season))

    def see(self, actual: int) -> None:
        """Take a number that there was no forecast of, as the first ones of a series."""
        cells = self._cells
        at = cells[_AT]
        cells[_PAST + at] = cut(actual, VALUE_MAX)
        at += 1
        cells[_AT] = at if at < self.season else 0
        if cells[_FILLED] < self.season:
            cells[_FILLED] += 1

    def update(self, actual: int, forecast_ulps: int) -> None:
        """Take a number, in quanta, and what had been forecast, in ulps (quanta << 8)."""
        cells = self._cells
        if cells[0] < _COUNT_MAX:
            cells[0] += 1
        ulps = to_ulps(actual)
        error = ulps - forecast_ulps
        size = error if error >= 0 else -error
        wide_sum.add(cells, 2, error)
        wide_sum.add(cells, 4, size)
        wide_sum.add_square(cells, 6, size)
        self._relative(ulps if ulps >= 0 else -ulps, forecast_ulps if forecast_ulps >= 0 else -forecast_ulps, size)
        self._steps(cut(actual, VALUE_MAX))
        self.see(actual)

    def _relative(self, actual: int, forecast: int, size: int) -> None:
        # All in ulps and without sign.
        cells = self._cells
        if actual >= self.least << FRACTION_BITS:
            cells[1] += 1
            wide_sum.add(cells, 9, ratio(size, actual))
        if size:
            wide_sum.add(cells, 11, ratio(size, actual + forecast))

    def _steps(self, actual: int) -> None:
        # What the naive forecasts would have been off by.
        cells = self._cells
        filled = cells[_FILLED]
        if not filled:
            return
        season = self.season
        at = cells[_AT]
        last = cells[_PAST + (at if at else season) - 1]
        cells[13] += 1
        wide_sum.add(cells, 14, actual - last if actual > last else last - actual)
        if filled == season:
            last = cells[_PAST + at]
            cells[16] += 1
            wide_sum.add(cells, 17, actual - last if actual > last else last - actual)

    def numbers(self) -> list:
        """Return the sums: counts, ulps, ulps squared, 2**-12 for the two relative ones, quanta for the steps."""
        return [wide_sum.value(self._cells, at, limbs) for at, limbs in _PLACES]

    def state(self) -> list:
        """The ledger as integers, for a checkpoint."""
        return list(self._cells)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a ledger of the same season."""
        self._cells = array("i", state)


def ratio(above: int, below: int) -> int:
    """Return above / below in 2**-12, half up, at most 2**27. above: 0 to under 2**30. below: 1..2**29.

    >>> ratio(1, 2), ratio(2, 3), ratio(1 << 29, 1)
    (2048, 2731, 134217728)
    """
    found = above // below
    if found >= _RELATIVE_MAX:
        return _RELATIVE_MAX << _RELATIVE_BITS
    # Digit by digit: the rest shifted by all twelve bits would not fit.
    rest = above - found * below
    for _ in range(_RELATIVE_BITS):
        rest += rest
        found += found
        if rest >= below:
            rest -= below
            found += 1
    return found + 1 if 2 * rest >= below else found


def merge(first: list, second: list) -> list:
    """Return the numbers of both ledgers together; in any order the same."""
    return [a + b for a, b in zip(first, second)]


def cfe(numbers: list) -> int:
    """Return the cumulative forecast error in 1/1000 quantum."""
    return _divided(1000 * numbers[ERROR], 1 << FRACTION_BITS)  # type: ignore[return-value]


def mfe(numbers: list) -> "int | None":
    """Return the mean forecast error in 1/1000 quantum."""
    return _divided(1000 * numbers[ERROR], numbers[COUNT] << FRACTION_BITS)


def mad(numbers: list) -> "int | None":
    """Return the mean absolute deviation in 1/1000 quantum."""
    return _divided(1000 * numbers[SIZE], numbers[COUNT] << FRACTION_BITS)


def mse(numbers: list) -> "int | None":
    """Return the mean squared error in 1/1000 quantum**2."""
    return _divided(1000 * numbers[SQUARE], numbers[COUNT] << 2 * FRACTION_BITS)


def rmse(numbers: list) -> "int | None":
    """Return the root of the mean squared error in 1/1000 quantum."""
    if not numbers[COUNT]:
        return None
    # Four times the square, so that the integer root tells halves apart.
    return (root((4000000 * numbers[SQUARE]) // (numbers[COUNT] << 2 * FRACTION_BITS)) + 1) // 2


def mape(numbers: list) -> "int | None":
    """Return the mean absolute percentage error in 1/100 %, of the numbers that are large enough."""
    return _divided(10000 * numbers[RELATIVE], numbers[RELATIVE_COUNT] << _RELATIVE_BITS)


def mape_coverage(numbers: list) -> "int | None":
    """Return the share of the numbers that MAPE is of, in 1/10 %."""
    return _divided(1000 * numbers[RELATIVE_COUNT], numbers[COUNT])


def smape(numbers: list) -> "int | None":
    """Return the symmetric mean absolute percentage error in 1/100 %, from 0 to 200 %."""
    return _divided(20000 * numbers[SYMMETRIC], numbers[COUNT] << _RELATIVE_BITS)


def mase(numbers: list) -> "int | None":
    """Return the mean absolute scaled error in 1/1000: 1000 is as good as the naive forecast."""
    return _scaled(numbers, STEP_COUNT, STEP)


def seasonal_mase(numbers: list) -> "int | None":
    """Return the mean absolute scaled error by season in 1/1000: 1000 is as good as the seasonal naive forecast."""
    return _scaled(numbers, SEASON_COUNT, SEASON)


def tracking_signal(numbers: list) -> "int | None":
    """Return CFE / MAD in 1/100."""
    return _divided(100 * numbers[ERROR] * numbers[COUNT], numbers[SIZE])


def _scaled(numbers: list, count: int, steps: int) -> "int | None":
    return _divided(1000 * numbers[SIZE] * numbers[count], numbers[COUNT] * numbers[steps] << FRACTION_BITS)


def _divided(above: int, below: int) -> "int | None":
    # Half up.
    return (2 * above + below) // (2 * below) if below else None
