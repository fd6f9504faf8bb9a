"""The packs that ship: their ids and sizes as they are, and the private one against the built-in definition."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from headway_edge.core import characteristics, definition
from headway_edge.core.pack import Pack
from headway_protocol import cbor
from headway_server.packs import library
from headway_server.packs.compile import Compiled, compile_file


def pack(name: str) -> Compiled:
    return compile_file(library.path(name))


# A changed id is another definition, whose values are never compared with those before: raise the version with it.
@pytest.mark.parametrize(
    ("name", "version", "identity", "size"),
    [("commercial-driving", 1, "7371e0b44f3dc91c", 2353), ("private-driving", 2, "2dcab2f9c4785013", 1924)],
)
def test_a_pack_that_ships_is_the_definition_it_was(name: str, version: int, identity: str, size: int) -> None:
    found = pack(name)
    assert (found.parts[1], found.parts[2], found.id.hex(), len(found.data)) == (name, version, identity, size)
    assert cbor.decode(found.data, 14) == found.parts
    assert Pack(found.data).id == found.id


# Where the built-in counts are on the wire of the pack: bands before events there.
BUILT_IN_CELLS = {
    definition.ELAPSED: 0,
    definition.DISTANCE: 1,
    definition.LOW_SPEED: 2,
    definition.IDLE: 3,
    definition.STOPS: 4,
    definition.SPEED_MAX: 5,
    definition.HARD_ACCELERATION: 24,
    definition.HARD_BRAKING: 25,
    **{definition.BAND_0 + band: 6 + band for band in range(definition.BANDS)},
}


def test_private_driving_has_the_built_in_thresholds_bands_and_rules() -> None:
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
    # The pack has them in the order acceleration low, mid, high, start, deceleration low, mid, high, stop: as built in.
    assert parts[7] == thresholds
    assert parts[9][4] == ["bands", ["s", 0], [1, *definition.BAND_EDGES_CKMH]]


def test_private_driving_has_the_built_in_characteristics_number_for_number() -> None:
    found = {item[0]: item for item in pack("private-driving").parts[12]}
    for item in characteristics.TRIP + characteristics.PERIOD:
        level = 0 if item in characteristics.TRIP else 1
        above, below = (
            [BUILT_IN_CELLS[index] if level == 0 else index for index in side]
            for side in (item._numerator, item._denominator)
        )
        expected = [item.id, level, item.decimals, item.direction, above, below, item._factor, item._divisor]
        assert found[item.id] == expected, item.key
    assert sorted(set(found) - set(characteristics.BY_ID)) == [13, 111, 112, 113, 114]


def test_private_driving_has_the_built_in_keys_units_and_directions() -> None:
    found = {item["id"]: item for item in pack("private-driving").catalogue["characteristics"]}
    for item in characteristics.TRIP + characteristics.PERIOD:
        assert (found[item.id]["key"], found[item.id]["unit"], found[item.id]["about"]) == (
            item.key,
            item.unit,
            item.about,
        )
    assert found[5]["direction"] == "lower is better"
    assert found[1]["direction"] == "neither is better"
    assert found[112]["direction"] == "higher is better"


def test_private_drivings_first_totals_are_those_of_the_built_in_period() -> None:
    period = pack("private-driving").parts[11]
    assert period[0:3] == [["sum", 1], ["sum", ["a", 1]], ["sum", ["if", ["<", ["a", 1], 18000], 1, 0]]]
    assert period[3][1][0:2] == ["permille", ["a", 2]]
    assert sorted(leaves(period[3][1][2])) == sorted(leaves(period[5][1])) == list(range(6, 23))
    assert period[4] == ["sum", ["a", 0]]
    assert period[6:11] == [
        ["sum", ["a", 3]],
        ["sum", ["a", 4]],
        ["sum", ["a", 24]],
        ["sum", ["a", 25]],
        ["max", ["a", 5]],
    ]
    assert period[11:28] == [["sum", ["a", 6 + band]] for band in range(17)]


def leaves(tree: Any) -> list[int]:
    """The accumulators that a sum is of; anything but + and accumulators fails."""
    if tree[0] == "a":
        return [tree[1]]
    assert tree[0] == "+", tree
    return leaves(tree[1]) + leaves(tree[2])


def test_oil_says_that_temperature_is_not_read_and_counts_what_can_be_known() -> None:
    found = pack("private-driving")
    assert found.parts[11][found.totals["oil_adverse_trips"][0]] == [
        "sum",
        [
            "if",
            ["or", ["<", ["a", 1], 6400], ["and", [">", ["a", 0], 6000], [">", ["*", 2, ["a", 3]], ["a", 0]]]],
            1,
            0,
        ],
    ]
    texts = [item["about"] for item in found.catalogue["characteristics"] if item["id"] in {113, 114}]
    assert [("Temperature is not read" in text) for text in texts] == [True, True]


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
    ]
    names = [item["name"] for item in found.catalogue["params"]]
    by_class = {
        name: dict(zip(names, numbers, strict=True))
        for name, numbers in zip(found.parts[4], found.parts[7], strict=True)
    }
    assert by_class["car"] == by_class["taxi"]
    assert list(by_class["taxi"].values()) == [12, 10, 8, 10, 14, 15, 15, 14, 30, 2000, 25, 4000, 100]
    assert list(by_class["bus"].values()) == [8, 7, 6, 8, 9, 10, 12, 9, 25, 3000, 20, 6000, 80]
    assert list(by_class["truck"].values()) == [7, 6, 5, 6, 8, 8, 8, 8, 20, 3000, 15, 6000, 60]


def test_rates_of_what_needs_a_signal_are_over_the_distance_on_which_it_was_there() -> None:
    found = pack("commercial-driving")
    by_id = {item[0]: item for item in found.parts[12]}
    way, limit, heading = (found.totals[name][0] for name in ("distance_m", "limit_known_m", "heading_known_m"))
    assert [by_id[201 + behaviour][5] for behaviour in range(11)] == 2 * [[limit]] + 4 * [[way]] + 5 * [[heading]]
    assert by_id[201][6:] == [1000000, 1]  # events over metres, per 100 km, one decimal


@pytest.mark.parametrize("name", ["commercial-driving", "private-driving"])
def test_signals_are_named_as_in_vss_with_our_own_in_our_branch(name: str) -> None:
    known = {
        "Vehicle.Speed",
        "Vehicle.Powertrain.CombustionEngine.Speed",
        "Vehicle.LowVoltageSystemState",
        "Vehicle.CurrentLocation.Heading",
        "Vehicle.Headway.RoadSpeedLimit",
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
            assert (entry["unit"], entry["type"]) == (unit, "sensor")
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
