"""The gate: whether corrections by customer factors make forecasts better, asked of a time they were not learned from.

Take errors e without corrections and corrections c. The best single gain is g* = sum(e c) / sum(c^2). With gain 1 the mean
squared error changes by mean(c^2) * (1 - 2 g*), so it falls only where g* > 0.5; with the gain max(0, min(1, g*)) by more.

That is not enough. g* is a quotient of sums, and corrections that are mere noise are small, so by chance alone it passes 0.5
about every second time. And a correction that is the same for everybody can help where the forecast itself is off, which
says nothing of customers. Hence a second question, asked of what is left when the best common weight of each series is taken
off errors and corrections: is sum(e c) above 0 by more than chance? t = sum over customers of s / sqrt(sum of s^2), s being a
customer's own sum(e c), for the errors of one customer are not independent. It must reach 1.645, which without any effect
happens about once in twenty times (cluster-robust score test; Cameron and Miller, Journal of Human Resources 50, 2015).

>>> series, limits = ["s"] * 40, [10] * 40
>>> errors, corrections, customers = [4, -2, 3, -5] * 10, [2, -1, 1, -3] * 10, [str(n) for n in range(40)]
>>> found = ask(errors, corrections, limits, series, customers)
>>> found.used, round(found.best_gain, 3), found.gain
(True, 1.867, 1.0)
>>> ask(errors, [-c for c in corrections], limits, series, customers).reason
'the corrections go the wrong way: g* is -1.867'
>>> ask([e + 9 for e in errors], [5] * 40, limits, series, customers).reason
'g* is 1.800, but customers do not differ in it by more than chance: t is 0.00, under 1.645'
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

GAIN_LEAST = 0.5
T_LEAST = 1.645  # one-sided, 5 %
OBSERVATIONS_LEAST = 30
CUSTOMERS_LEAST = 10


@dataclass(frozen=True, slots=True)
class Gate:
    """What was found. best_gain: g*, 0 where there is no correction. gain: what corrections are multiplied by, 0 if not used.

    squared_error, squared_error_corrected: the mean of e^2, and of (e - gain c)^2 with the gain that would be used, in the
    unit of the errors squared.
    """

    used: bool
    reason: str
    best_gain: float
    gain: float
    t: float
    observations: int
    customers: int
    squared_error: float
    squared_error_corrected: float


def ask(
    errors: Sequence[int],
    corrections: Sequence[int],
    limits: Sequence[int],
    series: Sequence[str],
    customers: Sequence[str],
) -> Gate:
    """Return whether corrections help. All are of the same length, an entry an observation.

    limits: what a weight of 1 would move each forecast by; a common weight is a share of it. series: what it is common to.
    """
    n = len(errors)
    squares = sum(correction * correction for correction in corrections)
    together = sum(error * correction for error, correction in zip(errors, corrections, strict=True))
    best = together / squares if squares else 0.0
    t = _t(_apart(errors, limits, series), _apart(corrections, limits, series), customers)
    gain = max(0.0, min(1.0, best))
    before = sum(error * error for error in errors) / n if n else 0.0
    # mean (e - gc)^2, by its parts.
    after = before - (2 * gain * together - gain * gain * squares) / n if n else 0.0
    different = len(set(customers))
    if n < OBSERVATIONS_LEAST or different < CUSTOMERS_LEAST:
        reason = (
            f"{n} held-out observations of {different} customers are too few; "
            f"{OBSERVATIONS_LEAST} of {CUSTOMERS_LEAST} are needed"
        )
    elif not squares:
        reason = "no correction was learned"
    elif best < 0:
        reason = f"the corrections go the wrong way: g* is {best:.3f}"
    elif best <= GAIN_LEAST:
        reason = f"g* is {best:.3f}, and only above {GAIN_LEAST} the squared error falls"
    elif t < T_LEAST:
        reason = (
            f"g* is {best:.3f}, but customers do not differ in it by more than chance: t is {t:.2f}, under {T_LEAST}"
        )
    else:
        share = 100 * (1 - after / before) if before else 0.0
        reason = f"g* is {best:.3f} and t {t:.2f}: the squared error fell by {share:.2f}% on held-out time"
        return Gate(True, reason, best, gain, t, n, different, before, after)
    return Gate(False, reason, best, 0.0, t, n, different, before, before)


def _apart(numbers: Sequence[int], limits: Sequence[int], series: Sequence[str]) -> list[float]:
    # What is left of numbers when the best common share of the limits is taken off, series by series (least squares).
    products: defaultdict[str, int] = defaultdict(int)
    squares: defaultdict[str, int] = defaultdict(int)
    for number, limit, name in zip(numbers, limits, series, strict=True):
        products[name] += number * limit
        squares[name] += limit * limit
    return [
        number - products[name] / squares[name] * limit if squares[name] else float(number)
        for number, limit, name in zip(numbers, limits, series, strict=True)
    ]


def _t(errors: Sequence[float], corrections: Sequence[float], customers: Sequence[str]) -> float:
    by_customer: defaultdict[str, float] = defaultdict(float)
    for error, correction, customer in zip(errors, corrections, customers, strict=True):
        by_customer[customer] += error * correction
    spread = math.sqrt(sum(total * total for total in by_customer.values()))
    return sum(by_customer.values()) / spread if spread else 0.0
