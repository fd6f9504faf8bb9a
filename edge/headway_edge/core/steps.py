"""Steps from the acceleration of a wrist or a hip, sample by sample.

The method is that of Zhao, "Full-featured pedometer design realized with 3-axis digital accelerometer", Analog Dialogue 44-06
(2010): a moving sum against noise, a threshold halfway between the highest and the lowest of the last second, a precision
that a change must exceed, a step where the filtered signal falls through the threshold, 0.2 to 2.0 s between steps, and nothing
counted before four steps in a row. Two things differ: the size of the acceleration is used in place of its most active
axis, so that a turning wrist does not change the axis; and the moving sum and the second are times, not numbers of samples.
Precisions are ours.

>>> counter = StepCounter(20)
>>> sum([counter.update(0, 0, 1200 if i % 25 < 12 else 800) for i in range(25 * 11)])
9
"""

from array import array

from headway_edge.core.acceleration import Size, check_period

_FILTER_MS = 80  # four samples at 50 Hz
_WINDOW_MS = 1000
# Chosen so that a minute of a real drive has next to no steps, at the price of steps that shake the wrist by less.
_SWING_MG = 200  # least difference of the highest and the lowest of a second in which there are steps
_PRECISION_MG = 60  # what changes by less has not changed
_INTERVAL_MIN_MS = 200
_INTERVAL_MAX_MS = 2000
_IN_A_ROW = 4


class StepCounter:
    """Counts steps at 25 to 50 Hz.

    period_ms: the sampling period, 20..40 ms, whole; steps do not depend on it beyond the filter's resolution. Memory: a
    few numbers. Nothing is allocated by an update on a 32-bit heap. A gap in the samples is told with `reset`.
    """

    def __init__(self, period_ms: int) -> None:
        check_period(period_ms)
        self._period_ms = period_ms
        self._taps = (_FILTER_MS + period_ms // 2) // period_ms
        self._ring = array("h", [0] * self._taps)
        self._size = Size()
        self.reset()

    def reset(self) -> None:
        """Begin anew, as after a gap: steps not yet four in a row are forgotten."""
        for i in range(self._taps):
            self._ring[i] = 1000
        self._sum = 1000 * self._taps
        self._at = 0
        self._window_ms = 0
        self._highest = -1
        self._lowest = -1
        self._threshold = 0
        self._swing = 0
        self._filtered = 1000
        self._since_ms = _INTERVAL_MAX_MS + 1
        self._in_a_row = 0

    def update(self, x_mg: int, y_mg: int, z_mg: int) -> int:
        """Take a sample in milli-g; return how many steps it makes certain: 0, 1, or 4 when a walk has begun."""
        size = self._size.of(x_mg, y_mg, z_mg)
        ring = self._ring
        at = self._at
        self._sum += size - ring[at]
        ring[at] = size
        at += 1
        self._at = at if at < self._taps else 0
        filtered = self._sum // self._taps
        if self._highest < 0 or filtered > self._highest:
            self._highest = filtered
        if self._lowest < 0 or filtered < self._lowest:
            self._lowest = filtered
        period_ms = self._period_ms
        if self._since_ms <= _INTERVAL_MAX_MS:
            self._since_ms += period_ms
        self._window_ms += period_ms
        if self._window_ms >= _WINDOW_MS:
            self._threshold = (self._highest + self._lowest) // 2
            self._swing = self._highest - self._lowest
            self._highest = self._lowest = -1
            self._window_ms = 0
        before = self._filtered
        if abs(filtered - before) <= _PRECISION_MG:
            return 0
        self._filtered = filtered
        if self._swing < _SWING_MG or not before > self._threshold >= filtered:
            return 0
        return self._step()

    def _step(self) -> int:
        since_ms = self._since_ms
        if since_ms < _INTERVAL_MIN_MS:
            return 0
        self._since_ms = 0
        if since_ms > _INTERVAL_MAX_MS:
            self._in_a_row = 1
            return 0
        if self._in_a_row > _IN_A_ROW - 1:
            return 1
        self._in_a_row += 1
        return _IN_A_ROW if self._in_a_row == _IN_A_ROW else 0
