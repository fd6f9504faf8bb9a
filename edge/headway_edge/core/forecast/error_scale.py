"""How far off a forecast usually is: the mean size of its errors, smoothed.

    scale += delta * (|e| - scale),  and for the first 1 / delta errors their plain mean

For errors that are normally distributed it is 1 / 1.2533 of their standard deviation (Brown 1959), and one wild error moves it
far less than it moves a root of squares.

>>> from headway_edge.core.forecast.fixed_point import gain
>>> scale = ErrorScale(gain(1, 10))
>>> for error_ulps in (256, -512, 768):
...     scale.update(error_ulps)
>>> scale.ulps()
512
"""

from array import array

from headway_edge.core.forecast.fixed_point import GAIN_ONE, add_times, check_gain, rounded

_COUNT = 2
_LEAST = GAIN_ONE // 100  # slower than this, an old scale would hardly ever be forgotten


class ErrorScale:
    """A smoothed mean of |e|. delta: a gain, 0.01 to 1."""

    def __init__(self, delta: int) -> None:
        self.delta = check_gain("delta", delta, _LEAST)
        self._cells = array("i", [0, 0, 0])

    def update(self, error_ulps: int) -> None:
        """Take an error in ulps, size up to 2**29."""
        cells = self._cells
        count = cells[_COUNT] + 1
        share = (GAIN_ONE + (count >> 1)) // count
        if share > self.delta:
            cells[_COUNT] = count
        else:
            share = self.delta
        add_times(cells, 0, share, (error_ulps if error_ulps >= 0 else -error_ulps) - cells[0], cells[1])

    def ulps(self) -> int:
        """Return the scale in ulps; 0 before the first error."""
        return rounded(self._cells, 0)

    def state(self) -> list:
        """The scale as integers, for a checkpoint."""
        return list(self._cells)

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a scale of the same delta."""
        self._cells = array("i", state)
