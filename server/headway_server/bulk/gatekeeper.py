"""The gatekeeper over whole arrays: which samples are accepted, which of them make trips.

Samples that lie 40 ms or more apart and never run backwards need no memory of what came before: all with a usable speed
are accepted, a long silence or the ignition parts them into stretches, and nearly every stretch is one trip. Stretches
with a standing long enough to end a trip are walked from trip to trip (`cuts`), and vehicles whose samples are not in such
order from sample to sample (`disordered`).
"""

import numpy as np

from headway_edge.core.data_quality import NO_SPEED, OUT_OF_RANGE
from headway_edge.core.pack import Pack
from headway_server.bulk.cuts import Stretches, Trips, cut
from headway_server.bulk.disordered import DisorderedGatekeeper
from headway_server.bulk.gated import THIN_MS, GatedBlock, merged, no_gates
from headway_server.bulk.samples import Integers, SampleBlock, Truths
from headway_server.bulk.screened import ScreenedBlock


def gate(pack: Pack, block: SampleBlock, screened: ScreenedBlock) -> GatedBlock:
    """Decide about a block of samples, each vehicle as from a new core to its `finish`."""
    is_excluded = np.zeros(len(block), np.bool_)
    first_steps = block.starts[:-1][np.diff(block.starts) > 0]
    goes_back = block.steps_ms < 0
    goes_back[first_steps] = False
    disordered = np.unique(block.vehicle_of(np.flatnonzero(goes_back)))
    while True:
        for vehicle in disordered:
            is_excluded[block.starts[vehicle] : block.starts[vehicle + 1]] = True
        ordered = _Ordered(pack, block, screened, is_excluded)
        thinned = ordered.thinned()
        if not len(thinned):
            break
        disordered = np.union1d(disordered, block.vehicle_of(thinned))
    found = ordered.gated()
    if not len(disordered):
        return found
    keeper = DisorderedGatekeeper(pack, block, screened)
    for vehicle in disordered.tolist():
        keeper.watch(vehicle)
    return merged(found, keeper.result())


class _Ordered:
    # Samples of vehicles in order, once all others are excluded.

    def __init__(self, pack: Pack, block: SampleBlock, screened: ScreenedBlock, is_excluded: Truths) -> None:
        self._pack, self._block, self._screened = pack, block, screened
        speed = screened.speed
        is_accepted = (speed >= 0) & (speed <= screened.speed_max) & ~is_excluded
        self._off: Integers = np.zeros(0, np.int64)
        if screened.is_off is not None:
            is_accepted &= ~screened.is_off
            self._off = np.flatnonzero(screened.is_off & ~is_excluded)
        is_refused = ~is_accepted & ~is_excluded
        is_refused[self._off] = False
        self._refused = np.flatnonzero(is_refused)
        self._samples = np.flatnonzero(is_accepted)
        times_ms = np.cumsum(block.steps_ms)[self._samples]
        self._since_ms: Integers = np.diff(times_ms, prepend=times_ms[:1])
        self._is_fresh = np.zeros(len(self._samples) + 1, np.bool_)  # nothing before it to build upon
        self._is_fresh[np.searchsorted(self._samples, self._off)] = True
        self._is_fresh[np.searchsorted(self._samples, block.starts)] = True
        self._is_fresh = self._is_fresh[:-1]

    def thinned(self) -> Integers:
        """Indexes in the block of samples that follow too soon: their vehicles are not in order after all."""
        return self._samples[(self._since_ms < THIN_MS) & ~self._is_fresh]

    def gated(self) -> GatedBlock:
        """Decide, nothing being thinned."""
        near_ms, gap_ms, standing_ms, limit_ms, _, _ = self._pack.rules
        samples, since_ms = self._samples, self._since_ms
        is_fresh = self._is_fresh | (since_ms > gap_ms)
        silences_ms = since_ms.copy()
        since_ms[is_fresh] = 0
        speed = self._screened.speed[samples]
        is_unpowered_stand = speed == 0
        powered = self._screened.is_powered
        is_powered = None if powered is None else powered[samples]
        starters = np.flatnonzero(~is_unpowered_stand if is_powered is None else ~is_unpowered_stand | is_powered)
        stretches = Stretches(np.flatnonzero(is_fresh), np.cumsum(since_ms), since_ms, speed, starters, is_powered)
        trips = cut(stretches, near_ms, standing_ms, limit_ms)
        closed_at = self._closings(trips)
        return GatedBlock(
            samples,
            since_ms,
            silences_ms,
            trips.first,
            trips.folded,
            trips.end,
            closed_at,
            self._block.vehicle_of(samples[trips.first]),
            trips.is_stood_out,
            self._refusals(samples[trips.first], closed_at),
        )

    def _closings(self, trips: Trips) -> Integers:
        # What closes a trip is the ignition, the next sample that is accepted, or the end of the vehicle's.
        samples = self._samples
        last = samples[trips.end - 1]
        if not len(last):
            return last
        closed_at = self._block.starts[1:][self._block.vehicle_of(last)]
        for closers in (samples, self._off):
            after = np.append(closers, len(self._block))[np.searchsorted(closers, last, side="right")]
            closed_at = np.minimum(closed_at, after)
        return np.where(trips.is_stood_out, last, closed_at)

    def _refusals(self, some_sample: Integers, closed_at: Integers) -> Integers:
        refused = no_gates(len(closed_at))
        start = self._block.starts[self._block.vehicle_of(some_sample)]
        speed = self._screened.speed[self._refused]
        for column, samples in (
            (NO_SPEED, self._refused[speed < 0]),
            (OUT_OF_RANGE, self._refused[speed >= 0]),
        ):
            refused[:, column] = np.searchsorted(samples, closed_at) - np.searchsorted(samples, start)
        return refused
