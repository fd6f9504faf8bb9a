"""The rows of trips: what the pack's code sees of each sample that is folded in, for many trips one after the other."""

from functools import cached_property

import numpy as np

from headway_edge.core.pack import Pack
from headway_simulators.bulk.closed_trips import ClosedTrips
from headway_simulators.bulk.driven_times import DrivenTimes
from headway_simulators.bulk.samples import Integers, SampleBlock, Truths


class TripRows:
    """Rows of the trips `begin` to before `end` of a block's closed trips.

    samples: shape (rows); index in the block. starts, kept, ends: shape (trips); ranges of rows: what counts is before
    `kept`, events also before `ends`. times_ms: shape (rows); time within the rows, standing still from one trip to the next.
    near: shape (rows); whether there is a sample before in the trip, and no gap. back_samples: how many rows a look back
    reaches at most, 0 if the pack never looks back.
    """

    def __init__(
        self,
        pack: Pack,
        period_ms: int,
        back_samples: int,
        block: SampleBlock,
        trips: ClosedTrips,
        driven: DrivenTimes,
        begin: int,
        end: int,
    ) -> None:
        self._pack, self._block, self._trips, self._driven = pack, block, trips, driven
        self._period_ms = period_ms
        self._begin, self._end = begin, end
        self.back_samples = back_samples
        first, last = trips.first[begin:end], trips.end[begin:end]
        self.ends: Integers = np.cumsum(last - first)
        self.starts: Integers = self.ends - (last - first)
        self.kept: Integers = self.starts + trips.kept[begin:end] - first
        self._accepted: Integers = np.arange(self.ends[-1]) + np.repeat(first - self.starts, last - first)
        self.samples = trips.gated.samples[self._accepted]
        self.steps_ms = trips.gated.since_ms[self._accepted]
        self.steps_ms[self.starts] = 0
        self.times_ms: Integers = np.cumsum(self.steps_ms)
        self.near: Truths = self.steps_ms <= pack.rules[0]
        self.near[self.starts] = False

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

    def driven_ms(self, rest_ms: int) -> Integers:
        """Return the time (ms) that the vehicle had driven with each row since its last rest of at least `rest_ms`."""
        return self._driven.at(self._accepted, rest_ms)

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
        start = np.repeat(self._trips.first[self._begin : self._end], self.ends - self.starts)
        metres = self._trips.metres_since_start(self._accepted, start)
        steps: Integers = np.diff(metres, prepend=0)
        steps[self.starts] = 0
        return steps

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
