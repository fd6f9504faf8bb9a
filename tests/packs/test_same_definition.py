"""What keeps a definition and its bytes the same, and what makes another of it."""

from collections.abc import Callable

import pytest

from headway_server.packs.compile import Compiled, compile_source
from headway_server.packs.source import parse

Compile = Callable[..., Compiled]


def test_a_compiled_pack_is_this_plain_data(compiled: Compile) -> None:
    assert compiled().parts == [
        1,
        "minimal",
        1,
        "trip",
        ["car", "taxi"],
        [
            ["Vehicle.Speed", "km/h", 1, 100, 0, 30000, 0, 1],
            ["Vehicle.CurrentLocation.Heading", "degrees", 1, 10, 0, 3600, 3600, 0],
        ],
        [1500, 300000, 1800000, 432000000, 20, 10000],
        [[50], [50]],
        [["round", ["s", 0], 100], ["-", ["v", 0], ["lag", ["v", 0], 1000]]],
        [["time", ["<", ["s", 0], 2900]], ["bands", ["s", 0], [1, 5000]]],
        [[[">=", ["v", 1], 8], 0, 0, [], 0], [[">", ["v", 0], ["p", 0]], 3000, 10000, [0], 2000]],
        [["sum", 1], ["sum", ["a", 1]], ["sum", ["a", 3]], ["sum", ["a", 4]], ["sum", ["a", 5]]],
        [[1, 0, 1, -1, [2], [3, 4, 5], 1000, 1, 0], [100, 1, 2, 0, [0], [1], 10000000, 1, 0]],
        [],
        [],
        [],
        [],
        [],
        [],
        [],
    ]
    assert compiled().id.hex() == "f6259595b42ff41b"


@pytest.mark.parametrize(
    "change",
    [
        ('title = "Minimal"', 'title = "A better title"'),
        ('about = "A quick start."', 'about = "A start that is quick."'),
        ("[rules]\n", "# What a trip is.\n[rules]\n"),
        ('near = "1.5*s"', 'near = "1500 * ms"'),
        ('"5*min"', '"0.25*min + 4.75*min"'),
        ("speed < 29*kmh", "  speed<29.00*kmh"),
        ("speed < 29*kmh", '""\n  (speed\n   < 29*kmh)\n""'),
        ("quantum = 0.01\nmin = 0\n", "min = 0\nquantum = 0.010\n"),
        ('hold = "3*s"\nquiet = "10*s"', 'quiet = "10000*ms"\nhold = "3*s"'),
        ('direction = "neutral"\nnumerator = ["trips"]', 'numerator = ["trips"]\ndirection = "neutral"'),
    ],
)
def test_texts_spacing_comments_and_the_order_of_keys_change_nothing(
    compiled: Compile, change: tuple[str, str]
) -> None:
    assert compiled(change).data == compiled().data


def test_names_change_nothing_as_long_as_they_are_changed_everywhere(compiled: Compile, minimal: str) -> None:
    renamed = minimal.replace("now", "whole_speed").replace("hurry", "rush").replace("slow", "crawl")
    assert compile_source(parse(renamed.encode(), "m")).data == compiled().data


def test_the_order_of_tables_and_of_characteristics_changes_nothing(compiled: Compile, minimal: str) -> None:
    blocks = minimal.split("\n\n")
    kinds = [
        "[period",
        "[trip",
        "[totals",
        "[events",
        "[accumulators",
        "[values",
        "[params",
        "[signals",
        "[rules",
        "[pack",
    ]
    assert sum(block.startswith(kind) for block in blocks for kind in kinds) == len(blocks)
    reordered = "\n\n".join(block for kind in kinds for block in blocks if block.startswith(kind))
    assert reordered != minimal
    assert compile_source(parse(reordered.encode(), "m")).data == compiled().data
    # Two of one level, the other way round: they are sorted by id.
    second = blocks[-1].replace("trips_per_100km", "again").replace("id = 100", "id = 99")
    both = [compile_source(parse("\n\n".join([*blocks, *pair]).encode(), "m")) for pair in ([second], [])]
    swapped = compile_source(parse("\n\n".join([*blocks[:-1], second, blocks[-1]]).encode(), "m"))
    assert both[0].data == swapped.data != both[1].data


@pytest.mark.parametrize(
    "change",
    [
        ("speed < 29*kmh", "speed < 30*kmh"),
        ("speed < 29*kmh", "speed <= 29*kmh"),
        ("version = 1\n", "version = 2\n"),
        ('name = "minimal"', 'name = "other"'),
        ('"50*kmh" }', '"51*kmh" }'),
        ("max = 300\n", "max = 250\n"),
        ('wait = "2*s"', 'wait = "3*s"'),
        ("decimals = 2\n", "decimals = 3\n"),
        ('direction = "neutral"', 'direction = "higher"'),
        ('["car", "taxi"]', '["taxi", "car"]'),
        ('formula = "distance"', 'formula = "distance"\nmerge = "max"'),
    ],
)
def test_anything_that_a_device_would_do_differently_is_another_definition(
    compiled: Compile, change: tuple[str, str]
) -> None:
    assert compiled(change).id != compiled().id


def test_the_order_of_what_is_numbered_is_part_of_the_definition(compiled: Compile, minimal: str) -> None:
    blocks = minimal.split("\n\n")
    places = [index for index, block in enumerate(blocks) if block.startswith("[accumulators")]
    blocks[places[0]], blocks[places[1]] = blocks[places[1]], blocks[places[0]]
    assert compile_source(parse("\n\n".join(blocks).encode(), "m")).id != compiled().id


def test_an_events_time_may_be_a_parameter_of_the_class(compiled: Compile) -> None:
    found = compiled(
        ("[values.now]", '[params.pause]\nquantum = "1*ms"\nclasses = { taxi = "2*s" }\nabout = "x"\n\n[values.now]'),
        ('quiet = "10*s"', 'quiet = "pause"'),
    )
    assert found.parts[10][1] == [[">", ["v", 0], ["p", 0]], 3000, ["p", 1], [0], 2000]
    assert found.parts[7] == [[50, 2000], [50, 2000]]


def test_a_sum_may_be_over_the_samples_where_something_is_true(compiled: Compile) -> None:
    table = '[accumulators.rush]\nkind = "sum"\nof = "gain"\nwhen = "now > fast"\nabout = "x"\n\n'
    found = compiled(("[events.start]", table + "[events.start]"))
    assert found.parts[9][2] == ["sum", ["v", 1], [">", ["v", 0], ["p", 0]]]
    without = compiled(("[events.start]", table.replace('when = "now > fast"\n', "") + "[events.start]"))
    assert without.parts[9][2] == ["sum", ["v", 1]]


def test_the_catalogue_carries_the_texts_and_the_id_they_are_about(compiled: Compile) -> None:
    found = compiled().catalogue
    assert found["pack_id"] == "f6259595b42ff41b"
    assert found["characteristics"][1] == {
        "id": 100,
        "level": "period",
        "key": "trips_per_100km",
        "title": "Trips per 100 km",
        "unit": "1/100 km",
        "decimals": 2,
        "direction": "neither is better",
        "formula": "trips / way",
        "counted": False,
        "headline": False,
        "about": "Trips in 100 km.",
        "source": "",
    }
    assert found["values"][1] == {
        "name": "gain",
        "is": "speed in km/h",
        "formula": "delta(now, 1*s)",
        "about": "Gain in a second.",
    }
    assert b"Gain in a second" not in compiled().data
