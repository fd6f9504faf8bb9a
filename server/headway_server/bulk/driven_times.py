"""Time driven since the last rest, for all accepted samples of a block at once: what goes on from trip to trip.

As in `headway_edge.core.episode`: standing, and every silence, are rest; episodes that were too short to be trips were driven
all the same.
"""

from functools import cached_property

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.program import DRIVEN_MS_MAX
from headway_server.bulk.gated import GatedBlock
from headway_server.bulk.samples import Integers, SampleBlock, Truths
from headway_server.bulk.screened import ScreenedBlock


class DrivenTimes:
    """How long each vehicle of a block has driven since its last rest, at each accepted sample."""

    def __init__(
        self, pack: Pack, period_ms: int, block: SampleBlock, screened: ScreenedBlock, gated: GatedBlock
    ) -> None:
        self._near_ms = pack.rules[0]
        self._period_ms = period_ms
        self._block, self._screened, self._gated = block, screened, gated
        self._found: dict[int, Integers] = {}

    def at(self, accepted: Integers, rest_ms: int) -> Integers:
        """Return the time driven (ms) since the last rest of at least `rest_ms`, with each of the accepted samples."""
        if rest_ms not in self._found:
            self._found[rest_ms] = self._since_rest(rest_ms)
        return self._found[rest_ms][accepted]

    @cached_property
    def _moves(self) -> Truths:
        is_moving: Truths = self._screened.speed[self._gated.samples] > 0
        return is_moving

    @cached_property
    def _is_new(self) -> Truths:
        vehicle = self._block.vehicle_of(self._gated.samples)
        is_new: Truths = np.diff(vehicle, prepend=-1) != 0
        return is_new

    @cached_property
    def _drives_on(self) -> Truths:
        # Whether a sample is the end of an observed stretch of driving: it moves, and there is one before in the trip.
        drives_on: Truths = self._moves & (self._gated.since_ms <= self._near_ms)
        drives_on[self._gated.first] = False
        return drives_on

    @cached_property
    def _rest_ms(self) -> Integers:
        # Rest since each sample's last one before that moved.
        rests = np.cumsum(np.where(self._drives_on, 0, self._gated.silences_ms))
        moving = np.where(self._moves | self._is_new, np.arange(len(rests)), 0)
        last = np.maximum.accumulate(moving)
        before = np.append(0, last[:-1])
        before[self._is_new] = np.flatnonzero(self._is_new)
        found: Integers = rests - rests[before]
        return found

    @cached_property
    def _driven_ms(self) -> Integers:
        weights = np.where(self._drives_on, self._gated.since_ms, self._period_ms)
        driven: Integers = np.where(self._moves, weights, 0)
        return driven

    def _since_rest(self, rest_ms: int) -> Integers:
        driven = np.cumsum(self._driven_ms)
        is_fresh = self._is_new | (self._rest_ms >= rest_ms)
        last = np.maximum.accumulate(np.where(is_fresh, np.arange(len(driven)), 0))
        found = driven - (driven - self._driven_ms)[last]
        return np.minimum(found, DRIVEN_MS_MAX, out=found)
