"""The last seconds of a few numbers, to look back by time: whatever the sampling rate, "one second ago" is one second ago.

Numbers are looked up between the two samples around that moment, on a straight line. Sliding windows are lookups too: the
net change over five seconds is a running total now, less the running total five seconds ago.

>>> history = History(1, 4)
>>> for step_ms, speed in ((0, 100), (1000, 200), (500, 250)):
...     history.push(step_ms)
...     history.put(0, speed)
>>> history.seek(1000), history.value(0)
(1, 150)
>>> history.seek(2000)
0
"""

from array import array

from headway_edge.core.program import MISSING
from headway_protocol import const

_REBASE = const(1 << 27)


class History:
    """A ring of samples: `columns` numbers each, and the time between them.

    length: how many samples are kept, 2 or more. Memory: 4 * length * (columns + 1) bytes. Nothing is allocated after
    construction. Call `push` once a sample, then `put` each column; then `seek` a time and read values there.
    """

    def __init__(self, columns: int, length: int) -> None:
        self._length = length
        self._steps_ms = array("i", [0] * length)
        self._columns = [array("i", [0] * length) for _ in range(columns)]
        self._at = 0
        self._filled = 0
        self._older = 0
        self._newer = 0
        self._over = 0
        self._step = 1
        self.covered_ms = 0

    def reset(self) -> None:
        """Forget everything, as at a gap."""
        self._filled = 0

    def push(self, step_ms: int) -> None:
        """Begin a sample `step_ms` after the one before."""
        at = self._at + 1
        if at == self._length:
            at = 0
        self._at = at
        self._steps_ms[at] = step_ms
        if self._filled < self._length:
            self._filled += 1

    def put(self, column: int, number: int) -> None:
        """Store a number of the present sample."""
        self._columns[column][self._at] = number

    def add(self, column: int, change: int) -> int:
        """Store the number of the sample before plus `change`: a running total; return 0.

        The totals are kept small: only their differences mean anything.
        """
        numbers = self._columns[column]
        at = self._at
        if self._filled < 2:
            numbers[at] = 0
            return 0
        total = numbers[at - 1 if at else self._length - 1] + change
        if total > _REBASE or total < -_REBASE:
            for i in range(self._length):
                numbers[i] = (numbers[i] - total) if -_REBASE <= numbers[i] - total <= _REBASE else 0
            total = 0
        numbers[at] = total
        return 0

    def seek(self, back_ms: int) -> int:
        """Look `back_ms` back; return 1 if the ring reaches that far, else 0. `covered_ms`: to the older sample there."""
        steps = self._steps_ms
        at = self._at
        covered = 0
        for _ in range(self._filled - 1):
            step = steps[at]
            covered += step
            newer = at
            at -= 1
            if at < 0:
                at = self._length - 1
            if covered >= back_ms:
                self._older, self._newer = at, newer
                self._over = covered - back_ms
                self._step = step
                self.covered_ms = covered
                return 1
        return 0

    def value(self, column: int) -> int:
        """The column's number at the time sought; MISSING if it is missing on either side."""
        numbers = self._columns[column]
        older, newer = numbers[self._older], numbers[self._newer]
        if older == MISSING or newer == MISSING:  # noqa: PLR1714 - MicroPython would build a tuple
            return MISSING
        return older + (newer - older) * self._over // self._step

    def wrapped(self, column: int, wrap: int) -> int:
        """The same for a number that wraps: along the shorter way, in 0..wrap-1."""
        numbers = self._columns[column]
        older, newer = numbers[self._older], numbers[self._newer]
        if older == MISSING or newer == MISSING:  # noqa: PLR1714 - MicroPython would build a tuple
            return MISSING
        return (older + wrapped_difference(older, newer, wrap) * self._over // self._step) % wrap

    def since(self, column: int) -> int:
        """How much a running total has grown since the time sought."""
        numbers = self._columns[column]
        older, newer = numbers[self._older], numbers[self._newer]
        return numbers[self._at] - (older + (newer - older) * self._over // self._step)


def wrapped_difference(older: int, newer: int, wrap: int) -> int:
    """The change from older to newer on a circle of `wrap`, along the shorter way; half a circle counts as negative.

    >>> wrapped_difference(3500, 100, 3600), wrapped_difference(100, 3500, 3600), wrapped_difference(0, 1800, 3600)
    (200, -200, -1800)
    """
    return (newer - older + wrap + wrap // 2) % wrap - wrap // 2
