"""Where stretches of samples are cut into trips.

A stretch is a run of accepted samples without a long silence or the ignition off in between. A trip begins in it with the
first sample that moves or is powered, and nearly always ends with it. Only standing too long, and being open for too long,
end a trip amid a stretch; then the stretch is walked from trip to trip.
"""

from dataclasses import dataclass

import numpy as np

from headway_server.bulk.samples import Integers, Truths


@dataclass(frozen=True)
class Stretches:
    """Accepted samples in stretches.

    starts: shape (stretches); where each begins among the accepted. times_ms, since_ms, speed: shape (accepted); time since
    any moment, since the sample before (0 at the start of a stretch), 0.01 km/h. starters: those that begin a trip if none
    is open. is_powered: shape (accepted), None if none is.
    """

    starts: Integers
    times_ms: Integers
    since_ms: Integers
    speed: Integers
    starters: Integers
    is_powered: Truths | None


@dataclass(frozen=True)
class Trips:
    """Trips among accepted samples, shape (trips): see `gated.GatedBlock`."""

    first: Integers
    folded: Integers
    end: Integers
    is_stood_out: Truths


def cut(stretches: Stretches, near_ms: int, standing_ms: int, limit_ms: int) -> Trips:
    """Return the trips of all stretches, in order. Times as in the pack's rules."""
    accepted = len(stretches.speed)
    starts, times_ms = stretches.starts, stretches.times_ms
    ends: Integers = np.append(starts[1:], accepted)[: len(starts)]
    runs = _long_standings(stretches, standing_ms)
    is_rare = times_ms[ends - 1] - times_ms[starts] >= limit_ms
    is_rare[np.searchsorted(starts, runs[:, 0], side="right") - 1] = True

    folded = np.append(stretches.starters, accepted)[np.searchsorted(stretches.starters, starts)]
    is_one_trip = (folded < ends) & ~is_rare
    starts_of_one, folded, end = starts[is_one_trip], folded[is_one_trip], ends[is_one_trip]
    has_lead = (folded > starts_of_one) & (stretches.since_ms[np.minimum(folded, accepted - 1)] <= near_ms)
    trips = np.column_stack([folded - has_lead, folded, end, np.zeros(len(end), np.int64)])
    walker = _Walker(stretches, runs, near_ms, standing_ms, limit_ms)
    walked = [walker.walk(start, end) for start, end in zip(starts[is_rare], ends[is_rare], strict=True)]
    if walked:
        trips = np.concatenate([trips, *walked])
        trips = trips[np.argsort(trips[:, 1], kind="stable")]
    return Trips(trips[:, 0], trips[:, 1], trips[:, 2], trips[:, 3] != 0)


def _long_standings(stretches: Stretches, standing_ms: int) -> Integers:
    # Runs of standing samples within a stretch that take longer than standing_ms: rows of (start, end).
    is_standing = stretches.speed == 0
    changes = np.zeros(len(is_standing) + 1, np.bool_)
    changes[1:-1] = is_standing[1:] != is_standing[:-1]
    changes[stretches.starts] = True
    borders = np.append(np.flatnonzero(changes[:-1]), len(is_standing))
    start, end = borders[:-1], borders[1:]
    lasts_ms = stretches.times_ms[end - 1] - stretches.times_ms[start] + stretches.since_ms[start]
    is_long = is_standing[start] & (lasts_ms > standing_ms)
    return np.column_stack([start[is_long], end[is_long]])


class _Walker:
    # Goes through a stretch from trip to trip.

    def __init__(
        self, stretches: Stretches, standings: Integers, near_ms: int, standing_ms: int, limit_ms: int
    ) -> None:
        self._stretches = stretches
        self._standings = standings
        self._near_ms, self._standing_ms, self._limit_ms = near_ms, standing_ms, limit_ms
        powered = stretches.is_powered
        self._unpowered = None if powered is None else np.flatnonzero(~powered)

    def walk(self, start: int, end: int) -> Integers:
        """Return the trips of the stretch from `start` to before `end`: rows of (first, folded, end, stood out)."""
        times_ms, since_ms, starters = self._stretches.times_ms, self._stretches.since_ms, self._stretches.starters
        trips: list[tuple[int, int, int, int]] = []
        at = start
        while True:
            place = int(np.searchsorted(starters, at))
            if place == len(starters) or starters[place] >= end:
                return np.array(trips, np.int64).reshape(-1, 4)
            folded = int(starters[place])
            first = folded - 1 if folded > start and since_ms[folded] <= self._near_ms else folded
            # The sample after the one that makes the limit full closes the trip, and builds upon nothing.
            full = folded + int(np.searchsorted(times_ms[folded:end], times_ms[first] + self._limit_ms))
            stood = self._stood_out(first, folded, end)
            if stood <= full and stood < end:
                trips.append((first, folded, stood + 1, 1))
                at = stood + 1
            elif full + 1 < end:
                trips.append((first, folded, full + 1, 0))
                at = start = full + 1
            else:
                trips.append((first, folded, end, 0))
                return np.array(trips, np.int64).reshape(-1, 4)

    def _stood_out(self, first: int, folded: int, end: int) -> int:
        # The sample with which the trip has stood for too long; `end` if there is none.
        times_ms, since_ms = self._stretches.times_ms, self._stretches.since_ms
        place = int(np.searchsorted(self._standings[:, 1], folded, side="right"))
        later: list[tuple[int, int]] = self._standings[place:].tolist()
        for run_start, run_end in later:
            if run_start >= end:
                break
            begin = max(run_start, folded)
            before_ms = 0 if begin == first else since_ms[begin]
            over_ms = times_ms[begin] - before_ms + self._standing_ms
            at = begin + 1 + int(np.searchsorted(times_ms[begin + 1 : run_end], over_ms, side="right"))
            if self._unpowered is not None:
                unpowered = int(np.searchsorted(self._unpowered, at))
                at = int(self._unpowered[unpowered]) if unpowered < len(self._unpowered) else end
            if at < run_end:
                return at
        return end
