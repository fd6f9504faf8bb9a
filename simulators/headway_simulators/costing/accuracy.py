"""How good forecasts were, as the paper's Table 1 has it, from the device's own ledger of errors.

The error is actual less forecast: negative where too much was forecast. SAT is the sum of the forecast activity times, and
AFE a method's share of the SAT of the two that are compared: 100 * SAT / (SAT of both), which is how the table's 41.54 % and
58.46 % come from its 506.8384 h and 713.3862 h. AFE says who forecasts more, not who is right.
"""

from dataclasses import dataclass, field

from headway_edge.core.forecast import error_ledger
from headway_edge.core.forecast.error_ledger import ErrorLedger
from headway_edge.core.forecast.fixed_point import FRACTION_BITS, ULPS
from headway_simulators.costing.event_log import QUANTA_PER_HOUR

_MILLI = 1000
_NUMBERS = len(ErrorLedger().numbers())


@dataclass(slots=True)
class Accuracy:
    """One model's record. sat_ulps: the sum of its forecasts. too_little: how often the actual was more.

    better, worse: how often its error was smaller, or larger, than that of simple smoothing.
    """

    name: str
    numbers: list[int] = field(default_factory=lambda: [0] * _NUMBERS)
    sat_ulps: int = 0
    too_little: int = 0
    better: int = 0
    worse: int = 0
    _ledgers: dict[str, ErrorLedger] = field(default_factory=dict)

    def add(self, series: str, time_q: int, forecast_ulps: int, base_ulps: int) -> None:
        """Take a forecast and what came of it. base_ulps: what simple smoothing said."""
        ledger = self._ledgers.get(series)
        if ledger is None:
            ledger = self._ledgers[series] = ErrorLedger()
        ledger.update(time_q, forecast_ulps)
        self.sat_ulps += forecast_ulps
        actual_ulps = time_q << FRACTION_BITS
        self.too_little += actual_ulps > forecast_ulps
        size, base = abs(actual_ulps - forecast_ulps), abs(actual_ulps - base_ulps)
        self.better += size < base
        self.worse += size > base

    def close(self) -> None:
        """Add the series up."""
        for ledger in self._ledgers.values():
            self.numbers = error_ledger.merge(self.numbers, ledger.numbers())
        self._ledgers.clear()

    @property
    def count(self) -> int:
        """How many forecasts there were."""
        return self.numbers[error_ledger.COUNT]

    @property
    def cfe_h(self) -> float:
        """Cumulative forecast error."""
        return error_ledger.cfe(self.numbers) / _MILLI / QUANTA_PER_HOUR

    @property
    def mfe_h(self) -> float:
        """Mean forecast error."""
        return _number(error_ledger.mfe(self.numbers)) / QUANTA_PER_HOUR

    @property
    def mad_h(self) -> float:
        """Mean absolute deviation."""
        return _number(error_ledger.mad(self.numbers)) / QUANTA_PER_HOUR

    @property
    def mse_h2(self) -> float:
        """Mean squared error."""
        return _number(error_ledger.mse(self.numbers)) / QUANTA_PER_HOUR**2

    @property
    def rmse_h(self) -> float:
        """Root of the mean squared error."""
        return _number(error_ledger.rmse(self.numbers)) / QUANTA_PER_HOUR

    @property
    def mape_pct(self) -> float:
        """Mean absolute percentage error, of activities of 0.01 h and more."""
        return (error_ledger.mape(self.numbers) or 0) / 100

    @property
    def mape_coverage_pct(self) -> float:
        """The share of activities that MAPE is of."""
        return (error_ledger.mape_coverage(self.numbers) or 0) / 10

    @property
    def sat_h(self) -> float:
        """Sum of the forecast activity times."""
        return self.sat_ulps / ULPS / QUANTA_PER_HOUR

    def share_pct(self, count: int) -> float:
        """Return a count in percent of all forecasts."""
        return 100 * count / self.count if self.count else 0.0

    def as_dict(self) -> dict[str, float | int]:
        """Return the measures under their names."""
        return {
            "n": self.count,
            "cfe_h": self.cfe_h,
            "mad_h": self.mad_h,
            "mse_h2": self.mse_h2,
            "rmse_h": self.rmse_h,
            "mape_pct": self.mape_pct,
            "mape_coverage_pct": self.mape_coverage_pct,
            "mfe_h": self.mfe_h,
            "sat_h": round(self.sat_h, 4),
            "too_little_pct": round(self.share_pct(self.too_little), 2),
            "better_than_ses_pct": round(self.share_pct(self.better), 2),
            "worse_than_ses_pct": round(self.share_pct(self.worse), 2),
        }


def afe_pct(one: Accuracy, other: Accuracy) -> tuple[float, float]:
    """Return each method's share of the sum of both forecast activity times, in percent: 0, 0 where both are 0.

    >>> table = Accuracy("a", sat_ulps=5068384), Accuracy("b", sat_ulps=7133862)
    >>> [round(share, 2) for share in afe_pct(*table)]
    [41.54, 58.46]
    """
    both = one.sat_ulps + other.sat_ulps
    return (100 * one.sat_ulps / both, 100 * other.sat_ulps / both) if both else (0.0, 0.0)


def _number(milli: int | None) -> float:
    return 0.0 if milli is None else milli / _MILLI
