"""Looking back by time: where the samples around a moment lie, for every row at once.

As `headway_edge.core.history`: on a straight line between the two samples around the moment, not over a gap, not further
than the device's ring of samples reaches.
"""

from dataclasses import dataclass

import numpy as np

from headway_server.bulk.rows import Rows
from headway_server.bulk.samples import Integers, Truths


@dataclass(frozen=True)
class Look:
    """Where a moment before each row is.

    Its older sample is `shift` rows ago everywhere and the newer one the next, or they are at the rows `older` and `newer`
    if those are given. over_ms: from the older sample to the moment. step_ms: between the two. is_there: shape (rows);
    whether there was anything to look at, without which other results mean nothing.
    """

    shift: int
    older: Integers | None
    newer: Integers | None
    over_ms: Integers | int
    step_ms: Integers | int
    is_there: Truths

    def at_older(self, numbers: Integers) -> Integers:
        """Return the numbers (shape (rows)) at the older sample."""
        return _shifted(numbers, self.shift) if self.older is None else numbers[self.older]

    def at_newer(self, numbers: Integers) -> Integers:
        """Return the numbers at the newer sample."""
        return _shifted(numbers, self.shift - 1) if self.newer is None else numbers[self.newer]

    def is_exact(self) -> bool:
        """Whether the moment is that of the older sample everywhere: nothing to go along a line."""
        return isinstance(self.over_ms, int) and self.over_ms == 0

    def both_valid(self, is_valid: Truths) -> Truths:
        """Tell where both samples are valid, and there at all."""
        if self.older is not None and self.newer is not None:
            return self.is_there & is_valid[self.older] & is_valid[self.newer]
        found = self.is_there.copy()
        found[self.shift :] &= is_valid[: -self.shift]
        found[self.shift - 1 :] &= is_valid[: len(is_valid) - self.shift + 1]
        return found

    def between(self, numbers: Integers) -> Integers:
        """Return the numbers on the line from the older sample to the newer one."""
        older = self.at_older(numbers)
        if self.is_exact():
            return older
        return older + (self.at_newer(numbers) - older) * self.over_ms // self.step_ms


def look_back(rows: Rows, back_ms: int) -> Look | None:
    """Find `back_ms` (1 or more) ago for every row; None if it is nowhere to be found."""
    is_there = rows.run_ms >= back_ms
    if not is_there.any():
        return None
    step_ms = rows.regular_step_ms
    if step_ms:
        shift = -(-back_ms // step_ms)
        if shift > rows.back_samples:
            return None
        return Look(shift, None, None, shift * step_ms - back_ms, step_ms, is_there)
    times_ms = rows.times_ms
    sought_ms = times_ms - back_ms
    older = _older(times_ms, sought_ms, back_ms, int(np.median(rows.steps_ms[rows.near])))
    is_there &= np.arange(len(rows)) - older <= rows.back_samples
    newer = older + 1
    older_ms = times_ms[older]
    return Look(0, older, newer, sought_ms - older_ms, np.maximum(times_ms[newer] - older_ms, 1), is_there)


def _older(times_ms: Integers, sought_ms: Integers, back_ms: int, usual_step_ms: int) -> Integers:
    # The last row not later than the moment sought, but never the last of all, so that there is a newer one to name.
    # Most are where they would be at the usual step; the others are searched.
    older: Integers = np.arange(len(times_ms)) - max(-(-back_ms // usual_step_ms), 1)
    older[older < 0] = 0
    wrong = np.flatnonzero((times_ms[older] > sought_ms) | (times_ms[older + 1] <= sought_ms))
    found = np.searchsorted(times_ms, sought_ms[wrong], side="right") - 1
    older[wrong] = np.minimum(np.maximum(found, 0), len(times_ms) - 2)
    return older


def _shifted(numbers: Integers, shift: int) -> Integers:
    if shift == 0:
        return numbers
    moved = np.empty_like(numbers)
    moved[:shift] = numbers[0]
    moved[shift:] = numbers[:-shift]
    return moved
