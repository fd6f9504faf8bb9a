"""The series of a process on the device: each forecast one step ahead, its errors kept, and watched for a change.

Which characteristics, and whether they have a number for each trip or each day, the pack says. A day's number is taken when
the first trip of a later day comes; a trip that comes late changes its day's totals, and no series any more.
"""

from collections.abc import Callable
from dataclasses import dataclass

from headway_edge.core import change_words
from headway_edge.core.control_chart import CLOSED, OPENED, Change, ControlChart, EventChart
from headway_edge.core.cusum_chart import CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.error_ledger import ErrorLedger
from headway_edge.core.forecast.fixed_point import to_quanta, to_ulps
from headway_edge.core.forecast.interval import ErrorQuantiles
from headway_edge.core.pack_limits import EACH_DAY, EWMA_CHART, NO_CHART, POISSON_CHART
from headway_edge.core.poisson_chart import EventRate, PoissonChart
from headway_edge.core.process import Characteristic, Process
from headway_edge.core.robust_baseline import RobustBaseline
from headway_protocol import cbor

WEEK = 7
_SKIPS_MAX = 31  # a longer absence is as good as forgetting the days of the week
_SHARE_PCT = 80
_EXPOSURE_STEP = 100  # metres to the 0.1 km in which the chart of events counts what was driven
DayTotals = Callable[[int], list[int] | None]


@dataclass(frozen=True)
class Expected:
    """What the next number of a series is expected to be, with the interval that holds 80 % of what comes.

    noun: what it is of, "trip" or "day". low, high: None before there were errors enough.
    """

    characteristic: Characteristic
    noun: str
    value: int
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Turn:
    """A change that a chart has found, or that is over (`opened` false). number: of the characteristic."""

    characteristic: Characteristic
    opened: bool
    change: Change | None
    sentence: str


class Series:
    """One series: the forecast, its errors, and the chart if the pack wants one."""

    def __init__(self, process: Process, item: list[int]) -> None:
        number, each, chart = item
        self.characteristic: Characteristic = process.by_id[number]
        self.is_daily = each == EACH_DAY or process.pack.kind == "day"
        self._choice = Choice(WEEK if self.is_daily else 0)
        self._quantiles = ErrorQuantiles()
        self.ledger = ErrorLedger(WEEK if self.is_daily else 1)
        self._chance = change_words.EWMA_ERRORS if chart == EWMA_CHART else change_words.CUSUM_ERRORS
        self._chart: ControlChart | EventChart | None = None
        if chart == POISSON_CHART:
            # Counts are not normal, and where they are few no error of a forecast tells anything.
            self._chart = EventChart(process.id, EventRate(), PoissonChart())
        elif chart != NO_CHART:
            detector = EwmaChart() if chart == EWMA_CHART else CusumChart()
            self._chart = ControlChart(process.id, RobustBaseline(errors=True), detector)

    @property
    def noun(self) -> str:
        """What the series has a number of."""
        return "day" if self.is_daily else "trip"

    def add(self, totals: list[int]) -> Turn | None:
        """Take the next trip's or day's totals; return the change that it opened or closed, if it did.

        One of which the characteristic is not defined is passed over.
        """
        value = self.characteristic.value(totals)
        if value is None:
            return None
        error = self._forecast(value)
        flags = 0
        if isinstance(self._chart, EventChart):
            events, exposure = self.characteristic.counted_in(totals)
            flags = self._chart.update(events, exposure // _EXPOSURE_STEP)
        elif self._chart is not None and error is not None:
            flags = self._chart.update(error)
        if flags & OPENED and self._chart is not None:
            change = self._chart.change()
            return Turn(self.characteristic, opened=True, change=change, sentence=self._sentence(change))
        if flags & CLOSED:
            words = f"{self.characteristic.title}: as usual again."
            return Turn(self.characteristic, opened=False, change=None, sentence=words)
        return None

    def _forecast(self, value: int) -> int | None:
        # Returns the error of what was forecast, None while nothing was.
        choice = self._choice
        error_ulps = None
        if choice.ready:
            forecast_ulps = choice.forecast_ulps()
            error_ulps = to_ulps(value) - forecast_ulps
            self.ledger.update(value, forecast_ulps)
            self._quantiles.update(error_ulps)
        else:
            self.ledger.see(value)
        choice.update(value)
        return None if error_ulps is None else to_quanta(error_ulps)

    def _sentence(self, change: Change | None) -> str:
        if change is None:  # opened and closed by the same number
            return f"{self.characteristic.title}: changed."
        if change.seen is not None:
            return str(change_words.events_sentence(change, self.characteristic.title, self.noun))
        return str(change_words.sentence(change, self.characteristic, self.noun, self._chance))

    def skip(self) -> None:
        """Let a day pass that has no number."""
        self._choice.skip()

    def expected(self) -> Expected | None:
        """Return what comes next; None while there are too few numbers to say."""
        if not self._choice.ready:
            return None
        forecast_ulps = self._choice.forecast_ulps()
        interval = self._quantiles.interval(forecast_ulps, _SHARE_PCT)
        low, high = (None, None) if interval is None else (to_quanta(interval[0]), to_quanta(interval[1]))
        return Expected(self.characteristic, self.noun, to_quanta(forecast_ulps), low, high)

    def state(self) -> list[object]:
        """Everything, for a checkpoint."""
        chart = [] if self._chart is None else self._chart.state()
        return [self._choice.state(), self._quantiles.state(), self.ledger.state(), chart]

    def restore(self, state: list[list[int]]) -> None:
        """Go on from `state`, given by a series of the same item."""
        choice, quantiles, ledger, chart = state
        self._choice.restore(choice)
        self._quantiles.restore(quantiles)
        self.ledger.restore(ledger)
        if self._chart is not None:
            self._chart.restore(chart)


class OwnSeries:
    """All series of one process. day_totals: the totals of a day by its number, None for one without trips."""

    def __init__(self, process: Process, day_totals: DayTotals) -> None:
        self._process = process
        self._day_totals = day_totals
        self._day: int | None = None  # the latest that there was a trip on
        self.series = [Series(process, item) for item in process.pack.series]

    def add(self, numbers: list[int], day: int | None) -> list[Turn]:
        """Take one trip (None: on which day is not known); return the changes that it opened or closed."""
        totals = self._process.totals(numbers)
        turns = []
        if self._process.pack.kind != "day":
            turns = self._end_days(day)
            turns += self._take(totals, daily=False)
        elif self._day is None or day is None or day > self._day:
            self._skip_to(day)
            turns = self._take(totals, daily=True)
        if day is not None and (self._day is None or day > self._day):
            self._day = day
        return turns

    def _end_days(self, day: int | None) -> list[Turn]:
        if day is None or self._day is None or day <= self._day:
            return []
        totals = self._day_totals(self._day)
        turns = [] if totals is None else self._take(totals, daily=True)
        self._skip_to(day)
        return turns

    def _skip_to(self, day: int | None) -> None:
        if day is None or self._day is None:
            return
        for _ in range(min(day - self._day - 1, _SKIPS_MAX)):
            for item in self.series:
                if item.is_daily:
                    item.skip()

    def _take(self, totals: list[int], *, daily: bool) -> list[Turn]:
        turns = []
        for item in self.series:
            turn = item.add(totals) if item.is_daily == daily else None
            if turn is not None:
                turns.append(turn)
        return turns

    def expected(self) -> list[Expected]:
        """Return what each series is expected to bring next; those that have too few numbers are left out."""
        return [found for item in self.series if (found := item.expected()) is not None]

    def state(self) -> bytes:
        """Everything as bytes, for the outbox's state."""
        return cbor.encode([self._day, [item.state() for item in self.series]])

    def restore(self, data: bytes | None) -> bool:
        """Go on from `state`; begin anew, and return False, where there is none or it is of another version."""
        items = None if data is None else cbor.decode(data)
        if not isinstance(items, list) or len(items) != 2 or len(items[1]) != len(self.series):
            return False
        try:
            for item, state in zip(self.series, items[1], strict=True):
                item.restore(state)
        except (ValueError, TypeError, IndexError, OverflowError):
            self.series = [Series(self._process, item) for item in self._process.pack.series]
            return False
        self._day = items[0]
        return True
