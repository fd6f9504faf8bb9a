"""What `DayCore` makes of persons' epochs, held against `BulkDays`."""

import numpy as np

from headway_edge.core.data_quality import CLOSED, OPENED
from headway_edge.core.day import DayCore
from headway_edge.core.episode import EVENT_FLAG_SHIFT, wire_numbers
from headway_edge.core.pack import Pack
from headway_edge.core.program import FIRINGS_TOLD, MISSING
from headway_server.bulk.days import BulkDays
from headway_server.bulk.samples import VehicleSamples

Events = dict[tuple[int, int], list[int]]  # (event, sample that it counted with) -> ages_ms, oldest first
ScalarDay = tuple[int, int, int, list[int], list[int], Events]  # opened and closed at, elapsed ms, wire, gates


def scalar_days(pack: Pack, wearer_class: str, person: VehicleSamples) -> list[ScalarDay]:
    core = DayCore(pack, wearer_class)
    columns = [[MISSING] * len(person) if column is None else column.tolist() for column in person.signals]
    steps_ms = person.steps_ms.tolist()
    days: list[ScalarDay] = []
    events: Events = {}
    opened_at = -1
    for sample in range(len(person) + 1):
        if sample < len(person):
            for i, column in enumerate(columns):
                core.signals[i] = column[sample]
            flags = core.update(steps_ms[sample])
        else:
            flags = core.finish()
        if flags & OPENED and not flags & CLOSED:
            events = {}  # of a day that was too short
        for event in range(len(pack.events)):
            if flags >> (EVENT_FLAG_SHIFT + event) & 1:
                events[event, sample] = core.firings(event)
        if flags & CLOSED:
            wire = wire_numbers(pack, core.closed)
            days.append((opened_at, sample, core.closed[0], wire, list(core.closed_gates), events))
            events = {}
        if flags & OPENED:
            opened_at = sample
    return days


def assert_same_days(pack: Pack, wearer_class: str, persons: list[VehicleSamples]) -> int:
    """Assert that both find the same; return how many days."""
    found = BulkDays(pack, wearer_class).run(persons)
    ours: list[ScalarDay] = []
    for day in range(len(found)):
        events: Events = {}
        for i in np.flatnonzero(found.events.trip == day).tolist():
            key = int(found.events.event[i]), int(found.events.counted_at[i])
            events.setdefault(key, []).append(int(found.events.age_ms[i]))
        ours.append(
            (
                int(found.first_sample[day]),
                int(found.closed_at[day]),
                int(found.numbers[day, 0]),
                found.wire[day].tolist(),
                found.gates[day].tolist(),
                # The core tells so many, and all others at the time of the last of them.
                {key: [ages[min(i, FIRINGS_TOLD - 1)] for i in range(len(ages))] for key, ages in events.items()},
            )
        )
    expected = [(place, day) for place, person in enumerate(persons) for day in scalar_days(pack, wearer_class, person)]
    assert list(zip(found.vehicle.tolist(), ours, strict=True)) == expected
    assert np.all(found.first_sample <= found.last_sample)
    assert np.all(found.last_sample < found.closed_at)
    return len(found)
