"""The two-sided CUSUM chart: how much standardised numbers have added up beyond what is let pass.

    up = max(0, up + x - k)        down = max(0, down - x - k)        signal where one exceeds h

(Page 1954; Montgomery, Introduction to Statistical Quality Control.) With k = 0.5 it is quickest for a shift of one spread.
Where mean and deviation are known, normal numbers give a false alarm every 168 at h = 4 and every 465 at h = 5 on average.
Since when there is a change is where the sum that signals last was 0, and its size is k + sum / n.

>>> chart = CusumChart(H4_Q12)
>>> [chart.update(x << 12) for x in (0, -1, 2, 2, 2)]
[0, 0, 0, 0, 1]
>>> chart.since, chart.size_q12 / 4096
(3, 2.0)
"""

from headway_edge.core.fraction import ONE_Q12

K_Q12 = ONE_Q12 // 2
H4_Q12 = 4 * ONE_Q12
H5_Q12 = 5 * ONE_Q12
_RUN_MAX = 1 << 14


class CusumChart:
    """A chart of numbers in 1/4096 of their spread, each up to 2**14 in size.

    h_q12: limit, 1 to 20 spreads. headstart: begin, also again after a signal, at h / 2, so that what is wrong from the start
    shows sooner, for a few more false alarms (Lucas and Crosier 1982). After a signal it starts again. `since` and `size_q12`
    tell of the last signal: how many numbers before it, itself included, the change began, and its size. Nothing is allocated
    by an update.
    """

    def __init__(self, h_q12: int = H5_Q12, headstart: bool = False) -> None:
        if not ONE_Q12 <= h_q12 <= 20 * ONE_Q12:
            raise ValueError("a CUSUM chart with h = %d/4096: 1 to 20 are possible" % h_q12)
        self._h_q12 = h_q12
        self._start_q12 = h_q12 // 2 if headstart else 0
        self.since = 0
        self.size_q12 = 0
        self.reset()

    def reset(self) -> None:
        """Start again."""
        self.up_q12 = self.down_q12 = self._start_q12
        self._up_run = self._down_run = 0

    def update(self, x_q12: int) -> int:
        """Take one number; return 1 for a signal upwards, -1 for one downwards, 0 for none."""
        up_q12 = self.up_q12 + x_q12 - K_Q12
        down_q12 = self.down_q12 - x_q12 - K_Q12
        if up_q12 > 0:
            self.up_q12 = up_q12
            self._up_run += self._up_run < _RUN_MAX
        else:
            self.up_q12 = self._up_run = 0
        if down_q12 > 0:
            self.down_q12 = down_q12
            self._down_run += self._down_run < _RUN_MAX
        else:
            self.down_q12 = self._down_run = 0
        if up_q12 > self._h_q12:
            self.since = self._up_run
            self.size_q12 = K_Q12 + up_q12 // self._up_run
            self.reset()
            return 1
        if down_q12 > self._h_q12:
            self.since = self._down_run
            self.size_q12 = -K_Q12 - down_q12 // self._down_run
            self.reset()
            return -1
        return 0

    def state(self) -> list:
        """The chart as integers, for a checkpoint."""
        return [self.up_q12, self.down_q12, self._up_run, self._down_run, self.since, self.size_q12]

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a chart of the same parameters."""
        self.up_q12, self.down_q12, self._up_run, self._down_run, self.since, self.size_q12 = state

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 6
