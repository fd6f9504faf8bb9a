"""What learning sees of one activity: the error of its forecast without customer factors, and what was known before."""

from collections.abc import Sequence
from dataclasses import dataclass

from headway_edge.core.forecast.fixed_point import GAIN_ONE, times

FactorValue = float | str | None


@dataclass(frozen=True, slots=True)
class Observation:
    """One forecast and what came of it.

    series: which one it belongs to, whose activities are forecast from each other. start_ms: when it was forecast. end_ms: when
    the actual was known, not before start_ms. customer: whose. error: actual minus level, and limit: the proportional
    forecast error, how far a weight of 1 would have moved the forecast before damping; both in ulps of
    `headway_edge.core.forecast`, limit >= 0. factors: what was known at start_ms, in the order of the factors' names.
    """

    series: str
    start_ms: int
    end_ms: int
    customer: str
    error: int
    limit: int
    factors: Sequence[FactorValue]

    @property
    def target(self) -> float:
        """The weight that would have been right, -1 to 1; only where limit > 0.

        >>> Observation("s", 0, 1, "c", 30, 40, ()).target, Observation("s", 0, 1, "c", -90, 40, ()).target
        (0.75, -1.0)
        """
        return max(-1.0, min(1.0, self.error / self.limit))

    def correction(self, weight: int, damping: int) -> int:
        """Return what a weight, in 2**-15, moves the forecast by, in ulps, to the bit as on the device.

        damping: b, a gain. (`headway_edge.core.forecast.customer_factor.CustomerFactorSmoothing`, within its bounds.)

        >>> Observation("s", 0, 1, "c", 0, 1000, ()).correction(-16384, 16384)
        -250
        """
        by = times(times(GAIN_ONE - damping, abs(weight)), self.limit)
        return by if weight >= 0 else -by
