"""What the bulk engine gives: trips, or days, as tables of integers, and the events in them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from headway_edge.core.data_quality import GATES
from headway_server.bulk.samples import Integers


@dataclass(frozen=True)
class BulkEvents:
    """Firings that counted, in order of trips, then of the pack's events, then of time; each of shape (counted).

    trip: row in `BulkTrips`. event: index in the pack. fired_at, counted_at: index of the vehicle's sample that it fired at,
    and with whose update it counted: as `BulkTrips.closed_at` for those that the end of the trip made count. age_ms: how
    long before that it fired, as `EpisodeCore.firings` (which of more than four that waited together tells the times of
    four): up to the trip's last sample for those that its end made count.
    """

    trip: Integers
    event: Integers
    fired_at: Integers
    counted_at: Integers
    age_ms: Integers

    def __len__(self) -> int:
        return len(self.trip)


@dataclass(frozen=True)
class BulkTrips:
    """Closed trips in order of vehicles and time; arrays of shape (trips) unless said otherwise.

    vehicle: index of the vehicle as handed in. first_sample, last_sample: indexes of its samples; the standing sample that
    the trip drove off from is its first, the first of a trailing standing its last. closed_at: index of the sample whose
    update closed the trip, or the number of samples if their end did. numbers: shape (trips, cells), in wire order and the
    core's own units (ms, m, quanta), with sign. wire: the same as on the wire, what `pack_code.wire_numbers` gives. gates:
    shape (trips, 8), as `EpisodeCore.closed_gates`, the time in ms. events: of these trips; those of episodes that were too
    short to be trips are not there.
    """

    vehicle: Integers
    first_sample: Integers
    last_sample: Integers
    closed_at: Integers
    numbers: Integers
    wire: Integers
    gates: Integers
    events: BulkEvents

    def __len__(self) -> int:
        return len(self.vehicle)


def nothing(cells: int) -> BulkTrips:
    """Return no trips, of a pack with so many cells."""

    def empty(*shape: int) -> Integers:
        return np.zeros(shape, np.int64)

    events = BulkEvents(*(empty(0) for _ in range(5)))
    return BulkTrips(empty(0), empty(0), empty(0), empty(0), empty(0, cells), empty(0, cells), empty(0, GATES), events)


def joined(parts: Sequence[BulkTrips]) -> BulkTrips:
    """Return the trips of all parts, one (not empty) part after the other."""
    before = np.cumsum([0] + [len(part) for part in parts[:-1]])
    events = {
        item.name: np.concatenate(
            [
                part.events.trip + trips if item.name == "trip" else getattr(part.events, item.name)
                for part, trips in zip(parts, before, strict=True)
            ]
        )
        for item in fields(BulkEvents)
    }
    columns = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(BulkTrips)
        if item.name != "events"
    }
    return BulkTrips(**columns, events=BulkEvents(**events))
