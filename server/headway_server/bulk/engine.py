"""The bulk engine: one pack, one vehicle class, one sampling period, any number of vehicles."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.pack_code import generate
from headway_server.bulk.accumulators import accumulate, wire
from headway_server.bulk.closed_trips import ClosedTrips
from headway_server.bulk.driven_times import DrivenTimes
from headway_server.bulk.expressions import Evaluation
from headway_server.bulk.firings import count_events
from headway_server.bulk.gatekeeper import gate
from headway_server.bulk.program import Program
from headway_server.bulk.result import BulkEvents, BulkTrips, joined, nothing
from headway_server.bulk.samples import SampleBlock, VehicleSamples
from headway_server.bulk.screened import ScreenedBlock
from headway_server.bulk.trip_rows import TripRows

# Samples that are computed together: enough that Python's share is small, few enough that columns stay in the cache.
BLOCK_SAMPLES = 1 << 16


class BulkEngine:
    """Computes what an `EpisodeCore` of the same pack, class and period makes of each vehicle's samples, to the integer.

    The threads share the processor's cores, since numpy lets go of the interpreter while it computes.
    Raises ValueError for a pack that is not of trips, for a class that it does not know, and for a period outside 40..1000 ms.
    """

    def __init__(self, pack: Pack, vehicle_class: str, period_ms: int = 1000) -> None:
        if pack.kind != "trip":
            raise ValueError(f"{pack.name} is of kind {pack.kind!r}; `BulkEngine` computes trips, `BulkDays` days")
        if not 40 <= period_ms <= 1000:
            raise ValueError(f"a sampling period of {period_ms} ms is not in 40..1000")
        _, plan = generate(pack, vehicle_class)
        self.pack = pack
        self._program = Program(pack, vehicle_class)
        self._period_ms = period_ms
        self._back_samples = 2 * plan.window_ms // period_ms + 3 if plan.columns else 0  # as the device's ring

    def run(
        self,
        vehicles: Sequence[VehicleSamples],
        threads: int = 2,
        progress: Callable[[int, int], None] | None = None,
    ) -> BulkTrips:
        """Return the closed trips of all vehicles, each as from a new core to its `finish`.

        progress: called in this thread with (samples done, samples in all) whenever a block is done. Raises ValueError
        when a vehicle's arrays do not fit the pack.
        """
        blocks = _blocks(vehicles)
        total = sum(len(vehicle) for vehicle in vehicles)
        done = 0
        parts: dict[int, BulkTrips] = {}
        with ThreadPoolExecutor(max(threads, 1)) as pool:
            futures = {pool.submit(self._block, vehicles[begin:end], begin): (begin, end) for begin, end in blocks}
            try:
                for future in as_completed(futures):
                    begin, end = futures[future]
                    parts[begin] = future.result()
                    done += sum(len(vehicle) for vehicle in vehicles[begin:end])
                    if progress is not None:
                        progress(done, total)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return joined([nothing(len(self.pack.cells)), *(parts[begin] for begin, _ in blocks)])

    def _block(self, vehicles: Sequence[VehicleSamples], first_vehicle: int) -> BulkTrips:
        block = SampleBlock(self.pack, vehicles)
        if not len(block):
            return nothing(len(self.pack.cells))
        screened = ScreenedBlock(self.pack, block)
        gated = gate(self.pack, block, screened)
        trips = ClosedTrips(self.pack, self._period_ms, screened, gated)
        if not len(trips):
            return nothing(len(self.pack.cells))
        driven = DrivenTimes(self.pack, self._period_ms, block, screened, gated)
        parts = [self._trips(block, trips, driven, begin, end) for begin, end in _batches(trips)]
        found = _in_order_of_vehicles(joined(parts))
        return _counted_from_vehicles(found, block, first_vehicle)

    def _trips(self, block: SampleBlock, trips: ClosedTrips, driven: DrivenTimes, begin: int, end: int) -> BulkTrips:
        pack = self.pack
        rows = TripRows(pack, self._period_ms, self._back_samples, block, trips, driven, begin, end)
        evaluation = Evaluation(self._program, rows)
        cells = [trips.elapsed_ms[begin:end], trips.distance_m[begin:end]]
        for item, places in zip(pack.accumulators, self._program.accumulators, strict=True):
            cells.extend(accumulate(item, places, evaluation, rows))
        counted = count_events(self._program, evaluation, rows)
        counts = np.zeros((len(pack.events), end - begin), np.int64)
        np.add.at(counts, (counted.event, counted.trip), 1)
        numbers = np.column_stack([*cells, *counts])
        chosen = trips.chosen[begin:end]
        closed_at = trips.gated.closed_at[chosen]
        counted_at = np.where(counted.counted >= 0, rows.samples[counted.counted], closed_at[counted.trip])
        events = BulkEvents(counted.trip, counted.event, rows.samples[counted.fired], counted_at, counted.age_ms)
        return BulkTrips(
            trips.gated.vehicle[chosen],
            rows.samples[rows.starts],
            rows.samples[rows.kept - 1],
            closed_at,
            numbers,
            wire(pack, numbers),
            trips.gates[begin:end],
            events,
        )


def _blocks(vehicles: Sequence[VehicleSamples]) -> list[tuple[int, int]]:
    # Ranges of vehicles.
    blocks = []
    begin = samples = 0
    for place, vehicle in enumerate(vehicles):
        if samples and samples + len(vehicle) > BLOCK_SAMPLES:
            blocks.append((begin, place))
            begin, samples = place, 0
        samples += len(vehicle)
    if samples:
        blocks.append((begin, len(vehicles)))
    return blocks


def _batches(trips: ClosedTrips) -> list[tuple[int, int]]:
    # Ranges of trips: a vehicle may have had months of them.
    batch = np.cumsum(trips.end - trips.first) // BLOCK_SAMPLES
    begins = np.flatnonzero(np.diff(batch, prepend=-1)).tolist()
    return list(zip(begins, [*begins[1:], len(trips)], strict=True))


def _in_order_of_vehicles(trips: BulkTrips) -> BulkTrips:
    events = trips.events
    order = np.argsort(trips.vehicle, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    trip = place[events.trip]
    by_trip = np.argsort(trip, kind="stable")
    return BulkTrips(
        trips.vehicle[order],
        trips.first_sample[order],
        trips.last_sample[order],
        trips.closed_at[order],
        trips.numbers[order],
        trips.wire[order],
        trips.gates[order],
        BulkEvents(
            trip[by_trip],
            events.event[by_trip],
            events.fired_at[by_trip],
            events.counted_at[by_trip],
            events.age_ms[by_trip],
        ),
    )


def _counted_from_vehicles(trips: BulkTrips, block: SampleBlock, first_vehicle: int) -> BulkTrips:
    # Indexes in the block become indexes of vehicles and of their samples.
    start = block.starts[trips.vehicle]
    events = trips.events
    start_of_event = start[events.trip]
    return BulkTrips(
        trips.vehicle + first_vehicle,
        trips.first_sample - start,
        trips.last_sample - start,
        trips.closed_at - start,
        trips.numbers,
        trips.wire,
        trips.gates,
        BulkEvents(
            events.trip,
            events.event,
            events.fired_at - start_of_event,
            events.counted_at - start_of_event,
            events.age_ms,
        ),
    )
