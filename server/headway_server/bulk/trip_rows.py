"""The rows of trips: which of a block's accepted samples they are, how far each drove, and for how long."""

from functools import cached_property

import numpy as np

from headway_edge.core.pack import Pack
from headway_server.bulk.closed_trips import ClosedTrips
from headway_server.bulk.driven_times import DrivenTimes
from headway_server.bulk.rows import Ranges, Rows
from headway_server.bulk.samples import Integers, SampleBlock


class TripRows(Rows):
    """Rows of the trips `begin` to before `end` of a block's closed trips. back_samples: as of `Rows`."""

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
        self._trips, self._driven = trips, driven
        self._begin, self._end = begin, end
        first, last = trips.first[begin:end], trips.end[begin:end]
        ends: Integers = np.cumsum(last - first)
        starts: Integers = ends - (last - first)
        kept: Integers = starts + trips.kept[begin:end] - first
        self._accepted: Integers = np.arange(ends[-1]) + np.repeat(first - starts, last - first)
        steps_ms = trips.gated.since_ms[self._accepted]
        steps_ms[starts] = 0
        near = steps_ms <= pack.rules[0]
        near[starts] = False
        samples = trips.gated.samples[self._accepted]
        super().__init__(pack, period_ms, block, samples, steps_ms, near, Ranges(starts, kept, ends))
        self.back_samples = back_samples

    def driven_ms(self, rest_ms: int) -> Integers:
        """Return the time (ms) that the vehicle had driven with each row since its last rest of at least `rest_ms`."""
        return self._driven.at(self._accepted, rest_ms)

    @cached_property
    def steps_m(self) -> Integers:
        """The metres that each row adds to its trip."""
        start = np.repeat(self._trips.first[self._begin : self._end], self.ends - self.starts)
        metres = self._trips.metres_since_start(self._accepted, start)
        steps: Integers = np.diff(metres, prepend=0)
        steps[self.starts] = 0
        return steps
