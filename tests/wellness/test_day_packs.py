"""What is refused of a pack of kind "day": by a device that trusts nobody, and at the author's desk with the line."""

import copy
from typing import Any

import pytest
from days import MINUTE_MS, REPORT, SMALL, feed, packed, wellness
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_edge.core.day import DayCore
from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack
from headway_protocol import cbor
from headway_protocol.errors import DecodeError, ProtocolError
from headway_server.packs.explain import explained
from headway_server.packs.problems import PackRefused

COUNT = ["s", 1]
DRINKS = ["s", 2]


def changed(path: tuple[int, ...], value: Any) -> list[Any]:
    parts = copy.deepcopy(SMALL)
    at = parts
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return parts


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ((3,), "night", "kind 'night'; this device knows 'trip' and 'day'"),
        ((3,), "trip", "a role of kind 'day' in a pack of kind 'trip'"),
        ((5, 1, 7), 1, "role 1 in a pack of kind 'day'"),
        ((5, 1, 7), 6, "role of Wearable.ActivityCount: 6 is not in 0..5"),
        ((5, 1, 7), 4, "two signals of role 4"),
        ((5, 0, 1), "s", "the clock is counted in min"),
        ((5, 0, 6), 0, "the clock is counted in min"),
        ((6,), [MINUTE_MS, 240, 0, 0, 0, 0], "rules: not a list of 3 to 3 items"),
        ((6, 0), 9999, "a rule: 9999"),
        ((6, 0), 3600001, "a rule: 3600001"),
        ((6, 1), 1440, "a rule: 1440"),
        ((8, 0, 2), 90000, "no whole number of epochs"),
        ((8, 0, 2), 61 * MINUTE_MS, "a window: 3660000"),
        ((8, 0, 2), 0, "a window: 0"),
        ((8, 0), ["lag", ["+", COUNT, 1], MINUTE_MS], "lag is of a signal or a value"),
        ((8, 0), ["lag", DRINKS, MINUTE_MS], "a window over what a person reports"),
        ((8, 0), ["count", [">", DRINKS, 3], MINUTE_MS], "a window over what a person reports"),
        ((8, 0), ["total", ["v", 0], MINUTE_MS], "a value (only earlier ones)"),
        ((8, 0), ["deviation", COUNT, MINUTE_MS], "deviation over a single epoch"),
        ((8, 0), ["deviation", COUNT, 30 * MINUTE_MS], "so wide a range: overflow"),
        ((8, 0), ["ln", COUNT], "ln of what may be 0"),
        ((8, 0), ["ln", ["+", COUNT, 1], 1], "'ln' takes 1 operands, not 2"),
        ((8, 0), ["turn", 0, 1000], "operator 'turn' is unknown"),
        ((8, 0), ["turned", 0, 1000], "operator 'turned' is unknown"),
        ((8, 0), ["driven", 1000], "operator 'driven' is unknown"),
        ((8, 0), ["*", ["total", COUNT, 60 * MINUTE_MS], 10000], "overflow"),
        ((9, 0), ["metres", [">", COUNT, 1]], "a day has no distance"),
        ((9, 0), ["sum", ["+", COUNT, DRINKS]], "reads what a person reports and what is measured"),
        ((9, 0), ["sum", COUNT, [">", DRINKS, 1]], "reads what a person reports and what is measured"),
        ((10,), [[[">", DRINKS, 1], 0, 0, [], 0]], "an event reads what a person reports"),
    ],
)  # fmt: skip
def test_a_device_refuses_what_is_wrong_with_the_reason(path: tuple[int, ...], value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^pack") as caught:
        packed(changed(path, value))
    assert reason in str(caught.value)


def test_the_operators_of_days_are_unknown_in_trips() -> None:
    speed = ["Vehicle.Speed", "km/h", 1, 100, 0, 30000, 0, 1]
    for tree in (
        ["total", ["s", 0], 1000],
        ["deviation", ["s", 0], 2000],
        ["count", ["<", ["s", 0], 1], 1000],
        ["ln", 5],
    ):
        parts: list[Any] = [1, "t", 1, "trip", ["car"], [speed], [1500, 300000, 1800000, 432000000, 0, 0], [[]], [tree],
                            *[[]] * 11]  # fmt: skip
        with pytest.raises(ValueError, match="is unknown, or makes no number here"):
            Pack(cbor.encode(parts, 14))


def test_what_reads_a_report_is_found_in_no_more_steps_than_there_are_values() -> None:
    # Each value twice the one before: walked naively, 2**47 steps.
    parts = changed((8,), [["+", ["-", COUNT, COUNT], 0], *[["min", ["v", i], ["v", i]] for i in range(47)]])
    parts[9] = [["max", ["v", 47]]]
    assert packed(parts).value_reads == [2] * 48


def places(parts: Any, path: tuple[int, ...] = ()) -> Any:
    yield path
    if isinstance(parts, list):
        for i, part in enumerate(parts):
            yield from places(part, (*path, i))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([path for path in places(SMALL) if path]), st.data())
def test_whatever_is_changed_is_refused_or_runs(path: tuple[int, ...], data: st.DataObject) -> None:
    anything = st.one_of(
        st.integers(-(2**40), 2**40), st.text(max_size=5), st.booleans(), st.none(), st.just([]), st.just([["s", 0]]),
        st.sampled_from([["held", ["<", COUNT, 5]], ["total", COUNT, 120000], ["lag", ["v", 0], 60000], ["v", 40],
                         ["deviation", COUNT, 120000], ["count", ["<", COUNT, 5], 60000], ["ln", 7], "day", "trip"]),
    )  # fmt: skip
    try:
        pack = Pack(cbor.encode(changed(path, data.draw(anything)), 14))
    except (ValueError, DecodeError, ProtocolError):
        return
    core = DayCore(pack, pack.classes[0]) if pack.kind == "day" else EpisodeCore(pack, pack.classes[0])
    for number in (0, 5, 1000, -1, 12345):
        feed(core, pack.rules[0], *[number] * len(pack.signals))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('epoch = "1*min"', 'near = "1*min"', "rules.near: unknown key"),
        ('boundary = "20*h"', 'boundary = "25*h"', "a rule: 1500 is not in 0..1439"),
        ('boundary = "20*h"', 'boundary = "20*km"', "rules.boundary"),
        ('role = "clock"', 'role = "speed"', 'signals.local_minute.role: speed is a role of kind = "trip"'),
        ('unit = "min"\nquantum = 1\n', 'unit = "min"\nquantum = 0.5\n', "the clock is counted in min from 0 to 1439"),
        ("sd(cut, 6*min)", "sd(cut, 90*s)", "90 s is no whole number of epochs of 60 s"),
        ("sd(cut, 6*min)", "sd(cut, 1*min)", "sd is over two epochs at least"),
        ("sd(cut, 6*min)", "sd(local_minute, 6*min)", "a direction starts again at 0"),
        ("mean(heart_rate, 5*min)", "mean(abs(heart_rate), 5*min)", "mean is of a signal or a value"),
        ("count(worn == 0, 7*min)", "count(drinks == 0, 7*min)", "a window over what a person reports"),
        ("mean(heart_rate, 5*min)", "mean(heart_rate, 2*h)", "a window: 7200000"),
        ("ln(cut_then + 1)", "ln(cut_then)", "ln of what may be 0"),
        ("ln(cut_then + 1)", "ln(heart_rate)", "ln is of a plain number counted in ones"),
        ("ln(cut_then + 1)", "turn(local_minute, 5*min)", "unknown function: 'turn'"),
        ('of = "drinks"', 'of = "drinks + steps"', "reads what a person reports and what is measured"),
        ('formula = "drinks_taken"', 'formula = "distance"', "unknown name: 'distance'"),
        ('kind = "min"\nof = "pulse"', 'kind = "metres"\nwhen = "pulse > 0"', "a day has no distance"),
    ],
)  # fmt: skip
def test_an_author_is_told_what_is_wrong(old: str, new: str, message: str) -> None:
    with pytest.raises(PackRefused) as refused:
        wellness((old, new))
    assert [str(problem) for problem in refused.value.problems if message in str(problem)], refused.value.problems


def test_a_mean_is_counted_in_steps_that_make_it_exact() -> None:
    compiled = wellness()
    names = {item["name"]: item for item in compiled.catalogue["values"]}
    assert names["pulse"]["is"] == "quantity in 1/300 s^-1"
    trees = compiled.parts[8]
    assert trees[[*names].index("pulse")] == ["total", ["s", 3], 5 * MINUTE_MS]
    assert names["spread"]["is"] == "plain number in 0.001"


def test_explaining_says_what_a_day_is() -> None:
    text = explained(wellness().catalogue)
    assert "a sample is an epoch of 1 min" in text
    assert "a day begins when the local clock passes 20 h" in text
    assert "Accumulators, over a day, after elapsed" in text
    assert "trip" not in text.partition("Signals")[0].partition("Rules of")[2]


def test_a_report_is_a_role_of_days_only() -> None:
    assert REPORT[7] == 5
    assert packed(SMALL).value_reads == [2, 2]
