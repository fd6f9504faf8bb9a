"""The CUSUM chart of counted events: whether they have become twice as frequent, or half as frequent, for the way driven.

A trip of exposure m has x events where m times the usual rate r0 = expected would be usual. The log-likelihood ratio of a
rate r1 against r0 is x ln(r1 / r0) - (r1 - r0) m; divided by ln(r1 / r0) it is x - k m with k = (r1 - r0) / (ln r1 - ln r0)
(Lucas 1985), of trips of any length. For twice the rate k is 1.4427 r0, for half of it 0.7213 r0:

    up = max(0, up + x - 1.4427 expected)        down = max(0, down + 0.7213 expected - x)        signal where one exceeds h

Where the usual rate is known, there are at least 2**h trips between false alarms of one side on average, whatever the rate
(Lorden 1971); with h = 7, more than 300 in fact for both sides together, and many more where events are rare.

>>> rate = EventRate()
>>> for _ in range(20):
...     done = rate.add(1, 100)
>>> done, rate.expected_q12(50) / 4096
(True, 0.512939453125)
>>> chart = PoissonChart()
>>> [chart.update(x, 4096) for x in (1, 4, 4, 4)]
[0, 0, 0, 1]
>>> chart.since, chart.seen, chart.expected_seen_q12 >> 12
(3, 12, 3)
"""

from headway_edge.core.forecast.fixed_point import cut
from headway_edge.core.fraction import ONE_Q12, quotient_q12

COUNT_MAX = 1023  # events of one trip; what is more is cut
EXPOSURE_MAX = 32767  # of one trip; what is more is cut
H7_Q12 = 7 * ONE_Q12
TRIPS_LEAST, EVENTS_ENOUGH, TRIPS_MOST = 20, 16, 60  # of the baseline
_TWICE_Q10 = 1477  # 1 / ln 2 = 1.4427
_HALF_Q10 = 739  # 0.5 / ln 2 = 0.7213
_RUN_MAX = 1 << 14
_SEEN_MAX = 1 << 28


class EventRate:
    """How frequent events usually are: of the first trips, then frozen.

    It takes 20 trips, and up to 60 while there are fewer than 16 events. Half an event is added, so that whoever has had none
    has a rate as well. The error of the rate is that of the count: 16 events are 16 plus or minus 4.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as when the definition of the event has changed."""
        self.trips = 0
        self.events = 0
        self.exposure = 0
        self._each_q4 = 0  # exposure for one event

    @property
    def ready(self) -> bool:
        """Whether the rate is frozen."""
        return self._each_q4 > 0

    def add(self, events: int, exposure: int) -> bool:
        """Take a trip's events (cut at COUNT_MAX) and exposure (in whatever is fine enough: 0.1 km; cut at EXPOSURE_MAX).

        Return whether it was the last that was needed.
        """
        self.trips += 1
        self.events += cut(events, COUNT_MAX)
        self.exposure += cut(exposure, EXPOSURE_MAX)
        if self.exposure and ((self.trips >= TRIPS_LEAST and self.events >= EVENTS_ENOUGH) or self.trips >= TRIPS_MOST):
            self._each_q4 = max((self.exposure << 5) // (2 * self.events + 1), 1)
            return True
        return False

    def expected_q12(self, exposure: int) -> int:
        """Return how many events are usual for an exposure, in 1/4096. Only once ready."""
        return quotient_q12(cut(exposure, EXPOSURE_MAX) << 4, self._each_q4)

    def state(self) -> list:
        """The rate as integers, for a checkpoint."""
        return [self.trips, self.events, self.exposure, self._each_q4]

    def restore(self, state: list) -> None:
        """Go on from `state`."""
        self.trips, self.events, self.exposure, self._each_q4 = state

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 4


class PoissonChart:
    """A chart of counts beside what is expected.

    h_q12: limit in events, 1 to 100. After a signal it starts again. Of the last signal tell `since`, how many trips before
    it, itself included, the change began; `seen`, the events of these trips; `expected_seen_q12`, how many would have been
    usual. Nothing is allocated by an update.
    """

    def __init__(self, h_q12: int = H7_Q12) -> None:
        if not ONE_Q12 <= h_q12 <= 100 * ONE_Q12:
            raise ValueError("a Poisson chart with h = %d/4096: 1 to 100 are possible" % h_q12)
        self._h_q12 = h_q12
        self.since = 0
        self.seen = 0
        self.expected_seen_q12 = 0
        self.reset()

    def reset(self) -> None:
        """Start again."""
        self.up_q12 = self.down_q12 = 0
        # Of the trips since each sum was last 0: how many, events, events expected.
        self._up_run = self._up_seen = self._up_expected_q12 = 0
        self._down_run = self._down_seen = self._down_expected_q12 = 0

    def update(self, events: int, expected_q12: int) -> int:
        """Take one trip; return 1 for a signal upwards, -1 for one downwards, 0 for none."""
        events = cut(events, COUNT_MAX)
        counted_q12 = events << 12
        up_q12 = self.up_q12 + counted_q12 - _part(expected_q12, _TWICE_Q10)
        down_q12 = self.down_q12 + _part(expected_q12, _HALF_Q10) - counted_q12
        if up_q12 > 0:
            self.up_q12 = up_q12
            self._up_run += self._up_run < _RUN_MAX
            self._up_seen = cut(self._up_seen + events, _SEEN_MAX)
            self._up_expected_q12 = cut(self._up_expected_q12 + expected_q12, _SEEN_MAX)
        else:
            self.up_q12 = self._up_run = self._up_seen = self._up_expected_q12 = 0
        if down_q12 > 0:
            self.down_q12 = down_q12
            self._down_run += self._down_run < _RUN_MAX
            self._down_seen = cut(self._down_seen + events, _SEEN_MAX)
            self._down_expected_q12 = cut(self._down_expected_q12 + expected_q12, _SEEN_MAX)
        else:
            self.down_q12 = self._down_run = self._down_seen = self._down_expected_q12 = 0
        if up_q12 > self._h_q12:
            self.since, self.seen, self.expected_seen_q12 = self._up_run, self._up_seen, self._up_expected_q12
            self.reset()
            return 1
        if down_q12 > self._h_q12:
            self.since, self.seen, self.expected_seen_q12 = self._down_run, self._down_seen, self._down_expected_q12
            self.reset()
            return -1
        return 0

    def state(self) -> list:
        """The chart as integers, for a checkpoint."""
        return [
            self.up_q12,
            self._up_run,
            self._up_seen,
            self._up_expected_q12,
            self.down_q12,
            self._down_run,
            self._down_seen,
            self._down_expected_q12,
            self.since,
            self.seen,
            self.expected_seen_q12,
        ]

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a chart of the same h."""
        self.up_q12, self._up_run, self._up_seen, self._up_expected_q12 = state[:4]
        self.down_q12, self._down_run, self._down_seen, self._down_expected_q12 = state[4:8]
        self.since, self.seen, self.expected_seen_q12 = state[8:]

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 11


def _part(number_q12: int, factor_q10: int) -> int:
    # number * factor, rounded down, for numbers up to WHOLE_MAX.
    return (number_q12 >> 10) * factor_q10 + ((number_q12 & 1023) * factor_q10 >> 10)
