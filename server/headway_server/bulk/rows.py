"""The rows of episodes: what the pack's code sees of each sample that is folded in, for many episodes one after the other."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from headway_edge.core.pack import Pack
from headway_server.bulk.samples import Integers, SampleBlock, Truths


class Ranges(NamedTuple):
    """Ranges of rows, each of shape (episodes): where each starts, before where it counts, before where it ends."""

    starts: Integers
    kept: Integers
    ends: Integers


class Rows:
    """Rows of trips or of days; `trip` is either. Of what does not move, such as a day, distances and driven times are 0.

    samples: shape (rows); index in the block. starts, kept, ends: shape (trips); ranges of rows: what counts is before
    `kept`, events also before `ends`. steps_ms: shape (rows); since the row before, 0 at the start of a trip. times_ms:
    shape (rows); time within the rows, standing still from one trip to the next. near: shape (rows); whether there is a
    sample before in the trip, and no gap. period_ms: what a row without one counts for. back_samples: how many rows a look
    back reaches at most, 0 if the pack never looks back.
    """

    def __init__(
        self,
        pack: Pack,
        period_ms: int,
        block: SampleBlock,
        samples: Integers,
        steps_ms: Integers,
        near: Truths,
        ranges: Ranges,
    ) -> None:
        self._pack, self._block = pack, block
        self._period_ms = period_ms
        self.back_samples = 0
        self.samples, self.steps_ms, self.near = samples, steps_ms, near
        self.starts, self.kept, self.ends = ranges
        self.times_ms: Integers = np.cumsum(steps_ms)

    def __len__(self) -> int:
        return len(self.samples)

    def signal(self, index: int) -> tuple[Integers | int, Truths | bool]:
        """Return a signal's numbers and where it is within its range: an array, or the same everywhere."""
        column = self._block.signals[index]
        if column is None:
            return 0, False
        numbers = column[self.samples]
        if index == self._pack.speed:
            return numbers, True
        _, _, _, _, low, high, _, _ = self._pack.signals[index]
        if numbers.min() >= low and numbers.max() <= high:
            return numbers, True
        is_valid = (numbers >= low) & (numbers <= high)
        return (numbers, is_valid) if is_valid.any() else (0, False)

    def driven_ms(self, rest_ms: int) -> Integers:  # noqa: ARG002 - here nothing drives
        """Return the time (ms) that the vehicle had driven with each row since its last rest of at least `rest_ms`."""
        return np.zeros(len(self), np.int64)

    def wrap(self, index: int) -> int:
        """Return at what number a signal begins anew, 0 if it does not."""
        wrap: int = self._pack.signals[index][6]
        return wrap

    def trip_of(self, rows: Integers) -> Integers:
        """Return the place among these trips of each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    @cached_property
    def trip(self) -> Integers:
        """The place of the trip of each row."""
        return np.repeat(np.arange(len(self.starts)), self.ends - self.starts)

    @cached_property
    def kept_ranges(self) -> Integers:
        """Borders for `reduceat`: what is kept, what is not, and so on; every other result counts."""
        borders = np.column_stack([self.starts, self.kept]).ravel()
        return borders[:-1] if borders[-1] == len(self) else borders

    @cached_property
    def weights_ms(self) -> Integers:
        """What each row counts for; nothing where it was trimmed."""
        weights = np.where(self.near, self.steps_ms, self._period_ms)
        is_trimmed = self.kept < self.ends
        for start, end in zip(self.kept[is_trimmed].tolist(), self.ends[is_trimmed].tolist(), strict=True):
            weights[start:end] = 0
        return weights

    @cached_property
    def steps_m(self) -> Integers:
        """The metres that each row adds to its trip."""
        return np.zeros(len(self), np.int64)

    @cached_property
    def run_ms(self) -> Integers:
        """How long ago the last gap, or the start of the trip, was: how far one may look back."""
        return self.times_ms - np.maximum.accumulate(np.where(self.near, 0, self.times_ms))

    @cached_property
    def regular_step_ms(self) -> int:
        """The step between rows if it is always the same; else 0."""
        near_steps_ms = self.steps_ms[self.near]
        if not len(near_steps_ms):
            return 1
        step_ms = int(near_steps_ms[0])
        return step_ms if np.all(near_steps_ms == step_ms) else 0
