"""Days in bulk: one pack of kind "day", one class of wearers' devices, any number of persons."""

from collections.abc import Callable, Sequence

import numpy as np

from headway_edge.core.made_program import program_of
from headway_edge.core.pack import Pack
from headway_server.bulk.accumulators import accumulate, wire
from headway_server.bulk.day_expressions import DayEvaluation
from headway_server.bulk.day_program import DayProgram
from headway_server.bulk.firings import count_events
from headway_server.bulk.gated_days import gate_days
from headway_server.bulk.result import BulkEvents, BulkTrips, joined, nothing
from headway_server.bulk.rows import Ranges, Rows
from headway_server.bulk.samples import SampleBlock, VehicleSamples


class BulkDays:
    """Computes what a `DayCore` of the same pack and class makes of each person's epochs, to the integer.

    period_ms: the length of an epoch, which must be the pack's (None: the pack's). Raises ValueError for a pack that is not
    of days, for a class that it does not know, and for another period.
    """

    def __init__(self, pack: Pack, wearer_class: str, period_ms: int | None = None) -> None:
        self._device = program_of(pack, wearer_class, "day")
        self._epoch_ms: int = pack.rules[0]
        if period_ms is not None and period_ms != self._epoch_ms:
            raise ValueError(f"epochs of {period_ms} ms; pack {pack.name} counts in epochs of {self._epoch_ms}")
        self.pack = pack
        self._program = DayProgram(pack, wearer_class)

    def run(self, persons: Sequence[VehicleSamples], progress: Callable[[int, int], None] | None = None) -> BulkTrips:
        """Return the closed days of all persons, each as from a new core to its `finish`; `vehicle` is the person.

        progress: called with (samples done, samples in all) whenever a person is done. Raises ValueError when a person's
        arrays do not fit the pack.
        """
        total = sum(len(person) for person in persons)
        done = 0
        parts = [nothing(len(self.pack.cells))]
        for place, person in enumerate(persons):
            parts.append(self._days(place, person))
            done += len(person)
            if progress is not None:
                progress(done, total)
        return joined(parts)

    def _days(self, place: int, person: VehicleSamples) -> BulkTrips:
        pack = self.pack
        block = SampleBlock(pack, [person])
        gated = gate_days(self._device, block)
        days = len(gated.chosen)
        if not days:
            return nothing(len(pack.cells))
        starts = gated.starts
        ends = np.append(starts[1:], len(gated.samples))
        rows = Rows(pack, self._epoch_ms, block, gated.samples, gated.steps_ms, gated.near, Ranges(starts, ends, ends))
        evaluation = DayEvaluation(self._program, rows, gated.slots)
        cells = [np.zeros(len(starts), np.int64), np.zeros(len(starts), np.int64)]  # time elapsed, and no distance
        cells[0][gated.chosen] = gated.elapsed_ms
        for item, places in zip(pack.accumulators, self._program.accumulators, strict=True):
            cells.extend(accumulate(item, places, evaluation, rows))
        counted = count_events(self._program, evaluation, rows)
        counts = np.zeros((len(pack.events), len(starts)), np.int64)
        np.add.at(counts, (counted.event, counted.trip), 1)
        numbers = np.column_stack([*cells, *counts])[gated.chosen]

        # Days that were too short had rows, for windows reach over them, but are none.
        chosen = np.full(len(starts), -1)
        chosen[gated.chosen] = np.arange(days)
        trip = chosen[counted.trip]
        order = np.argsort(trip, kind="stable")
        order = order[trip[order] >= 0]
        trip = trip[order]
        counted_at = np.where(counted.counted >= 0, rows.samples[counted.counted], -1)[order]
        counted_at = np.where(counted_at >= 0, counted_at, gated.closed_at[trip])
        events = BulkEvents(
            trip, counted.event[order], rows.samples[counted.fired[order]], counted_at, counted.age_ms[order]
        )
        return BulkTrips(
            np.full(days, place, np.int64),
            rows.samples[starts[gated.chosen]],
            rows.samples[ends[gated.chosen] - 1],
            gated.closed_at,
            numbers,
            wire(pack, numbers),
            gated.gates,
            events,
        )
