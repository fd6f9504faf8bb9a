"""From acceleration to epochs: the steps and activity counts that a pack of kind "day" takes as samples.

>>> wrist = WristEpochs(40, 1000)
>>> ended = [i for i in range(80) if wrist.update(40, 0, 0, 1000 + 300 * (i % 2))]
>>> ended, wrist.dt_ms, wrist.activity, wrist.steps
([25, 50, 75], 1000, 15, 0)
"""

from headway_edge.core.activity import ActivityCounter
from headway_edge.core.program import MISSING
from headway_edge.core.steps import StepCounter

GAP_MS = 1000  # samples further apart than this are no walk
_LONGEST_MS = 1 << 28


class WristEpochs:
    """Gathers samples of acceleration into epochs.

    period_ms: of the samples, 20..40. epoch_ms: as in the pack. After an update that returns 1 an epoch has ended: `activity` and
    `steps` are its numbers, MISSING where less than half of it was sampled, and `dt_ms` is how long it began after the
    one before, as `headway_edge.core.day.DayCore.update` wants to know. Nothing is allocated by an update on a 32-bit heap.
    """

    def __init__(self, period_ms: int, epoch_ms: int = 60000) -> None:
        self._steps = StepCounter(period_ms)
        self._activity = ActivityCounter(period_ms)
        self._period_ms = period_ms
        self._epoch_ms = epoch_ms
        self._into_ms = -period_ms  # how far into the epoch the last sample was; the first is at its beginning
        self._sampled_ms = 0
        self._stepped = 0
        self._next_dt_ms = 0
        self.activity = MISSING
        self.steps = MISSING
        self.dt_ms = 0

    def update(self, dt_ms: int, x_mg: int, y_mg: int, z_mg: int) -> int:
        """Take a sample in milli-g, `dt_ms` after the one before; return 1 if an epoch ended before it, else 0.

        Epochs in which there was no sample at all are not reported: `dt_ms` tells of them. Time that runs backwards is none.
        """
        ended = 0
        if self._into_ms < 0:
            dt_ms = self._period_ms
        dt_ms = min(max(dt_ms, 0), _LONGEST_MS)
        into = self._into_ms + dt_ms
        if into >= self._epoch_ms:
            ended = self._end(into // self._epoch_ms)
            into %= self._epoch_ms
        self._into_ms = into
        if dt_ms > GAP_MS:
            self._steps.reset()
        self._stepped += self._steps.update(x_mg, y_mg, z_mg)
        self._activity.update(x_mg, y_mg, z_mg)
        self._sampled_ms += self._period_ms
        return ended

    def _end(self, epochs: int) -> int:
        activity = self._activity.take()
        observed = 2 * self._sampled_ms >= self._epoch_ms
        self.activity = activity if observed else MISSING
        self.steps = self._stepped if observed else MISSING
        self.dt_ms = self._next_dt_ms
        self._next_dt_ms = epochs * self._epoch_ms
        self._sampled_ms = self._stepped = 0
        return 1
