"""What a device refuses of a pack, with the reason: it trusts neither the compiler nor the server."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack
from headway_protocol import cbor
from headway_protocol.errors import DecodeError

SPEED = ["s", 0]
GOOD = [
    1,
    "test",
    1,
    "trip",
    ["car"],
    [["Vehicle.Speed", "km/h", 1, 100, 0, 30000, 0, 1], ["Vehicle.CurrentLocation.Heading", "degrees", 1, 10, 0, 3600, 3600, 0]],
    [1500, 300000, 1800000, 432000000, 20, 10000],
    [[7]],
    [["-", SPEED, ["lag", SPEED, 1000]], ["turn", 1, 2000]],
    [["time", ["<", SPEED, 2900]], ["bands", ["v", 0], [-100, 100]]],
    [[[">", ["v", 0], 800], 0, 0, [], 0], [["<", ["v", 1], ["p", 0]], 0, 0, [0], 1000]],
    [["sum", 1], ["sum", ["if", ["<", ["a", 1], 18000], 1, 0]]],
    [[1, 0, 1, 0, [0], [], 1, 1, 0], [2, 1, 1, -1, [1], [0], 1000, 1, 0]],
    [["<", ["a", 1], 18000]],
    [[1, [2]]],
    [[0, 5]],
    [[2, 0, 2, 0, [1, 9830, 16384, 16384, [[100, -100]]]]],
    [[1, [0], [0, 1], 5000, 365]],
    [["experience", ["new", "long"]]],
    [0, [0, 1], [[535, 3, 30]]],
]  # fmt: skip


def changed(path, value):
    parts = copy.deepcopy(GOOD)
    at = parts
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return parts


def refusal(parts, depth: int = 14) -> str:
    with pytest.raises(ValueError, match=r"^pack") as caught:
        Pack(cbor.encode(parts, depth))
    return str(caught.value)


def nested(depth: int):
    tree = SPEED
    for _ in range(depth):
        tree = ["+", tree, 0]
    return tree


def test_a_good_pack_is_read() -> None:
    pack = Pack(cbor.encode(GOOD, 14))
    assert [kind for kind, _ in pack.cells] == [1, 0, 1, 1, 1, 1, 0, 0]
    assert pack.first_event == 6
    assert len(pack.id) == 8
    EpisodeCore(pack, "car")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ((3,), "sleep", "kind 'sleep'"),
        ((5,), [], "signals: not a list of 1 to 12"),
        ((5, 0, 7), 0, "no signal has the role of the speed"),
        ((5, 1, 7), 1, "two signals of role 1"),
        ((5, 0, 3), 10, "the speed is counted in 0.01 km/h"),
        ((5, 1, 5), 4000, "wraps at 3600 but goes to 4000"),
        ((6, 0), 39, "a rule"),
        ((7,), [[1], [2]], "parameters: one list for each class"),
        ((7, 0, 0), 1 << 29, "a parameter"),
        ((8, 0), ["eval", SPEED, 1], "operator 'eval' is unknown"),
        ((8, 0), ["**", SPEED, 2], "operator '**' is unknown"),
        ((8, 0), ["__import__", "os"], "operator '__import__' is unknown"),
        ((8, 0), "speed", "a literal"),
        ((8, 0), ["+", SPEED], "takes 2 operands, not 1"),
        ((8, 0), ["s", 2], "a signal: 2 is not in 0..1"),
        ((8, 0), ["v", 0], "a value (only earlier ones)"),
        ((8, 0), ["<", SPEED, 1], "makes no number here"),
        ((8, 0), ["a", 0], "makes no number here"),
        ((8, 0), ["//", SPEED, 0], "// is by a positive literal"),
        ((8, 0), ["//", SPEED, SPEED], "// is by a positive literal"),
        ((8, 0), ["*", ["*", SPEED, SPEED], 2], "overflow"),
        ((8, 0), ["*", SPEED, 17896], "overflow"),
        ((8, 0), ["lag", ["+", SPEED, 1], 1000], "lag is of a signal or a value"),
        ((8, 0), ["lag", SPEED, 30001], "a lag: 30001"),
        ((5, 1), ["X", "", 1, 1, 0, 1 << 20, 1 << 20, 0], "so wide a circle over so long"),
        ((8, 1), ["turn", 0, 1000], "turn is of a signal that wraps"),
        ((8, 0), ["unchanged", ["+", SPEED, 1]], "unchanged is of a signal or a value"),
        ((8, 0), ["unchanged", 3], "unchanged is of a signal or a value"),
        ((8, 0), ["unchanged", SPEED, 1000], "takes 1 operands, not 2"),
        ((8, 0), ["driven", 0], "a rest of 0..0 ms"),
        ((8, 0), ["driven", 86400001], "a rest of 86400001..86400001 ms"),
        ((8, 0), ["driven", SPEED], "a number or a parameter"),
        ((8, 0), ["driven", ["p", 1]], "a parameter: 1 is not in 0..0"),
        ((9, 0), ["integral", ["+", ["*", SPEED, 11], 27914]], "an integral may grow by 536871000 at once: overflow"),
        ((9, 0), ["integral", SPEED, 7], "7 is no condition"),
        ((9, 0), ["first", ["<", SPEED, 1]], "makes no number here"),
        ((8, 0), nested(11), "deeper than 10"),
        ((9, 0), ["time", SPEED], "operator 's' is unknown, or makes no condition"),
        ((9, 0), ["median", SPEED], "accumulator kind 'median'"),
        ((9, 1, 2), [100, 100], "an edge of a band"),
        ((9,), [["time", ["<", SPEED, 1]]] * 95, "accumulators; the limit is 96"),
        ((10, 0, 3), [1], "suppress each other in a circle"),
        ((10, 0, 3), [0], "suppress each other in a circle"),
        ((10, 0, 1), 600001, "a time of an event"),
        ((10, 0, 2), ["v", 0], "a time of an event is a number or a parameter"),
        ((10, 0, 4), ["p", 1], "a parameter: 1 is not in 0..0"),
        ((10,), [[[">", SPEED, 1], 0, 0, [], 0]] * 17, "events: not a list of 0 to 16"),
        ((11, 0, 0), "mean", "merged by 'mean'"),
        ((11, 0, 1), ["a", 8], "an accumulator: 8"),
        ((11, 0, 1), ["held", ["<", 1, 2]], "makes no number here"),
        ((12, 1, 0), 1, "characteristic 1 twice"),
        ((12, 0, 4), [8], "an index of characteristic 1"),
        ((12, 0, 7), 0, "a divisor"),
        ((12, 0, 8), 2, "counts events"),
        ((13,), [["<", ["a", 1], 1]] * 4, "contexts: not a list of 0 to 3"),
        ((13, 0), ["<", ["s", 0], 1], "makes no number here"),
        ((14, 0, 0), 0, "the weight of an axis"),
        ((14, 0, 1), [1], "an axis of characteristic 1"),
        ((14, 0, 1), [2, 2], "an axis of characteristic 2"),
        ((14, 0, 1), [], "characteristics of an axis"),
        ((15, 0, 0), 2, "a total"),
        ((15, 0, 1), -1, "how much is enough"),
        ((16, 0, 0), 1, "a series of characteristic 1"),
        ((16,), [[2, 0, 0, 0, []], [2, 1, 0, 0, []]], "a series of characteristic 2"),
        ((16, 0, 1), 2, "what a series has a number of"),
        ((16, 0, 2), 4, "the chart of a series"),
        ((16, 0, 2), 3, "a Poisson chart of what is not counted"),
        ((16, 0), [2, 0, 2], "a series: not a list of 5"),
        ((16, 0, 3), 2, "what the chart of a series is of"),
        ((16, 0, 4), [1, 9830, 16384], "the model of a series: not a list of 5"),
        ((16, 0, 4, 0), 3, "how customer factors move a forecast"),
        ((16, 0, 4, 1), 0, "alpha of a forecast"),
        ((16, 0, 4, 2), 32769, "a gain of a forecast"),
        ((16, 0, 4, 3), -1, "a gain of a forecast"),
        ((16, 0, 4), [2, 6554, 32768, 16384, [[100, -100]]], "a forecast that feeds itself and grows for ever"),
        ((16, 0, 4, 4), [], "weights: one list for each customer factor"),
        ((16, 0, 4, 4, 0), [1], "a customer factor with a weight for some of its classes"),
        ((16, 0, 4, 4, 0), [1, 2, 3], "weights of a customer factor: not a list of 0 to 2"),
        ((16, 0, 4, 4, 0, 0), 32769, "a customer-factor weight: 32769"),
        ((16, 0, 4, 4, 0, 0), -32769, "a customer-factor weight: -32769"),
        ((18,), [["a", ["x"]]] * 5, "customer factors: not a list of 0 to 4"),
        ((18,), [["a", ["x"]]] * 2, "a customer factor: 'a'"),
        ((18, 0, 0), "", "a customer factor: ''"),
        ((18, 0, 1), [], "classes of a customer factor: not a list of 1 to 16"),
        ((18, 0, 1), ["x", "x"], "a class of a customer factor: 'x'"),
        ((19,), [0], "warnings: not a list of 3"),
        ((19, 0), 2, "the signal of warning codes: 2"),
        ((19, 0), 1, "the signal of warning codes is a number from 0 on"),
        ((19, 1), [0] * 7, "signals kept around a warning code: not a list of 0 to 6"),
        ((19, 1), [0, 0], "a signal kept around a warning code twice"),
        ((19, 1), [2], "a signal kept around a warning code: 2"),
        ((19, 2), [[0, 1, 1]] * 33, "rules for warning codes: not a list of 0 to 32"),
        ((19, 2, 0), [535, 3], "a rule for a warning code: not a list of 3"),
        ((19, 2, 0, 0), 1 << 29, "a rule for a warning code"),
        ((19, 2, 0, 1), 9, "a rule for a warning code: 9 is not in 1..8"),
        ((19, 2, 0, 2), 367, "a rule for a warning code: 367"),
        ((16,), [[2, 0, 0, 0, []]] * 9, "series: not a list of 0 to 8"),
        ((17, 0, 0), 256, "a consumable's id"),
        ((17,), [[1, [0], [0], 5, 5], [1, [0], [0], 5, 5]], "consumable 1 twice"),
        ((17, 0, 1), [], "totals of a consumable"),
        ((17, 0, 2), [2], "a total of a consumable"),
        ((17, 0), [1, [], [], 0, 0], "consumable 1 has no limit"),
        ((17, 0, 4), -1, "a consumable's days"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(path, value, reason: str) -> None:
    assert reason in refusal(changed(path, value))


def test_too_many_operators_are_refused() -> None:
    wide = ["or", *[["<", SPEED, i] for i in range(600)]]
    assert "more than 1500 operators" in refusal(changed((9, 0), ["time", wide]))


def test_too_large_a_pack_and_what_is_no_pack_are_refused() -> None:
    with pytest.raises(ValueError, match="the limit is 8192"):
        Pack(bytes(8193))
    with pytest.raises(ValueError, match="not a compiled pack"):
        Pack(cbor.encode([2, "test"]))
    with pytest.raises(DecodeError):
        Pack(b"\xff")


def places(parts, path=()):
    yield path
    if isinstance(parts, list):
        for i, part in enumerate(parts):
            yield from places(part, (*path, i))


@settings(max_examples=300)
@given(st.sampled_from([path for path in places(GOOD) if path]), st.data())
def test_whatever_is_changed_is_refused_or_runs(path, data: st.DataObject) -> None:
    anything = st.one_of(
        st.integers(-(2**40), 2**40), st.text(max_size=5), st.booleans(), st.none(), st.just([]), st.just([["s", 0]]),
        st.sampled_from([["held", ["<", ["s", 0], 5]], ["turned", 1, 5000], ["lag", ["v", 0], 700], ["v", 40], ["and"]]),
    )  # fmt: skip
    encoded = cbor.encode(changed(path, data.draw(anything)), 14)
    try:
        pack = Pack(encoded)
    except (ValueError, DecodeError):
        return
    core = EpisodeCore(pack, pack.classes[0])
    for speed in (0, 3000, 30000, 0, 12345):
        core.signals[pack.speed] = speed
        core.update(1000)
    core.finish()
    assert all(abs(number) < 1 << 31 for number in core.closed)
