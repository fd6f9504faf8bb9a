"""One series of a process: a characteristic trip by trip or day by day, forecast, and watched for a change.

What it is of, its model and its chart the pack says. The same on the device and on the server, which follows a person's
stored trips with it: so how good a device's forecasts were need not be sent.
"""

from headway_edge.core import change_words
from headway_edge.core.control_chart import Change, ControlChart, EventChart
from headway_edge.core.cusum_chart import CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.error_ledger import ErrorLedger
from headway_edge.core.forecast.fixed_point import to_quanta, to_ulps
from headway_edge.core.forecast.interval import ErrorQuantiles
from headway_edge.core.forecast.series_model import model_of, weight_of
from headway_edge.core.pack_limits import EACH_DAY, EWMA_CHART, NO_CHART, POISSON_CHART, WATCH_ERRORS
from headway_edge.core.poisson_chart import EventRate, PoissonChart
from headway_edge.core.process import Process
from headway_edge.core.robust_baseline import RobustBaseline

WEEK = 7
SHARE_PCT = 80  # of what comes, in the interval that is told
_EXPOSURE_STEP = 100  # metres to the 0.1 km in which the chart of events counts what was driven


def series_of(process: Process, classes: list) -> list:
    """Return the series of a process, which have seen nothing yet, in the pack's order. classes: as of `Series`."""
    return [Series(process, item, classes) for item in process.pack.series]


class Series:
    """The forecast, its errors, and the chart if the pack wants one.

    item: of the pack's series. classes: for each customer factor of the pack the place of the person's class, MISSING where
    it is not known. characteristic: what it is of. is_daily: whether it has a number for each day, not for each trip.
    ledger: of the errors. asked, held: of how many numbers an interval was known beforehand, and how many lay in it.
    """

    def __init__(self, process: Process, item: list, classes: list) -> None:
        number, each, chart, watch, model = item
        self.characteristic = process.by_id[number]
        self.is_daily = each == EACH_DAY or process.pack.kind == "day"
        self._model = model_of(model, WEEK if self.is_daily else 0)
        self._weight = weight_of(model, classes)
        self._weigh()
        self._quantiles = ErrorQuantiles()
        self.ledger = ErrorLedger(WEEK if self.is_daily else 1)
        self.asked = self.held = 0
        self._kind = chart
        self._watch = watch
        self._chart = None  # type: ControlChart | EventChart | None
        if chart == POISSON_CHART:
            # Counts are not normal, and where they are few no error of a forecast tells anything.
            self._chart = EventChart(process.id, EventRate(), PoissonChart())
        elif chart != NO_CHART:
            detector = EwmaChart() if chart == EWMA_CHART else CusumChart()
            self._chart = ControlChart(process.id, RobustBaseline(errors=watch == WATCH_ERRORS), detector)

    def _weigh(self) -> None:
        if not isinstance(self._model, Choice):
            self._model.weigh(self._weight)

    @property
    def noun(self) -> str:
        """What the series has a number of."""
        return "day" if self.is_daily else "trip"

    def add(self, totals: list) -> int:
        """Take the next trip's or day's totals; return flags of the change (`headway_edge.core.control_chart`).

        One of which the characteristic is not defined is passed over.
        """
        value = self.characteristic.value(totals)
        if value is None:
            return 0
        error = self._forecast(value)
        if isinstance(self._chart, EventChart):
            events, exposure = self.characteristic.counted_in(totals)
            return self._chart.update(events, exposure // _EXPOSURE_STEP)
        watched = error if self._watch == WATCH_ERRORS else value
        return 0 if self._chart is None or watched is None else self._chart.update(watched)

    def _forecast(self, value: int) -> "int | None":
        # Returns the error of what was forecast, None while nothing was.
        model = self._model
        error_ulps = None
        if model.ready:
            forecast_ulps = model.forecast_ulps()
            error_ulps = to_ulps(value) - forecast_ulps
            self.ledger.update(value, forecast_ulps)
            within = self._quantiles.interval(forecast_ulps, SHARE_PCT)
            if within is not None:
                self.asked += 1
                self.held += within[0] <= to_ulps(value) <= within[1]
            self._quantiles.update(error_ulps)
        else:
            self.ledger.see(value)
        model.update(value)
        return None if error_ulps is None else to_quanta(error_ulps)

    def skip(self) -> None:
        """Let a day pass that has no number."""
        if isinstance(self._model, Choice):
            self._model.skip()

    def expected(self) -> "tuple | None":
        """Return (what comes next, low, high) in quanta, the last two None before there were errors enough.

        None while there are too few numbers to say. low to high holds SHARE_PCT of what comes.
        """
        if not self._model.ready:
            return None
        forecast_ulps = self._model.forecast_ulps()
        within = self._quantiles.interval(forecast_ulps, SHARE_PCT)
        low, high = (None, None) if within is None else (to_quanta(within[0]), to_quanta(within[1]))
        return to_quanta(forecast_ulps), low, high

    def change(self) -> "Change | None":
        """Return the change that is open; None where none is."""
        return None if self._chart is None else self._chart.change()

    def sentence(self, change: Change) -> str:
        """Return what to tell the person of a change of this series."""
        return change_words.told(change, self.characteristic, self.noun, self._kind, self._watch)

    def state(self) -> list:
        """Everything, for a checkpoint."""
        chart = [] if self._chart is None else self._chart.state()
        return [self._model.state(), self._quantiles.state(), self.ledger.state(), [self.asked, self.held], chart]

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a series of the same item; the person's classes may be others by now."""
        model, quantiles, ledger, intervals, chart = state
        self._model.restore(model)
        self._weigh()
        self._quantiles.restore(quantiles)
        self.ledger.restore(ledger)
        self.asked, self.held = intervals
        if self._chart is not None:
            self._chart.restore(chart)
