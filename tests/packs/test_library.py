"""The packs that ship: their ids and sizes as they are, and the private one against the core written by hand."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from bench.hand_written import definition

from headway_edge.core import pack_values
from headway_edge.core.pack import Pack
from headway_protocol import cbor
from headway_server.packs import library
from headway_server.packs.compile import Compiled, compile_file


def pack(name: str) -> Compiled:
    return compile_file(library.path(name))


# A changed id is another definition, whose values are never compared with those before: raise the version with it.
@pytest.mark.parametrize(
    ("name", "version", "identity", "size"),
    [
        ("commercial-driving", 2, "e30376c625a02b45", 3306),
        ("eco-driving", 1, "4123b9639c861e18", 3078),
        ("private-driving", 4, "0111f299c2926a5e", 4113),
        ("wellness", 1, "ff6e5f91696ba7e6", 2651),
    ],
)
def test_a_pack_that_ships_is_the_definition_it_was(name: str, version: int, identity: str, size: int) -> None:
    found = pack(name)
    assert (found.parts[1], found.parts[2], found.id.hex(), len(found.data)) == (name, version, identity, size)
    assert cbor.decode(found.data, 14) == found.parts
    assert Pack(found.data).id == found.id


FIRST_EVENT = Pack(compile_file(library.path("private-driving")).data).first_event


def test_private_driving_has_the_thresholds_bands_and_rules_of_the_core_written_by_hand() -> None:
    parts = pack("private-driving").parts
    thresholds = [list(definition.HARD_CHANGE[definition.CLASS_RULES[name]]) for name in parts[4]]
    assert parts[4] == ["car", "taxi", "bus", "truck"]
    assert parts[6] == [
        definition.NEAR_MS,
        definition.TRIP_GAP_MS,
        definition.STANDING_MS,
        definition.TRIP_LIMIT_MS,
        definition.MIN_DISTANCE_M,
        definition.MIN_ELAPSED_MS,
    ]
    # The pack has them in the order acceleration low, mid, high, start, deceleration low, mid, high, stop: as there.
    assert parts[7] == thresholds
    assert parts[9][4] == ["bands", ["s", 0], [1, *definition.BAND_EDGES_CKMH]]


def test_private_drivings_first_totals_are_what_they_always_were() -> None:
    period = pack("private-driving").parts[11]
    assert period[0:3] == [["sum", 1], ["sum", ["a", 1]], ["sum", ["if", ["<", ["a", 1], 18000], 1, 0]]]
    assert period[3][1][0:2] == ["permille", ["a", 2]]
    assert sorted(leaves(period[3][1][2])) == sorted(leaves(period[5][1])) == list(range(6, 23))
    assert period[4] == ["sum", ["a", 0]]
    assert period[6:11] == [
        ["sum", ["a", 3]],
        ["sum", ["a", 4]],
        ["sum", ["a", FIRST_EVENT]],
        ["sum", ["a", FIRST_EVENT + 1]],
        ["max", ["a", 5]],
    ]
    assert period[11:28] == [["sum", ["a", 6 + band]] for band in range(17)]


def leaves(tree: Any) -> list[int]:
    """The accumulators that a sum is of; anything but + and accumulators fails."""
    if tree[0] == "a":
        return [tree[1]]
    assert tree[0] == "+", tree
    return leaves(tree[1]) + leaves(tree[2])


def trip_of_private_driving(distance_m: int, elapsed_s: int = 3600, **counts: int) -> tuple[Compiled, dict[str, int]]:
    """The totals of one trip of which only these counts are not 0."""
    found = pack("private-driving")
    ready = Pack(found.data)
    numbers = [elapsed_s * 10, distance_m, *[0] * (len(ready.cells) - 2)]
    for name, count in counts.items():
        (place,) = next(item["places"] for item in found.catalogue["accumulators"] if item["name"] == name)
        numbers[place] = count
    totals = pack_values.totals_of_trip(ready, numbers)
    return found, {name: totals[places[0]] for name, places in found.totals.items()}


@pytest.mark.parametrize(
    ("distance_m", "elapsed_s", "counts", "adverse", "oil_m"),
    [
        # Nothing is known of temperatures: under 6.4 km counts; short costs a quarter.
        (6399, 600, {}, 1, 7998),
        (6400, 600, {}, 0, 8000),
        (18000, 1200, {}, 0, 18000),
        # Frost and under 6.4 km; temperatures are shifted by 100 degrees, 0 is not known.
        (6399, 600, {"ambient_coldest": 99}, 1, 11198),
        (6399, 600, {"ambient_coldest": 100}, 0, 7998),
        (6400, 600, {"ambient_coldest": 60}, 0, 8000),
        # A cold engine at the end, a hot one ever.
        (20000, 1200, {"coolant_last": 169, "coolant_hottest": 169}, 1, 30000),
        (20000, 1200, {"coolant_last": 170, "coolant_hottest": 215}, 0, 20000),
        (20000, 1200, {"coolant_last": 190, "coolant_hottest": 216}, 1, 30000),
        # Idling for more than half of over ten minutes; an hour of it is 33 km.
        (20000, 7200, {"idle": 36001}, 1, 63000),
        (20000, 7200, {"idle": 36000}, 0, 53000),
        (20000, 600, {"idle": 6000}, 0, 25500),
        # All of it: two and a half times at most.
        (6000, 1000, {"ambient_coldest": 80, "coolant_last": 120, "coolant_hottest": 220, "idle": 6000}, 1, 20500),
    ],
)
def test_oil_is_aged_by_cold_short_idling_and_hot_trips(
    distance_m: int, elapsed_s: int, counts: dict[str, int], adverse: int, oil_m: int
) -> None:
    _, totals = trip_of_private_driving(distance_m, elapsed_s, **counts)
    assert (totals["oil_adverse_trips"], totals["oil_distance"]) == (adverse, oil_m)


def context_of(numbers: dict[str, int]) -> list[str]:
    """The contexts that a trip of private driving is in."""
    found = pack("private-driving")
    cells = [0] * len(Pack(found.data).cells)
    for item in found.catalogue["accumulators"]:
        if item["name"] in numbers:
            cells[item["places"][0]] = numbers[item["name"]]
    cells[1] = numbers.get("distance", 20000)
    return [
        item["name"]
        for item, tree in zip(found.catalogue["contexts"], found.parts[13], strict=True)
        if pack_values.holds(tree, cells)
    ]


def test_contexts_are_told_from_the_counts_and_what_is_not_known_is_in_none() -> None:
    # Minutes and weekdays are counted from 1.
    assert context_of({}) == []
    assert [bool(context_of({"start_minute": minute + 1})) for minute in (0, 359, 360, 1319, 1320, 1439)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert [bool(context_of({"start_weekday": day + 1})) for day in range(7)] == 5 * [False] + 2 * [True]
    assert context_of({"start_minute": 1440, "start_weekday": 7, "distance": 17999}) == ["night", "weekend", "short"]


REST_4H = [900_000, 14_400_000]  # ms of rest, and of driving without one


def test_commercial_driving_counts_the_eleven_behaviours_with_the_thresholds_of_each_class() -> None:
    found = pack("commercial-driving")
    assert [item["name"] for item in found.catalogue["events"]] == [
        "speeding",
        "long_speeding",
        "rapid_acceleration",
        "rapid_start",
        "rapid_deceleration",
        "rapid_stop",
        "rapid_left_turn",
        "rapid_right_turn",
        "rapid_u_turn",
        "rapid_overtaking",
        "rapid_lane_change",
        "continuous_driving",
    ]
    names = [item["name"] for item in found.catalogue["params"]]
    by_class = {
        name: dict(zip(names, numbers, strict=True))
        for name, numbers in zip(found.parts[4], found.parts[7], strict=True)
    }
    assert by_class["car"] == by_class["taxi"]
    assert list(by_class["taxi"].values()) == [12, 10, 8, 10, 14, 15, 15, 14, 30, 2000, 25, 4000, 100, *REST_4H]
    assert list(by_class["bus"].values()) == [8, 7, 6, 8, 9, 10, 12, 9, 25, 3000, 20, 6000, 80, *REST_4H]
    assert list(by_class["truck"].values()) == [7, 6, 5, 6, 8, 8, 8, 8, 20, 3000, 15, 6000, 60, 900_000, 7_200_000]


def test_rates_of_what_needs_a_signal_are_over_the_distance_on_which_it_was_there() -> None:
    found = pack("commercial-driving")
    by_id = {item[0]: item for item in found.parts[12]}
    way, limit, heading = (found.totals[name][0] for name in ("distance_m", "limit_known_m", "heading_known_m"))
    assert [by_id[201 + behaviour][5] for behaviour in range(11)] == 2 * [[limit]] + 4 * [[way]] + 5 * [[heading]]
    assert by_id[201][6:8] == [1000000, 1]  # events over metres, per 100 km, one decimal


@pytest.mark.parametrize("name", ["commercial-driving", "eco-driving", "private-driving"])
def test_signals_are_named_as_in_vss_with_our_own_in_our_branch(name: str) -> None:
    known = {
        "Vehicle.Speed",
        "Vehicle.Powertrain.CombustionEngine.Speed",
        "Vehicle.LowVoltageSystemState",
        "Vehicle.CurrentLocation.Heading",
        "Vehicle.CurrentLocation.Latitude",
        "Vehicle.CurrentLocation.Longitude",
        "Vehicle.Exterior.AirTemperature",
        "Vehicle.Powertrain.CombustionEngine.ECT",
        "Vehicle.OBD.FuelRate",
        "Vehicle.Powertrain.FuelSystem.InstantConsumption",
        "Vehicle.Headway.RoadSpeedLimit",
        "Vehicle.Headway.LocalMinute",
        "Vehicle.Headway.LocalWeekday",
        "Vehicle.Headway.TroubleCode",
    }
    assert {signal[0] for signal in pack(name).parts[5]} <= known


def test_the_vss_overlay_names_our_own_signals_with_their_units_and_ranges() -> None:
    overlay = (Path(__file__).parents[2] / "vss" / "headway.vspec").read_text(encoding="utf-8")
    found = 0
    for name in library.names():
        for vss, unit, above, below, low, high, *_ in pack(name).parts[5]:
            if not vss.startswith("Vehicle.Headway."):
                continue
            found += 1
            _, colon, rest = overlay.partition(f"\n{vss}:\n")
            assert colon, f"{vss} is not in the overlay"
            entry = dict(line.strip().split(": ", 1) for line in rest.split("\n\n")[0].splitlines())
            assert (entry.get("unit", ""), entry["type"]) == (unit, "sensor")
            assert [Fraction(entry["min"]), Fraction(entry["max"])] == [Fraction(n * above, below) for n in (low, high)]
    assert found


def test_every_characteristic_of_a_pack_that_ships_has_a_title_and_a_text_of_its_own() -> None:
    for name in library.names():
        items = pack(name).catalogue["characteristics"]
        assert all(item["title"] and item["about"] for item in items)
        keys = [(item["level"], item["key"]) for item in items]
        assert len(set(keys)) == len(keys)


def test_packs_need_neither_the_web_nor_the_database_libraries() -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['fastapi', 'sqlalchemy', 'pydantic', 'numpy', 'typer']))\n"
        "from headway_server.packs import compile, diff, explain, library\n"
        "for name in library.names():\n"
        "    pack = compile.compile_file(library.path(name))\n"
        "    explain.explained(pack.catalogue), diff.difference(pack, pack)\n"
        "print('ok')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("ok\n", "")
