"""Holds the stored trips of one run against those that its samples give.

What may differ without anybody having done wrong is known: the gates that a device counts since the trip before, where that trip
lies before the samples; what a pack remembers of before; what a person reported later; and a device's clock, within what is
allowed for it.
"""

from collections.abc import Sequence
from itertools import pairwise

from headway_edge.core.data_quality import BACKWARDS, DUPLICATE, NO_SPEED, OUT_OF_RANGE, TOO_SHORT
from headway_edge.core.process import Process
from headway_server.audit.computed_trips import Computed, ComputedTrip
from headway_server.audit.differences import (
    COUNT,
    GATE,
    START,
    Difference,
    characteristic_differences,
    count_differences,
    gate_differences,
    reported_places,
)
from headway_server.audit.findings import Finding, Verdict
from headway_server.audit.pairing import Extent, paired
from headway_server.audit.stored_runs import StoredTrip

_CARRIED = {
    DUPLICATE,
    BACKWARDS,
    OUT_OF_RANGE,
    NO_SPEED,
    TOO_SHORT,
}  # counted from the trip before on, not from the start


def judged(
    process: Process,
    stored: Sequence[StoredTrip],
    computed: Computed,
    clock_ms: int,
    pairs: dict[int, int],
) -> list[Finding]:
    """Return what is to be said of each trip, in order of time as far as it is known.

    clock_ms: how far the device's clock may have been off the samples'. pairs: as of `pairs_of`.
    """
    judge = _Judge(process, stored, computed, clock_ms, pairs)
    found = [judge.of_stored(place) for place in range(len(stored))] + judge.not_stored()
    return sorted(found, key=lambda finding: (finding.start_ms is None, finding.start_ms or 0))


def pairs_of(stored: Sequence[StoredTrip], computed: Computed) -> dict[int, int]:
    """Return {place of a stored trip: place of the computed trip that it is}."""
    return paired(
        [Extent(trip.start_ms, trip.end_ms, trip.counts) for trip in stored],
        [Extent(trip.start_ms, trip.end_ms, trip.counts) for trip in computed.trips],
    )


class _Judge:
    def __init__(
        self,
        process: Process,
        stored: Sequence[StoredTrip],
        computed: Computed,
        clock_ms: int,
        pairs: dict[int, int],
    ) -> None:
        self._process, self._stored, self._computed = process, stored, computed
        self._clock_ms = clock_ms
        self._pairs = pairs
        self._reported = reported_places(process.pack)
        dated = sorted((trip.start_ms, place) for place, trip in enumerate(stored) if trip.start_ms is not None)
        self._before = {place: before for (_, before), (_, place) in pairwise(dated)}

    def of_stored(self, place: int) -> Finding:
        """Return what is to be said of a stored trip."""
        trip = self._stored[place]
        found = self._differences(place)
        return Finding(
            self._verdict(place, found),
            self._process,
            trip.place,
            trip.start_ms,
            _elapsed_ms(self._process, trip.counts),
            trip.is_correction,
            found,
        )

    def not_stored(self) -> list[Finding]:
        """Return the computed trips that nothing stored is like, without parts of stored ones that the samples cut."""
        cut = [trip for trip in self._stored if self._is_at_an_edge(trip)]
        taken = set(self._pairs.values())
        return [
            Finding(Verdict.NOT_STORED, self._process, None, trip.start_ms, trip.end_ms - trip.start_ms)
            for place, trip in enumerate(self._computed.trips)
            if place not in taken and not any(_overlaps(other, trip) for other in cut)
        ]

    def _verdict(self, place: int, found: list[Difference]) -> Verdict:
        trip = self._stored[place]
        if place in self._pairs:
            if not found:
                return Verdict.AGREES
            if self._is_at_an_edge(trip) and any(one.kind != START for one in found):
                return Verdict.EDGE
            excused = [self._is_excused(place, one) for one in found if one.kind in {START, COUNT, GATE}]
            return Verdict.UNDECIDED if all(excused) else Verdict.DIFFERS
        if trip.start_ms is None or trip.end_ms is None:
            return Verdict.UNDATED
        if self._is_covered(trip.start_ms, trip.end_ms):
            return Verdict.NOT_GIVEN
        return Verdict.EDGE if self._is_at_an_edge(trip) else Verdict.OUTSIDE

    def _differences(self, place: int) -> list[Difference]:
        if place not in self._pairs:
            return []
        trip, other = self._stored[place], self._computed.trips[self._pairs[place]]
        found = []
        if trip.start_ms is not None and abs(trip.start_ms - other.start_ms) > self._clock_ms:
            found.append(Difference(START, 0, "start", "ms", str(trip.start_ms), str(other.start_ms)))
        counts = count_differences(self._process, trip.counts, other.counts)
        if trip.is_correction:
            counts = [one for one in counts if one.place not in self._reported]
        found += counts
        found += gate_differences(trip.gates, other.gates)
        if counts:
            found += characteristic_differences(self._process, trip.counts, other.counts)
        return found

    def _is_excused(self, place: int, found: Difference) -> bool:
        other = self._computed.trips[self._pairs[place]]
        if found.kind == GATE:
            return found.place in _CARRIED and not (other.ends_inside and self._follows(place))
        return found.kind == COUNT and not other.remembers and found.place in self._computed.memory.cells

    def _follows(self, place: int) -> bool:
        # Whether device and samples have counted from the same trip on.
        other, before = self._pairs[place], self._before.get(place)
        if before is None or self._pairs.get(before) != other - 1:
            return False
        is_same_boot = self._stored[before].place[0] == self._stored[place].place[0]
        return is_same_boot and self._computed.trips[other].follows

    def _is_at_an_edge(self, trip: StoredTrip) -> bool:
        start_ms, end_ms = trip.start_ms, trip.end_ms
        if start_ms is None or end_ms is None:
            return False
        touched = any(piece.touches(start_ms, end_ms) for piece in self._computed.pieces)
        return touched and not self._is_covered(start_ms, end_ms)

    def _is_covered(self, start_ms: int, end_ms: int) -> bool:
        return any(piece.covers(start_ms, end_ms, self._clock_ms) for piece in self._computed.pieces)


def _overlaps(stored: StoredTrip, computed: ComputedTrip) -> bool:
    if stored.start_ms is None or stored.end_ms is None:
        return False
    return stored.start_ms <= computed.end_ms and computed.start_ms <= stored.end_ms


def _elapsed_ms(process: Process, counts: bytes) -> int:
    elapsed_ds: int = process.numbers(counts)[0]
    return 100 * elapsed_ds
