"""What `EpisodeCore` makes of a vehicle's samples, laid out as the bulk engine's result."""

from typing import NamedTuple

import numpy as np

from headway_edge.core.data_quality import CLOSED, OPENED
from headway_edge.core.episode import EVENT_FLAG_SHIFT, EpisodeCore, wire_cells
from headway_edge.core.pack import Pack
from headway_edge.core.program import FIRINGS_TOLD, MISSING
from headway_protocol import counts as packed
from headway_server.bulk.engine import BulkEngine
from headway_server.bulk.result import BulkTrips
from headway_server.bulk.samples import VehicleSamples


class ScalarTrip(NamedTuple):
    opened_at: int
    lead_ms: int
    closed_at: int
    wire: list[int]
    gates: list[int]
    elapsed_ms: int
    events: dict[tuple[int, int], list[int]]  # (event, sample that it counted with) -> ages_ms, oldest first


def scalar_trips(pack: Pack, vehicle_class: str, period_ms: int, vehicle: VehicleSamples) -> list[ScalarTrip]:
    core = EpisodeCore(pack, vehicle_class, period_ms)
    columns = [
        [MISSING] * len(vehicle) if column is None else np.asarray(column).tolist() for column in vehicle.signals
    ]
    steps_ms = np.asarray(vehicle.steps_ms).tolist()
    trips = []
    events: dict[tuple[int, int], list[int]] = {}
    opened_at = lead_ms = -1
    for sample in range(len(vehicle) + 1):
        if sample < len(vehicle):
            for i, column in enumerate(columns):
                core.signals[i] = column[sample]
            flags = core.update(steps_ms[sample])
        else:
            flags = core.finish()
        if flags & OPENED and not flags & CLOSED:
            events = {}  # of an episode that was too short
        for event in range(len(pack.events)):
            if flags >> (EVENT_FLAG_SHIFT + event) & 1:
                events[event, sample] = core.firings(event)
        if flags & CLOSED:
            wire = list(packed.unpack(wire_cells(core), len(pack.cells)))
            trips.append(ScalarTrip(opened_at, lead_ms, sample, wire, list(core.closed_gates), core.closed[0], events))
            events = {}
        if flags & OPENED:
            opened_at, lead_ms = sample, core.lead_ms
    return trips


def assert_same(pack: Pack, vehicle_class: str, period_ms: int, vehicles: list[VehicleSamples]) -> int:
    """Assert that both engines find the same; return how many trips."""
    found = BulkEngine(pack, vehicle_class, period_ms).run(vehicles)
    for place, vehicle in enumerate(vehicles):
        expected = scalar_trips(pack, vehicle_class, period_ms, vehicle)
        ours = np.flatnonzero(found.vehicle == place).tolist()
        for trip, scalar in zip(ours, expected, strict=False):
            _assert_same_trip(found, trip, scalar, vehicle)
        assert len(ours) == len(expected)
    # What is counted is what the events say.
    counts = np.zeros((len(found), len(pack.events)), np.int64)
    np.add.at(counts, (found.events.trip, found.events.event), 1)
    assert np.array_equal(counts, found.numbers[:, len(pack.cells) - len(pack.events) :])
    return len(found)


def _assert_same_trip(found: BulkTrips, trip: int, scalar: ScalarTrip, vehicle: VehicleSamples) -> None:
    assert found.wire[trip].tolist() == scalar.wire
    assert found.gates[trip].tolist() == scalar.gates
    assert int(found.numbers[trip, 0]) == scalar.elapsed_ms
    first, last, closed_at = (int(column[trip]) for column in (found.first_sample, found.last_sample, found.closed_at))
    assert closed_at == scalar.closed_at
    assert first <= last <= closed_at
    times_ms = np.cumsum(np.asarray(vehicle.steps_ms, np.int64))
    assert first <= scalar.opened_at
    assert scalar.lead_ms == times_ms[scalar.opened_at] - times_ms[first]
    assert scalar.elapsed_ms == times_ms[last] - times_ms[first]
    events: dict[tuple[int, int], list[int]] = {}
    for i in np.flatnonzero(found.events.trip == trip).tolist():
        fired_at, counted_at = int(found.events.fired_at[i]), int(found.events.counted_at[i])
        assert first < fired_at <= counted_at <= closed_at
        if counted_at < closed_at:
            assert found.events.age_ms[i] == times_ms[counted_at] - times_ms[fired_at]
        events.setdefault((int(found.events.event[i]), counted_at), []).append(int(found.events.age_ms[i]))
    assert {key: _as_told(ages) for key, ages in events.items()} == scalar.events


def _as_told(ages_ms: list[int]) -> list[int]:
    # The core tells so many, and all others at the time of the last of them.
    return [ages_ms[min(place, FIRINGS_TOLD - 1)] for place in range(len(ages_ms))]
