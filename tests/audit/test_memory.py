"""What a pack's numbers hold of what came before."""

import pytest
from days import MINUTE_MS, SMALL, packed

from headway_edge.core.pack import Pack
from headway_server.audit.memory import memory_of
from headway_server.packs.compile import compile_source
from headway_server.packs.source import parse
from headway_simulators.processes import find_process


@pytest.mark.parametrize("name", ["private-driving", "eco-driving"])
def test_what_is_of_the_trip_alone_remembers_nothing(name: str) -> None:
    assert memory_of(find_process(name).pack, "car") == memory_of(find_process(name).pack, "bus")
    assert memory_of(find_process(name).pack, "car").cells == frozenset()


@pytest.mark.parametrize(("vehicle_class", "rest_min"), [("truck", 15), ("bus", 15)])
def test_time_driven_since_a_rest_is_remembered(vehicle_class: str, rest_min: int) -> None:
    process = find_process("commercial-driving")
    memory = memory_of(process.pack, vehicle_class)
    names = ("driving_over_limit", "longest_driving", "continuous_driving")
    assert memory.cells == {place for name in names for place in process.places(name)}
    assert memory.back_ms == rest_min * 60_000


def test_windows_of_epochs_add_up() -> None:
    assert memory_of(packed(SMALL), "any").cells == {3, 4}
    assert memory_of(packed(SMALL), "any").back_ms == 3 * MINUTE_MS
    deeper = [*SMALL[:8], [["lag", ["s", 1], 120000], ["total", ["v", 0], 180000]], *SMALL[9:]]
    assert memory_of(packed(deeper), "any").back_ms == 5 * MINUTE_MS


def test_what_an_event_is_suppressed_by_counts_as_well() -> None:
    source = find_process("commercial-driving")
    assert source.events.index("continuous_driving") >= 0
    text = """
        [pack]
        name = "made"
        version = 1
        kind = "trip"
        title = "Made"
        about = "Made up."
        source = "Here."
        classes = ["car"]
        [rules]
        near = "1.5*s"
        gap = "5*min"
        standing = "30*min"
        limit = "5*d"
        min_distance = "20*m"
        min_elapsed = "10*s"
        [signals.speed]
        vss = "Vehicle.Speed"
        unit = "km/h"
        quantum = 0.01
        min = 0
        max = 300
        role = "speed"
        about = "Speed."
        [values.since]
        formula = "driven(45*min)"
        about = "Since a rest."
        [events.long]
        when = "since >= 2*h"
        about = "Long."
        [events.fast]
        when = "speed > 100*kmh"
        wait = "1*s"
        suppressed_by = ["long"]
        about = "Fast."
        [events.faster]
        when = "speed > 120*kmh"
        about = "Faster."
    """
    data = compile_source(parse(text.encode(), "made.toml")).data
    pack = Pack(data)
    memory = memory_of(pack, "car")
    assert memory.back_ms == 45 * 60_000
    assert memory.cells == {pack.first_event, pack.first_event + 1}
