"""Trips once they are closed: what of their end is parking, how far and how long they are, which are none after all."""

import numpy as np

from headway_edge.core.data_quality import BRIDGED, GAP_TIME, GAPS, TOO_SHORT
from headway_edge.core.pack import Pack
from headway_server.bulk.gated import GatedBlock
from headway_server.bulk.samples import Integers, Truths
from headway_server.bulk.screened import ScreenedBlock

_UNITS_PER_METRE = 720_000  # of (0.01 km/h + 0.01 km/h) * ms: the trapezium between two samples
_HALF_A_METRE = _UNITS_PER_METRE // 2  # distances are rounded half up


class ClosedTrips:
    """The trips of a block that are long enough to be trips; shape (trips) unless said otherwise.

    gated: the block's accepted samples, and the trips among them. chosen: places in `gated` of those that remain. first,
    end: their ranges of accepted samples. kept: where what counts ends, between the two. elapsed_ms, distance_m: up to
    there. gates: shape (trips, GATES), as `EpisodeCore.closed_gates`.
    """

    def __init__(self, pack: Pack, period_ms: int, screened: ScreenedBlock, gated: GatedBlock) -> None:
        near_ms, _, _, _, min_distance_m, min_elapsed_ms = pack.rules
        self.gated = gated
        speed = screened.speed[gated.samples]
        kept = _kept(screened, gated, speed)
        times_ms: Integers = np.cumsum(gated.since_ms)
        areas = gated.since_ms * speed
        areas[1:] += gated.since_ms[1:] * speed[:-1]
        self._areas: Integers = np.cumsum(areas)
        elapsed_ms = times_ms[kept - 1] - times_ms[gated.first]
        distance_m = self._metres(gated.first, kept - 1)

        is_trip = (distance_m >= min_distance_m) & (elapsed_ms >= min_elapsed_ms)
        self.chosen: Integers = np.flatnonzero(is_trip)
        self.first, self.kept, self.end = gated.first[is_trip], kept[is_trip], gated.end[is_trip]
        self.elapsed_ms, self.distance_m = elapsed_ms[is_trip], distance_m[is_trip]
        self.gates = _refused_since(gated, is_trip)
        self._count_gaps(near_ms, period_ms)

    def __len__(self) -> int:
        return len(self.chosen)

    def _metres(self, start: Integers, at: Integers) -> Integers:
        # From samples `start`, the first of trips, to samples `at` of the same trips; both among the accepted.
        metres: Integers = (self._areas[at] - self._areas[start] + _HALF_A_METRE) // _UNITS_PER_METRE
        return metres

    def metres_since_start(self, rows: Integers, start: Integers) -> Integers:
        """Return the distance (m) from `start`, the trip's first sample, to each of `rows`, indexes of accepted samples."""
        return self._metres(start, rows)

    def _count_gaps(self, near_ms: int, period_ms: int) -> None:
        gaps = np.flatnonzero(self.gated.since_ms > near_ms)
        trip = np.searchsorted(self.first, gaps, side="left") - 1  # the first sample of a trip has no gap before it
        is_within = trip >= 0
        is_within[is_within] = gaps[is_within] < self.kept[trip[is_within]]
        gaps, trip = gaps[is_within], trip[is_within]
        start = self.first[trip]
        np.add.at(self.gates[:, GAPS], trip, 1)
        np.add.at(self.gates[:, GAP_TIME], trip, self.gated.since_ms[gaps] - period_ms)
        np.add.at(self.gates[:, BRIDGED], trip, self._metres(start, gaps) - self._metres(start, gaps - 1))


def _kept(screened: ScreenedBlock, gated: GatedBlock, speed: Integers) -> Integers:
    # A last standing goes without what follows its first sample, unless something in the trip said that the engine ran.
    moving = np.flatnonzero(speed)
    last_moving = np.append(-1, moving)[np.searchsorted(moving, gated.end)]
    kept: Integers = np.minimum(np.maximum(last_moving + 1, gated.folded) + 1, gated.end)
    if screened.is_powered is None:
        return kept
    powered = np.flatnonzero(screened.is_powered[gated.samples])
    is_powered = np.searchsorted(powered, gated.end) > np.searchsorted(powered, gated.folded)
    return np.where(is_powered & ~gated.is_stood_out, gated.end, kept)


def _refused_since(gated: GatedBlock, is_trip: Truths) -> Integers:
    # Gates count from the trip closed before; episodes that were too short to be trips are counted, and their gates stay.
    total = gated.refused.copy()
    total[:, TOO_SHORT] = np.cumsum(~is_trip)
    is_first = np.diff(gated.vehicle, prepend=-1) != 0  # of its vehicle
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(gated)), 0))
    total[:, TOO_SHORT] -= (total[:, TOO_SHORT] - ~is_trip)[first]
    total, vehicle = total[is_trip], gated.vehicle[is_trip]
    since = total.copy()
    is_next = vehicle[1:] == vehicle[:-1]
    since[1:][is_next] -= total[:-1][is_next]
    return since
