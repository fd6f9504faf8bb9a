"""What to expect around a forecast: intervals that hold a stated share of what comes, also where errors are not normal.

An interval is a multiple of the errors' smoothed mean size D (`error_scale`), below and above the forecast:

    F + k_low * D  to  F + k_high * D,  wider by the root of 1 + r(1)**2 + ... + r(h-1)**2 for h steps ahead, r: `response`

`normal_width` gives the textbook's k = z * 1.2533, right for normal errors. The series of persons have more wild errors and
more small ones, and lean to one side; so ErrorQuantiles keeps nine multiples, for nine shares of errors, and moves each
with every error by a share eta of what it was wrong by:

    k += eta * (p - [e <= k * D]),  eta = max(0.1, 2 / (n + 1))                          (stochastic quantile tracking)

so that in the long run a share p of errors lies below the one for p, whatever their distribution. They begin at
Student's t with 4 degrees of freedom, whose mean size is 1 and which is about what persons' series have.

>>> quantiles = ErrorQuantiles()
>>> for error in (300, -200, 250, -400, 100, -50, 320, -280):
...     quantiles.update(error * 256)
>>> low, high = quantiles.interval(5000 * 256, 80)
>>> low >> 8, high >> 8
(4598, 5350)
"""

from array import array

from headway_edge.core.forecast.error_scale import ErrorScale
from headway_edge.core.forecast.fixed_point import GAIN_BITS, GAIN_ONE, STATE_MAX, cut
from headway_edge.core.forecast.naive import RESPONSE_BITS
from headway_edge.core.integer_root import root

SHARES_PCT = (95, 90, 80, 50)  # of what comes, in the widest interval first
ENOUGH = 3  # errors before there is an interval
MULTIPLE_BITS = 12
ONE = 1 << MULTIPLE_BITS
_MULTIPLE_MAX = 8 * ONE
# Shares of errors below each knot, as gains: 2.5, 5, 10, 25, 50, 75, 90, 95, 97.5 %.
_BELOW = (819, 1638, 3277, 8192, 16384, 24576, 29491, 31130, 31949)
# Quantiles of Student's t with 4 degrees of freedom at these shares, in 2**-12.
_START = (-11372, -8732, -6280, -3034, 0, 3034, 6280, 8732, 11372)
# Quantiles of |normal| in multiples of its mean size, z * 1.2533, for SHARES_PCT, in 2**-12.
_NORMAL = (10062, 8444, 6579, 3463)
_TENTH = (2 * GAIN_ONE + 10) // 20
_COUNT_MAX = 1000


class ErrorQuantiles:
    """Nine quantiles of errors in multiples of their scale.

    delta: the gain of the scale. Memory: 13 numbers; nothing is allocated by an update.
    """

    def __init__(self, delta: int = _TENTH) -> None:
        self.scale = ErrorScale(delta)
        self._knots = array("i", _START)
        self._count = 0

    @property
    def ready(self) -> bool:
        """Whether there have been errors enough for an interval."""
        return self._count >= ENOUGH

    def update(self, error_ulps: int) -> None:
        """Take an error, actual less forecast, in ulps."""
        count = self._count
        if count:
            # eta in 2**-12, of which the share is taken.
            eta = max(_TENTH, 2 * GAIN_ONE // (count + 1)) >> (GAIN_BITS - MULTIPLE_BITS)
            scale = self.scale.ulps()
            knots = self._knots
            for i in range(len(_BELOW)):
                share = _BELOW[i]
                if error_ulps <= multiple(scale, knots[i]):
                    share -= GAIN_ONE
                knots[i] = cut(knots[i] + ((eta * share + (GAIN_ONE >> 1)) >> GAIN_BITS), _MULTIPLE_MAX)
        if count < _COUNT_MAX:
            self._count = count + 1
        self.scale.update(error_ulps)

    def interval(self, forecast_ulps: int, share_pct: int, spread: int = ONE) -> "tuple | None":
        """Return (low, high) in ulps, which hold share_pct of what comes; None before three errors.

        share_pct: 50, 80, 90 or 95. spread: how much wider than one step ahead, in 2**-12 (`spread` of a model).
        """
        if share_pct not in SHARES_PCT:
            raise ValueError("an interval of %d %%: there are those of 50, 80, 90 and 95 %%" % share_pct)
        if not self.ready:
            return None
        i = SHARES_PCT.index(share_pct)
        # Each is moved on its own, so neighbours may have passed one another.
        knots = sorted(self._knots)
        scale = multiple(self.scale.ulps(), spread)
        return (
            cut(forecast_ulps + multiple(scale, knots[i]), STATE_MAX),
            cut(forecast_ulps + multiple(scale, knots[-1 - i]), STATE_MAX),
        )

    def knots(self) -> list:
        """Return the nine multiples in 2**-12, ascending: of 2.5, 5, 10, 25, 50, 75, 90, 95 and 97.5 % of errors."""
        return sorted(self._knots)

    def state(self) -> list:
        """The quantiles as integers, for a checkpoint."""
        return [self._count] + list(self._knots) + self.scale.state()

    def restore(self, state: list) -> None:
        """Go on from `state`, given by one of the same delta."""
        self._count = state[0]
        self._knots = array("i", state[1 : 1 + len(_BELOW)])
        self.scale.restore(state[1 + len(_BELOW) :])


def normal_width(scale_ulps: int, share_pct: int) -> int:
    """Return z * 1.2533 * scale in ulps: half of the interval that holds share_pct of what comes where errors are normal.

    >>> normal_width(1000, 95), normal_width(1000, 80)
    (2456, 1606)
    """
    return multiple(scale_ulps, _NORMAL[SHARES_PCT.index(share_pct)])


def spread(model: object, h: int) -> int:
    """Return how much wider an interval is h steps ahead than one, in 2**-12: root of 1 + r(1)**2 + ... + r(h-1)**2.

    model: anything with `response`. (Hyndman et al., Forecasting with Exponential Smoothing, 2008, table 6.2.)

    >>> from headway_edge.core.forecast.naive import Naive
    >>> spread(Naive(), 4)
    8192
    """
    squares = 1 << 2 * RESPONSE_BITS
    for j in range(1, h):
        share = model.response(j)  # type: ignore[attr-defined]
        squares += share * share
    return min(_MULTIPLE_MAX, root(squares) << (MULTIPLE_BITS - RESPONSE_BITS))


def multiple(number: int, by: int) -> int:
    """Return number * by / 2**12, rounded down, cut at STATE_MAX. number: 0..2**28. by: size up to 2**15.

    >>> multiple(1000, 6144), multiple(1000, -6144), multiple(1 << 28, 8192) == STATE_MAX
    (1500, -1500, True)
    """
    high = (number >> GAIN_BITS) * by
    if high >= 1 << 25:
        return STATE_MAX
    if high <= -(1 << 25):
        return -STATE_MAX
    return cut((high << (GAIN_BITS - MULTIPLE_BITS)) + ((number & (GAIN_ONE - 1)) * by >> MULTIPLE_BITS), STATE_MAX)
