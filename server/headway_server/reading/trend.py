"""A characteristic of a person month by month: a straight trend line, and what the next month is expected to bring.

Pure. Only months that are over count: the one under way would be set beside whole ones. A month without a value, because
there were no trips or what it is divided by was zero, is a gap and never zero. (Monthly fuel efficiency, its trend and its
prediction: Lim et al., customer process management, project 3.)

The line is that of least squares over the last twelve months with a value. The prediction is the device's own
(`headway_edge.core.forecast`), one step ahead over all months with a value: smoothing follows a change, while a line drawn
on would go below zero one day. On a device errors count from the eighth number on; months are few, so here all count.

>>> found = follow({0: 300, 1: 310, 3: 330, 4: 340}, 5)
>>> found.months
[(0, 300), (1, 310), (2, None), (3, 330), (4, 340)]
>>> found.line.slope, found.line.at(2), found.line.is_clear
(10.0, 320.0, True)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from math import sqrt
from statistics import linear_regression

from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.fixed_point import VALUE_MAX, to_quanta, to_ulps
from headway_edge.core.forecast.interval import ErrorQuantiles
from headway_edge.core.process import Characteristic, Process
from headway_server.reading.labels import first_of
from headway_server.totals.periods import Contexts, Period, period_of, roll_up
from headway_server.totals.tally import Tally

MONTHS_MIN = 4  # with a value: as many as leave three errors, which an interval needs
MONTHS_MAX = 12
SHARE_PCT = 80
_REACH = 24  # months of the calendar that a line and a chart look back
_AWAY = 12  # months without a value, after which nothing is said of the month under way
_FUEL = "fuel_km_per_l"
# Student's t that 95 % lie within, for 2 to 10 degrees of freedom: a pack has twenty trends that could be cried over.
_T = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through months, in quanta of the characteristic.

    origin: the month that `level` is of. slope: a month. slope_error: its standard error. months: with a value, how many
    it was drawn through.
    """

    origin: int
    level: float
    slope: float
    slope_error: float
    months: int

    def at(self, month: int) -> float:
        """Return the line's value in a month."""
        return self.level + self.slope * (month - self.origin)

    @property
    def is_clear(self) -> bool:
        """Whether the slope is further from 0 than chance takes 19 slopes in 20, were the months independent."""
        return abs(self.slope) > _T[self.months - MONTHS_MIN] * self.slope_error


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a month is expected to bring, and within what it lies four times in five; in quanta."""

    month: int
    value: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Months in their order, (month, value in quanta or None), from the first that the line is drawn through to the last.

    line, expected: None where fewer than MONTHS_MIN of them have a value. The number of a month: `month_of`.
    """

    months: list[tuple[int, int | None]]
    line: Line | None
    expected: Prediction | None

    @property
    def known(self) -> int:
        """How many months have a value."""
        return sum(value is not None for _, value in self.months)


def month_of(day: date) -> int:
    """Return the number of a day's month, 12 a year.

    >>> month_label(month_of(date(2023, 12, 31)) + 1)
    '2024-01'
    """
    return 12 * day.year + day.month - 1


def month_label(month: int) -> str:
    """Return a month as it is written."""
    return f"{month // 12}-{month % 12 + 1:02}"


def choose(process: Process, months: Iterable[Tally], key: str | None) -> Characteristic:
    """Return the characteristic of a period to look at.

    Without a key: fuel efficiency where any month has it, else the first for the headline that has a better and a worse.
    Raises ValueError, naming those there are, for a key that the pack does not have, and for a pack without any.
    """
    by_key = {c.key: c for c in process.period}
    if key is not None:
        if key not in by_key:
            known = ", ".join(by_key) or "none"
            raise ValueError(f"pack {process.name} has no characteristic {key[:64]!r} of a period; it has {known}")
        return by_key[key]
    fuel = by_key.get(_FUEL)
    if fuel is not None and any(fuel.value(tally.totals) is not None for tally in months):
        return fuel
    first = first_of(process)
    if first is None:
        raise ValueError(f"pack {process.name} has no characteristic of a period")
    return first


def whole_months(process: Process, days: Iterable[tuple[int, int, Tally]], today: int) -> dict[int, Tally]:
    """Return the tally of each month that is over. days: (day, context, tally), ...; today: a day, the person's own."""
    under_way = month_under_way(today)
    found = {_month_of_period(period): tally for period, tally in roll_up(process, days, "month", Contexts()).items()}
    return {month: tally for month, tally in found.items() if 0 <= month < under_way}


def values_of(characteristic: Characteristic, months: dict[int, Tally]) -> dict[int, int]:
    """Return the value of each month that has one, in quanta."""
    read = {month: characteristic.value(tally.totals) for month, tally in months.items()}
    return {month: value for month, value in read.items() if value is not None}


def follow(values: dict[int, int], under_way: int) -> Trend:
    """Return the trend of a characteristic. values: by month, in any order. under_way: the month that is not over.

    What is expected is the month under way; of somebody who was away for over a year, the one after their last.
    """
    if not values:
        return Trend([], None, None)
    last = max(values)
    recent = sorted(month for month in values if month > last - _REACH)[-MONTHS_MAX:]
    months = [(month, values.get(month)) for month in range(recent[0], last + 1)]
    if len(recent) < MONTHS_MIN:
        return Trend(months, None, None)
    line = fit([(month, values[month]) for month in recent])
    following = under_way if under_way - last <= _AWAY else last + 1
    return Trend(months, line, Prediction(following, *predict([values[month] for month in sorted(values)])))


def fit(points: list[tuple[int, int]]) -> Line:
    """Return the line of least squares. points: (month, value), MONTHS_MIN to MONTHS_MAX of different months, ascending."""
    origin = points[0][0]
    after = [month - origin for month, _ in points]
    values = [value for _, value in points]
    slope, level = linear_regression(after, values)
    mean = sum(after) / len(after)
    missed = sum((value - level - slope * month) ** 2 for month, value in zip(after, values, strict=True))
    spread = sum((month - mean) ** 2 for month in after)
    return Line(origin, level, slope, sqrt(missed / (len(points) - 2) / spread), len(points))


def predict(values: list[int]) -> tuple[int, int, int]:
    """Return (value, low, high) of the number after these, at least MONTHS_MIN, in their order and in their quanta.

    None of them is under 0 where none of the numbers is: a falling trend would take them there.
    """
    # A month's sum may be more than the models hold: they get it in coarser steps, with as much above for what is forecast.
    step = 1 + max(map(abs, values)) // (VALUE_MAX // 2)
    choice, quantiles = Choice(), ErrorQuantiles()
    for i, value in enumerate(values):
        steps = (2 * value + step) // (2 * step)
        if i:
            quantiles.update(to_ulps(steps) - choice.forecast_ulps())
        choice.update(steps)
    forecast_ulps = choice.forecast_ulps()
    interval = quantiles.interval(forecast_ulps, SHARE_PCT)
    if interval is None:
        raise ValueError(f"a prediction from {len(values)} numbers: at least {MONTHS_MIN} are needed")
    least = 0 if min(values) >= 0 else -step * VALUE_MAX
    value, low, high = (max(least, step * to_quanta(ulps)) for ulps in (forecast_ulps, *interval))
    return value, low, high


def month_under_way(today: int) -> int:
    """Return the month that a day, the person's own, lies in."""
    return _month_of_period(period_of(today, "month"))


def _month_of_period(period: Period | None) -> int:
    return -1 if period is None else month_of(period.first)
