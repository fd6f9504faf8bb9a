"""docs/packs.md says what the code does: its example compiles, and every word, unit and limit of the code is in it."""

import re
from pathlib import Path

import pytest

from headway_edge.core import pack_limits as device
from headway_edge.core import program
from headway_edge.core.day_pack import EPOCHS_MAX
from headway_server.packs import schema, source
from headway_server.packs.compile import compile_source
from headway_server.packs.dimension import UNITS
from headway_server.packs.expression import FUNCTIONS
from headway_server.packs.library import names, path
from headway_server.packs.problems import PackRefused
from headway_server.packs.source import parse

GUIDE = (Path(__file__).parents[2] / "docs" / "packs.md").read_text(encoding="utf-8")
EXAMPLE, FACTORS = (block.partition("```")[0] for block in GUIDE.split("```toml\n")[1:3])


def test_the_example_is_a_pack_and_means_what_the_page_says() -> None:
    parts = compile_source(parse(EXAMPLE.encode(), "example")).parts
    assert parts[7] == [[60], [60], [55]]
    assert parts[10][1] == [[">", ["v", 0], ["p", 0]], 10000, 60000, [0], 2000]
    assert parts[12][0] == [1, 0, 1, -1, [2], [4, 5, 6], 1000, 1, 0]


def test_the_example_with_customer_factors_goes_with_it() -> None:
    parts = compile_source(parse((EXAMPLE + FACTORS).encode(), "example")).parts
    assert parts[18] == [["experience", ["beginner", "settled"]]]
    assert parts[16] == [[101, 0, 0, 0, [1, 9830, 16384, 16384, [[-11469, 3932]]]]]


def test_the_example_of_warnings_goes_with_a_pack_that_has_none() -> None:
    page = (Path(__file__).parents[2] / "docs" / "consumables.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    text = path("eco-driving").read_text(encoding="utf-8")
    parts = compile_source(parse((text + example).encode(), "example")).parts
    names = [signal[0].rpartition(".")[2] for signal in parts[5]]
    place, condition, rules = parts[19]
    assert (names[place], [names[i] for i in condition]) == ("TroubleCode", ["Speed", "Speed", "FuelRate"])
    assert rules == [[0x0217, 2, 30]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("now > fast", "now < 0.5*kmh", "0.5 km/h is no whole number of 1 km/h"),
        ("0*kmh < speed < 20*kmh", "speed < 3*km", "does not go with speed"),
    ],
)
def test_what_the_page_calls_a_mistake_is_one(old: str, new: str, message: str) -> None:
    assert EXAMPLE.count(old) == 1
    with pytest.raises(PackRefused, match=message):
        compile_source(parse(EXAMPLE.replace(old, new).encode(), "example"))


def test_every_table_key_kind_role_and_rule_is_in_the_guide() -> None:
    words = {f"`{word}`" for keys in schema.KEYS.values() for word in keys}
    words |= {
        f"`{word}`"
        for word in [*schema.ACCUMULATOR_KINDS, *schema.RULES, *schema.DAY_RULES, *schema.DIRECTIONS, *schema.ROLES[1:]]
    }
    words |= {f"`[{table}]`" if table in schema.SINGLE else f"`[{table}." for table in schema.KEYS}
    assert [word for word in sorted(words) if word not in GUIDE] == []


def test_every_function_and_unit_is_in_the_guide() -> None:
    functions = {name for scope in FUNCTIONS.values() for name in scope}
    assert [name for name in sorted(functions) if f"`{name}(" not in GUIDE] == []
    assert [name for name in UNITS if f"`{name}`" not in GUIDE] == []


def test_the_limits_of_the_guide_are_those_of_the_code() -> None:
    table = GUIDE.partition("## Limits")[2]
    found = {what: int(most) for what, most in re.findall(r"^\| ([^|]+?) \| \D?(\d+)[^|]*\|$", table, re.MULTILINE)}
    assert found == {
        "classes": device.CLASSES_MAX,
        "signals": device.SIGNALS_MAX,
        "parameters": device.PARAMETERS_MAX,
        "values": device.VALUES_MAX,
        "counts of a trip: `elapsed`, `distance`, accumulators with every band, events": device.CELLS_MAX,
        "edges of bands": 40,
        "events": device.EVENTS_MAX,
        "period totals, with every band": device.PERIOD_MAX,
        "characteristics": device.CHARACTERISTICS_MAX,
        "series, consumables": device.SERIES_MAX,
        "customer factors": device.FACTORS_MAX,
        "classes of a customer factor": device.FACTOR_CLASSES_MAX,
        "signals kept around a warning code": device.CONDITION_MAX,
        "pieces of advice": device.WARNING_RULES_MAX,
        "depth of an expression": device.DEPTH_MAX,
        "operators and operands in all": device.NODES_MAX,
        "window of `lag`, `delta`, `turn`, `turned`": device.WINDOW_MS_MAX // 1000,
        "window of a day's `lag`, `delta`, `mean`, `sd`, `count`": EPOCHS_MAX,
        "`hold`, `quiet`, `wait`, and what `held` and `unchanged` count to": program.HOLD_MS_MAX // 1000,
        "rest of `driven`, and what it counts to": program.DRIVEN_MS_MAX // 1000,
        "compiled pack": device.PACK_BYTES_MAX,
        "any number on a sample": device.NUMBER_MAX,
        "source": source.SOURCE_BYTES_MAX,
    }
    assert f"lines of {source.LINE_LENGTH_MAX} characters" in table


def test_the_guide_names_the_packs_that_ship() -> None:
    assert [name for name in names() if f"`{name}`" not in GUIDE] == []
