"""What has been used up since a replacement, as a line over days: how fast it goes, and when it reaches a limit.

Ordinary least squares through the points (t days, M used) at the end of each day, as the founding paper has it (Lim et al.,
customer process management, Fig. 7b: linear regression was preferred to ARIMA). Days and their squares need no sums: there is a
point for every day, used or not. The line gives the slope; it is laid through the last point.

The points are sums of days, so neighbours share nearly all of what is random in them, and a band from the usual error of a
slope holds less than 20 % in place of 80 (docs/consumables.md). With daily amounts of variance v and mean b, the slope of a
sum has the variance 6/5 v / n, and the D days to come add theirs, D v, so

    var(days left) = D v / b^2 (1 + 6/5 D / n)

v is that of daily amounts, and from eight weeks on a seventh of that of weekly ones: what comes every week is not random.

>>> line = UsageLine()
>>> for _ in range(20):
...     line.add(50000)
...     line.end_days(1)
>>> line.days_to(15000000)
(280, 280, 280)
"""

from headway_edge.core.integer_root import root

DAYS_LEAST = 14  # two weeks: each weekday twice
WEEKS_LEAST = 8  # for a variance of weeks
DAYS_MOST = 3660  # further ones no longer change the slope
AMOUNT_MAX = 1 << 32
DAY_MAX = 1 << 24  # of one day, in the squares
_WEEK = 7
DAYS_TOLD_MAX = 3660
_Z_PERMILLE = 1282  # of the normal distribution, for a band that holds 80 %


class UsageLine:
    """A quantity that only grows, by days since its last replacement.

    Amounts are whole numbers in any unit: m, 0.1 s, starts. used: all of it. Sums outgrow a small integer: this is for once a
    trip and once a day, not for samples.
    """

    def __init__(self) -> None:
        self.start(0)

    def start(self, used: int) -> None:
        """Begin anew, with what is used already: 0 after a replacement."""
        self.used = min(used, AMOUNT_MAX)
        self.days = 0  # that have ended
        self._used_first = self.used
        self._used_before = self.used  # at the end of the last of them
        self._sum = 0  # of what was used at the end of each day
        self._moment = 0  # the same, each times its day
        self._squares = 0  # of the daily amounts
        self._week = 0  # of the present week, from the replacement on
        self._week_squares = 0  # of the weekly amounts

    def add(self, amount: int) -> None:
        """Use some of it; negative amounts are none."""
        self.used = min(self.used + max(amount, 0), AMOUNT_MAX)

    def end_days(self, days: int) -> None:
        """End the present day and `days` - 1 further ones on which nothing was used."""
        days = min(days, DAYS_MOST - self.days)
        if days <= 0:
            return
        self._sum += days * self.used
        self._moment += (days * self.days + days * (days - 1) // 2) * self.used
        day = min(self.used - self._used_before, DAY_MAX)
        self._squares += day * day
        self._week += day
        self._used_before = self.used
        weeks = self.days // _WEEK
        self.days += days
        if self.days // _WEEK > weeks:  # whatever weeks have ended beside the present one, nothing was used in them
            self._week_squares += self._week * self._week
            self._week = 0

    def days_to(self, limit: int) -> "tuple | None":
        """Return (days, fewest, most) until the limit: half up, with the band that holds 80 %, rounded outwards.

        Not more than DAYS_TOLD_MAX. (0, 0, 0) once it is reached; None under DAYS_LEAST days, or where nothing is used.
        """
        if self.used >= limit:
            return 0, 0, 0
        n = self.days
        # n Sum(t M) - Sum(t) Sum(M), and n Sum(t^2) - Sum(t)^2, where the sums of t and t^2 are those of 0 to n - 1.
        above = n * self._moment - n * (n - 1) // 2 * self._sum
        below = n * n * (n * n - 1) // 12
        if n < DAYS_LEAST or above <= 0:
            return None
        left = (limit - self.used) * below
        days = (2 * left + above) // (2 * above)
        if days >= DAYS_TOLD_MAX:
            return DAYS_TOLD_MAX, DAYS_TOLD_MAX, DAYS_TOLD_MAX
        half = self._half_band(left, above, below)
        return days, max((left - half) // above, 0), min(-((-left - half) // above), DAYS_TOLD_MAX)

    def _half_band(self, left: int, above: int, below: int) -> int:
        # Half of the band's width, in days times `above`: with D = left / above and b = above / below.
        n = self.days
        total = self._used_before - self._used_first
        weeks = n // _WEEK
        # The variance v as a quotient; what was cut of a day may make it negative.
        if weeks >= WEEKS_LEAST:
            total -= self._week
            spread, of = max(weeks * self._week_squares - total * total, 0), _WEEK * weeks * (weeks - 1)
        else:
            spread, of = max(n * self._squares - total * total, 0), n * (n - 1)
        square = spread * below * below * left * (5 * n * above + 6 * left) // (5 * n * of * above * above)
        return _Z_PERMILLE * root(square) // 1000

    def state(self) -> list:
        """The line as integers under 2**64, for a checkpoint."""
        return [
            self.used,
            self.days,
            self._used_first,
            self._used_before,
            self._sum,
            self._moment,
            self._squares,
            self._week,
            self._week_squares,
        ]

    def restore(self, state: list) -> None:
        """Go on from `state`."""
        self.used, self.days, self._used_first, self._used_before = state[:4]
        self._sum, self._moment, self._squares, self._week, self._week_squares = state[4:]

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 9
