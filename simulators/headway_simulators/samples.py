"""A sample in the core's integers, and the one way from a reading in VSS units to them."""

import math
from dataclasses import dataclass

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment of a recorded trip.

    wall_ms: Unix time in milliseconds. speed_ckmh: centi-km/h. rpm: revolutions per minute. ignition: 1 on, 0 off.
    UNKNOWN (-1) where the recording has nothing, or nothing usable.
    """

    wall_ms: int
    speed_ckmh: int
    rpm: int = UNKNOWN
    ignition: int = UNKNOWN


def quantize(value: float, quanta_per_unit: float, maximum: int) -> int:
    """Return a reading as an integer number of quanta, half up; UNKNOWN for NaN, infinities and negatives.

    `maximum` bounds what is passed on, so that nonsense stays nonsense without outgrowing the core's integers.

    >>> quantize(50.005, 100, 100_000), quantize(float("nan"), 100, 100_000), quantize(1e300, 100, 100_000)
    (5001, -1, 100000)
    """
    if not math.isfinite(value) or value < 0:
        return UNKNOWN
    return min(math.floor(min(value * quanta_per_unit, float(maximum)) + 0.5), maximum)
