"""Activity counts from acceleration: how much a wrist moved in an epoch.

Digital integration of movement (the "proportional integrating measure" of actigraphy): how far the size of the acceleration lies
from its own mean of the last seconds, added up over time, without what is no more than a sensor's noise. One count is 10 milli-g
for a second. These are counts of this method and of no maker's device: formulas fitted to others' counts need a calibration.

>>> counter = ActivityCounter(20)
>>> for i in range(3000):
...     counter.update(0, 0, 1100 if i % 50 < 25 else 900)
>>> counter.take(), counter.take()
(596, 0)
"""

from headway_edge.core.acceleration import Size, check_period

_NOISE_MG = 20  # a wrist at rest with a sensor's noise stays within
_MEAN_SHIFT = 6  # the mean follows by 1/64 of the difference a sample: 1.3 s at 50 Hz, 2.6 s at 25 Hz
_COUNT_MGMS = 10000


class ActivityCounter:
    """Counts at 25 to 50 Hz.

    period_ms: the sampling period, 20..40 ms. Nothing is allocated by an update on a 32-bit heap.
    """

    def __init__(self, period_ms: int) -> None:
        check_period(period_ms)
        self._period_ms = period_ms
        self._size = Size()
        self._mean = 1000 << _MEAN_SHIFT
        self._count = 0
        self._rest = 0

    def update(self, x_mg: int, y_mg: int, z_mg: int) -> None:
        """Take a sample in milli-g."""
        size = self._size.of(x_mg, y_mg, z_mg)
        away = size - (self._mean >> _MEAN_SHIFT)
        self._mean += away
        away = abs(away)
        if away > _NOISE_MG:
            rest = self._rest + away * self._period_ms
            self._count += rest // _COUNT_MGMS
            self._rest = rest % _COUNT_MGMS

    def take(self) -> int:
        """Return the counts since the last call, at the end of an epoch."""
        count, self._count = self._count, 0
        return count
