"""Expressions: the trees they become, by hand, and why others are refused."""

from fractions import Fraction

import pytest

from headway_server.packs.dimension import ACCELERATION, ANGLE, DISTANCE, ENGINE_SPEED, KMH, PLAIN, SPEED, TIME
from headway_server.packs.expression import compiled
from headway_server.packs.names import Name
from headway_server.packs.quantity import Condition, ExpressionError, Number

SAMPLE = {
    "speed": Name("signal", Number(["s", 0], SPEED, KMH / 100)),
    "heading": Name("signal", Number(["s", 1], ANGLE, Fraction(1, 10), wraps=True)),
    "engine": Name("signal", Number(["s", 2], ENGINE_SPEED, Fraction(1, 60))),
    "now": Name("value", Number(["v", 0], SPEED, KMH)),
    "limit": Name("parameter", Number(["p", 3], SPEED, KMH)),
    "window": Name("parameter", Number(["p", 4], TIME, Fraction(1, 1000))),
    "count": Name("value", Number(["v", 1], PLAIN, Fraction(1))),
}
TRIP = {
    "elapsed": Name("count", Number(["a", 0], TIME, Fraction(1, 10)), (0,)),
    "distance": Name("count", Number(["a", 1], DISTANCE, Fraction(1)), (1,)),
    "idle": Name("count", Number(["a", 2], TIME, Fraction(1, 10)), (2,)),
    "bands": Name("bands", None, (3, 4, 5)),
}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("speed < 29*kmh", ["<", ["s", 0], 2900]),
        ("0.5*mps <= speed", ["<=", 180, ["s", 0]]),
        ("speed == 0", ["==", ["s", 0], 0]),
        ("speed != 12.34 * kmh", ["!=", ["s", 0], 1234]),
        ("engine > 700*rpm", [">", ["s", 2], 700]),
        ("heading >= 60*deg", [">=", ["s", 1], 600]),
        ("held(speed > 0) >= 3*min", [">=", ["held", [">", ["s", 0], 0]], 180000]),
        ("held(now >= limit) >= window", [">=", ["held", [">=", ["v", 0], ["p", 3]]], ["p", 4]]),
        ("6*kmh <= now <= 10*kmh", ["and", ["<=", 6, ["v", 0]], ["<=", ["v", 0], 10]]),
        (
            "now > 3*kmh and (speed > 0 and not engine == 0)",
            ["and", [">", ["v", 0], 3], [">", ["s", 0], 0], ["not", ["==", ["s", 2], 0]]],
        ),
        (
            "now > 3*kmh or speed == 0 and engine == 0",
            ["or", [">", ["v", 0], 3], ["and", ["==", ["s", 0], 0], ["==", ["s", 2], 0]]],
        ),
        # Quanta that differ: the coarser side is multiplied, exactly.
        ("speed > limit", [">", ["s", 0], ["*", ["p", 3], 100]]),
        ("now > limit + 20*kmh", [">", ["v", 0], ["+", ["p", 3], 20]]),
        ("-now > -5*kmh", [">", ["-", 0, ["v", 0]], -5]),
        ("turn(heading, 2*s) <= -60*deg", ["<=", ["turn", 1, 2000], -600]),
        ("turned(heading, 0.5*s) > 1*deg", [">", ["turned", 1, 500], 10]),
        # A speed times a time is a distance: 1 km/h times 1 ms is 1/3600 m.
        ("now * window >= 10*m", [">=", ["*", ["v", 0], ["p", 4]], 36000]),
    ],
)
def test_a_condition_becomes_this_tree(text: str, tree: list[object]) -> None:
    found = compiled(text, SAMPLE)
    assert isinstance(found, Condition)
    assert found.tree == tree


@pytest.mark.parametrize(
    ("text", "tree", "dimension", "quantum"),
    [
        ("round(speed, 1*kmh)", ["round", ["s", 0], 100], SPEED, KMH),
        ("lag(speed, 1*s)", ["lag", ["s", 0], 1000], SPEED, KMH / 100),
        ("delta(now, 1*s)", ["-", ["v", 0], ["lag", ["v", 0], 1000]], SPEED, KMH),
        ("speed // (10*kmh)", ["//", ["s", 0], 1000], PLAIN, Fraction(1)),
        ("speed // 10", ["//", ["s", 0], 10], SPEED, KMH / 100),
        ("count // 10", ["//", ["v", 1], 10], PLAIN, Fraction(1)),
        ("abs(speed - 2*limit)", ["abs", ["-", ["s", 0], ["*", ["*", 2, ["p", 3]], 100]]], SPEED, KMH / 100),
        ("max(now, limit, 3*kmh)", ["max", ["max", ["v", 0], ["p", 3]], 3], SPEED, KMH),
        ("min(speed, 50*kmh)", ["min", ["s", 0], 5000], SPEED, KMH / 100),
        ("count * count", ["*", ["v", 1], ["v", 1]], PLAIN, Fraction(1)),
        # / is nothing to compute: what is divided is the step that is counted.
        ("delta(now, 1*s) / (1*s)", ["-", ["v", 0], ["lag", ["v", 0], 1000]], ACCELERATION, KMH),
        ("round(speed, 0.1*mps) / (2*s)", ["round", ["s", 0], 36], ACCELERATION, Fraction(1, 20)),
        ("speed / 2", ["s", 0], SPEED, KMH / 200),
        ("unchanged(heading)", ["unchanged", ["s", 1]], TIME, Fraction(1, 1000)),
        (
            "min(unchanged(speed), unchanged(now))",
            ["min", ["unchanged", ["s", 0]], ["unchanged", ["v", 0]]],
            TIME,
            Fraction(1, 1000),
        ),
        ("driven(15*min)", ["driven", 900000], TIME, Fraction(1, 1000)),
        ("driven(window)", ["driven", ["p", 4]], TIME, Fraction(1, 1000)),
        ("held(count > 2)", ["held", [">", ["v", 1], 2]], TIME, Fraction(1, 1000)),
    ],
)
def test_a_number_becomes_this_tree_in_this_unit(text: str, tree: object, dimension: object, quantum: Fraction) -> None:
    found = compiled(text, SAMPLE)
    assert isinstance(found, Number)
    assert (found.tree, found.dimension, found.quantum) == (tree, dimension, quantum)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1 if distance < 18*km else 0", ["if", ["<", ["a", 1], 18000], 1, 0]),
        ("idle if elapsed > 10*min else 0*s", ["if", [">", ["a", 0], 6000], ["a", 2], 0]),
        ("permille(idle, elapsed)", ["permille", ["a", 2], ["a", 0]]),
        ("permille(idle, sum(bands[1:]))", ["permille", ["a", 2], ["+", ["a", 4], ["a", 5]]]),
        ("sum(bands)", ["+", ["+", ["a", 3], ["a", 4]], ["a", 5]]),
        ("bands[2] - bands[0]", ["-", ["a", 5], ["a", 3]]),
        (
            "1 if permille(idle, elapsed) > 50*percent else 0",
            ["if", [">", ["permille", ["a", 2], ["a", 0]], 500], 1, 0],
        ),
    ],
)
def test_a_total_becomes_this_tree(text: str, tree: object) -> None:
    found = compiled(text, TRIP, "trip")
    assert isinstance(found, Number)
    assert found.tree == tree


@pytest.mark.parametrize(
    ("text", "names_both"),
    [
        ("speed < 18*km", ["18000 m (distance)", "speed in 0.01 km/h"]),
        ("speed < 29", ["29 (plain number)", "speed in 0.01 km/h", "29*kmh"]),
        ("heading > 3*s", ["3 s (time)", "angle in 0.1 deg"]),
        ("speed > engine", ["speed in 0.01 km/h", "engine speed in rpm"]),
        ("speed + window > 0", ["speed in 0.01 km/h", "time in 0.001 s"]),
        ("max(now, 3*s)", ["3 s (time)", "speed in km/h"]),
        ("held(now > 0) > limit", ["time in 0.001 s", "speed in km/h"]),
        ("3*km + 2*s", ["3000 m (distance)", "2 s (time)"]),
        ("round(speed, 1*m)", ["1 m (distance)", "speed in 0.01 km/h"]),
        ("now > 1.5*mps2", ["1.5 m/s2 (acceleration)", "speed in km/h"]),
    ],
)
def test_what_does_not_go_together_is_named_on_both_sides(text: str, names_both: list[str]) -> None:
    with pytest.raises(ExpressionError) as error:
        compiled(text, SAMPLE)
    assert [name for name in names_both if name not in str(error.value)] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed < 8.04672*kmh", "8.04672 km/h is no whole number of 0.01 km/h; the nearest are 8.04 and 8.05 km/h"),
        ("now < 0.5*kmh", "0.5 km/h is no whole number of 1 km/h; the nearest are 0 and 1 km/h"),
        ("now < -0.5*kmh", "-0.5 km/h is no whole number of 1 km/h; the nearest are -1 and 0 km/h"),
        ("speed < 1*mph", "1.609344 km/h is no whole number of 0.01 km/h; the nearest are 1.6 and 1.61 km/h"),
        ("lag(speed, 0.0005*s)", "0.0005 s is no whole number of 0.001 s; the nearest are 0 and 0.001 s"),
        ("count * 0.5", "0.5 is no whole number of 1; the nearest are 0 and 1"),
        ("speed < 9999999*kmh", "9999999 km/h is 999999900 steps; the device's numbers end at 536870911"),
    ],
)
def test_a_literal_that_is_no_whole_number_of_quanta_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compiled(text, SAMPLE)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heading - lag(heading, 1*s)", "a direction starts again at 0"),
        ("delta(heading, 1*s)", "a direction starts again at 0"),
        ("turn(speed, 1*s)", "turn(...) is of a signal that wraps"),
        ("turn(lag(heading, 1*s), 1*s)", "turn(...) is of a signal that wraps"),
        ("lag(speed + now, 1*s)", "lag is of a signal or a value; give 'speed + now' a name under [values]"),
        ("lag(limit, 1*s)", "lag is of a signal or a value"),
        ("lag(speed, window)", "'window' is no length of time; write a literal such as 1*s"),
        ("lag(speed, 0*s)", "a window needs a literal of more than 0"),
        ("held(speed)", "'speed' is speed in 0.01 km/h, where a condition is needed"),
        ("speed and now", "'speed' is speed in 0.01 km/h, where a condition is needed"),
        ("(speed > 0) + 1", "'speed > 0' is a condition where a number is needed"),
        ("speed // now", "// is of a number by a literal"),
        ("now // 0", "// needs a literal of more than 0"),
        ("round(now, limit)", "round(x, step): the step is a literal"),
        ("abs(3*s)", "'3*s' is a constant where something that changes is needed"),
        ("max(1, 2)", "1 and 2 are both constants; write the result"),
        ("2 < 3", "2 and 3 are both constants; write the result"),
        ("now * (3*kmh)", "3 km/h (speed) times a number"),
        ("speed is now", "comparisons are < <= > >= == !="),
        ("speed in (1, 2)", "Tuple is not part of an expression"),
        ("+speed", "only - and not may stand before something"),
        ("sqrt(speed)", "unknown function: 'sqrt' is none of abs, "),
        ("unchanged(now + limit)", "unchanged is of a signal or a value; give 'now + limit' a name under [values]"),
        ("unchanged(limit)", "unchanged is of a signal or a value; give 'limit' a name under [values]"),
        ("driven(speed)", "driven is by a rest: a literal such as 15*min, or a parameter in steps of 1*ms"),
        ("driven(limit)", "driven is by a rest"),
        ("driven(3*km)", "'3*km' is no length of time"),
        ("driven(0*s)", "needs a literal of more than 0"),
        ("heading / (1*s)", "a direction starts again at 0"),
        ("now / speed", "/ is by a literal; quotients of two numbers are characteristics"),
        ("now / 0", "/ needs a literal of more than 0"),
        ("2 / now", "/ is by a literal"),
        ("sum(speed)", "unknown function: 'sum' is none of"),
        ("max(now)", "max(...) takes 2 operands, not 1"),
        ("abs(now, now)", "abs(...) takes 1 operands, not 2"),
        ("sped", "'sped' is none of count, engine, heading, limit, now, speed, window; did you mean 'speed'?"),
        ("zzz", "units are V, celsius, cm, d,"),
        ("1 if now > limit else 0", "... if ... else ... is not part of an expression; it belongs in totals"),
        ("now > # limit", "'#' in an expression"),
        ("", "not an expression"),
    ],
)
def test_a_sample_expression_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compiled(text, SAMPLE)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lag(distance, 1*s)", "unknown function: 'lag' is none of abs, max, min, permille, round, sum"),
        ("bands + 1*s", "'bands' are several numbers; write bands[0], or sum(bands)"),
        ("bands[0:2]", "several bands are no number; write sum(...) around them"),
        ("bands[3]", "a band's number is a whole literal in 0..2"),
        ("bands[-1]", "a band's number is a whole literal in 0..2"),
        ("bands[True]", "a band's number is a whole literal in 0..2"),
        ("sum(bands[::2])", "a band's number is a whole literal in 0..2"),
        ("sum(bands[2:1])", "no band is left of bands, which has 3"),
        ("sum(idle)", "unknown bands: 'idle' is none of bands"),
        ("permille(idle, distance)", "time in 0.1 s does not go with distance in m"),
        ("5*km if idle > 0 else 3*km", "stands alone: it is not known in which steps to count it"),
    ],
)
def test_a_total_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        compiled(text, TRIP, "trip")
    assert message in str(error.value)
