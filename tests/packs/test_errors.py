"""What an author is told: the line, the field, what is wrong and what is allowed; all of it at once.

Lines are those of minimal.toml, which each case changes in one place.
"""

from collections.abc import Callable

import pytest

from headway_server.packs.problems import PackRefused
from headway_server.packs.source import parse

Refusals = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # Form.
        ("[pack]\n", "[pack\n", "1: not TOML: Expected ']' at the end of a table declaration (at line 1, column 6)"),
        ("version = 1\n", "", "1: pack.version: missing"),
        ("version = 1\n", 'version = "1"\n', "3: pack.version: expected a whole number, not '1'"),
        ("version = 1\n", "version = 1.0\n", "3: pack.version: expected a whole number, not '1'"),
        ("version = 1\n", "version = true\n", "3: pack.version: expected a whole number, not 'True'"),
        (
            "version = 1\n",
            "version = 1\ntitel = 2\n",
            "4: pack.titel: unknown key: 'titel' is none of name, version, kind, title, about, source, classes, like; "
            "did you mean 'title'?",
        ),
        ("[totals.way]", "[total.way]", "76: total: unknown table: 'total' is none of accumulators, advice, "
         "consumables, contexts, events, factors, pack, params, period, rules, score, series, signals, totals, trip, values, "
         "warnings; did you mean 'totals'?"),
        ("[values.now]", "[values]\nold = 3\n[values.now]", "42: values.old: expected a table"),
        ("[events.start]", "[events.Start]", "60: events.Start: a name is a lower-case letter, then up to 63 of a-z, "
         "0-9 and _"),
        ("[values.now]", "[values.min]", "41: values.min: 'min' is a unit, a function or a word of expressions; choose "
         "another name"),
        ("[events.start]", "[events.slow]", "60: events.slow: 'slow' is also the name of [accumulators.slow]"),
        ("[accumulators.slow]", "[accumulators.elapsed]", "49: accumulators.elapsed: 'elapsed' is also the name of a "
         "built-in accumulator"),
        ("[values.gain]", "[values.now]", "45: not TOML: Cannot declare ('values', 'now') twice"),
        ('about = "Heading."', 'about = "\\u001b[2J"', "34: signals.heading.about: a control character; only line "
         "breaks and tabs are text"),
        # The pack and its classes.
        ('"minimal"', '"Minimal pack"', "2: pack.name: a lower-case letter, then up to 63 of a-z, 0-9 and -"),
        ('kind = "trip"', 'kind = "walk"', "4: pack.kind: 'walk' is none of trip"),
        ('["car", "taxi"]', "[]", "7: pack.classes: one to 16 classes, each once"),
        ('["car", "taxi"]', '["car", "taxi", "taxi"]', "7: pack.classes: one to 16 classes, each once"),
        ('["car", "taxi"]', '["car", "taxi", "Bus!"]', "7: pack.classes: 'Bus!': a lower-case letter, then"),
        ('{ car = "taxi" }', '{ car = "taxy" }', "8: pack.like: 'taxy' is none of taxi; did you mean 'taxi'?"),
        ('{ car = "taxi" }', '{ van = "taxi" }', "8: pack.like: 'van' is none of car, taxi"),
        # Rules.
        ('"5*min"', '"5*km"', "12: rules.gap: 5000 m (distance) does not go with time in 0.001 s"),
        ('"5*min"', '"5"', "12: rules.gap: 5 (plain number) does not go with time in 0.001 s; give it a unit, for "
         "example 5*s"),
        ('"1.5*s"', '"0.0001*s"', "11: rules.near: 0.0001 s is no whole number of 0.001 s; the nearest are 0 and "
         "0.001 s"),
        ('"1.5*s"', '"speed"', "11: rules.near: 'speed' is not known here, where only constants stand"),
        # Signals.
        ('role = "speed"', 'role = "sped"', "24: signals.speed.role: 'sped' is none of none, speed, engine_speed, "
         "ignition, clock, report; did you mean 'speed'?"),
        ('role = "speed"\n', "", '18: signals: exactly one signal has role = "speed"'),
        ('role = "speed"', 'role = "ignition"', '18: signals: exactly one signal has role = "speed"'),
        ("wrap = 360\n", 'role = "ignition"\nabout = "H"\n[signals.other]\nvss = "Vehicle.Other"\nunit = ""\n'
         'quantum = 1\nmin = 0\nmax = 1\nrole = "ignition"\n', "41: signals.other.role: a second signal of role ignition"),
        ('unit = "degrees"', 'unit = "furlongs"', "29: signals.heading.unit: 'furlongs' is none of %, 1, V,"),
        ("quantum = 0.1\n", "quantum = 0\n", "30: signals.heading.quantum: must be more than 0"),
        ("quantum = 0.1\n", "quantum = 1e-1\n", "30: signals.heading.quantum: expected a number such as 12 or 0.01, not "
         "one with an exponent or so many places"),
        ("max = 360\n", "max = 359.99\n", "32: signals.heading.max: max is not a whole number of quanta"),
        ("max = 360\n", "max = 400\n", "33: signals.heading.wrap: a signal that wraps lies between 0 and its wrap"),
        ("max = 300\n", "max = -1\n", "23: signals.speed.max: less than min"),
        ("max = 300\n", "max = 9000000\n", "23: signals.speed.max: 900000000 quanta; the device's numbers end at "
         "536870911"),
        ('"Vehicle.CurrentLocation.Heading"', '"Vehicle.Speed"', "28: signals.heading.vss: 'Vehicle.Speed' is also "
         "signals.speed"),
        ('"Vehicle.CurrentLocation.Heading"', '"heading"', "28: signals.heading.vss: expected a VSS name such as "
         "Vehicle.Speed"),
        # Parameters.
        ('{ taxi = "50*kmh" }', '{ taxi = "50*km" }', "38: params.fast.classes.taxi: 50000 m (distance) does not go with "
         "speed in km/h"),
        ('{ taxi = "50*kmh" }', '{ taxi = "50.5*kmh" }', "38: params.fast.classes.taxi: 50.5 km/h is no whole number of "
         "1 km/h; the nearest are 50 and 51 km/h"),
        ('{ taxi = "50*kmh" }', "{ taxi = 50 }", "38: params.fast.classes: expected a table of texts"),
        ('"1*kmh"\nclasses', '"-1*kmh"\nclasses', "37: params.fast.quantum: must be more than 0"),
        ('"1*kmh"\nclasses', '"now"\nclasses', "37: params.fast.quantum: 'now' is not known here"),
        # Values.
        ("round(speed, 1*kmh)", "round(sped, 1*kmh)", "42: values.now.formula: unknown name: 'sped' is none of fast, "
         "heading, speed; did you mean 'speed'?"),
        ("round(speed, 1*kmh)", "round(gain, 1*kmh)", "42: values.now.formula: 'gain' is defined here or further down; "
         "a value uses earlier ones only"),
        ("round(speed, 1*kmh)", "speed > 3*kmh", "42: values.now.formula: a condition where a number is needed"),
        ("round(speed, 1*kmh)", "3*kmh", "42: values.now.formula: 3 km/h (speed) stands alone"),
        ("delta(now, 1*s)", "delta(now, 31*s)", "45: values.gain: no device would take it: a lag: 31000 is not in "
         "1..30000"),
        # Accumulators.
        ('kind = "time"', 'kind = "tiem"', "50: accumulators.slow.kind: 'tiem' is none of bands, edges, first, integral, "
         "last, max, metres, min, sum, time; did you mean 'time'?"),
        ('when = "speed < 29*kmh"\n', "", "49: accumulators.slow.when: missing: kind 'time' needs it"),
        ('of = "speed"\n', 'of = "speed"\nwhen = "speed > 0"\n', "57: accumulators.bands.when: kind 'bands' has no use "
         "for it"),
        ("speed < 29*kmh", "speed", "51: accumulators.slow.when: speed in 0.01 km/h where a condition is needed; compare "
         "it with something"),
        ('"0.01*kmh", "50*kmh"', '"50*kmh", "1*kmh"', "57: accumulators.bands.edges: edges ascend, each once"),
        ('"0.01*kmh", "50*kmh"', "", "57: accumulators.bands.edges: bands need one edge at least"),
        ('"0.01*kmh", "50*kmh"', '"1*s"', "57: accumulators.bands.edges: 1 s (time) does not go with speed in "
         "0.01 km/h"),
        # Events.
        ('["start"]', '["strat"]', "68: events.hurry.suppressed_by: 'strat' is none of start, hurry; did you mean "
         "'start'?"),
        ('["start"]', '["hurry"]', "68: events.hurry.suppressed_by: events suppress each other in a circle"),
        ('hold = "3*s"', 'hold = "3*h"', "64: events.hurry: no device would take it: a time of an event"),
        ('hold = "3*s"', 'hold = "fast"', "66: events.hurry.hold: fast is speed in km/h; a time in steps of 1*ms is "
         "needed"),
        # Totals and characteristics.
        ('formula = "distance"', 'formula = "distence"', "77: totals.way.formula: unknown name: 'distence' is none of "
         "bands, distance, elapsed, hurry, slow, start; did you mean 'distance'?"),
        ('formula = "distance"', 'formula = "distance"\nmerge = "mean"', "78: totals.way.merge: 'mean' is none of max, "
         "min, sum"),
        ("id = 100\n", "id = 1\n", "95: period.trips_per_100km.id: 1 is also the id of trip.slow_share_pct; ids are "
         "unique over both levels"),
        ("id = 100\n", "id = 0\n", "95: period.trips_per_100km.id: 0 is not in 1..65535"),
        ("decimals = 2\n", "decimals = 7\n", "98: period.trips_per_100km.decimals: 7 is not in 0..6"),
        ('direction = "neutral"', 'direction = "up"', "99: period.trips_per_100km.direction: 'up' is none of lower, "
         "neutral, higher"),
        ('unit = "1/100 km"', 'unit = "km"', "97: period.trips_per_100km.unit: 'km' is a distance (m), but the quotient "
         "is a quantity (m^-1)"),
        ('unit = "1/100 km"', 'unit = "parsec"', "97: period.trips_per_100km.unit: 'parsec' is none of"),
        ('numerator = ["trips"]', 'numerator = ["trip"]', "100: period.trips_per_100km.numerator: unknown name: 'trip' is "
         "none of band_times, trips, way; did you mean 'trips'?"),
        ('numerator = ["trips"]', "numerator = []", "100: period.trips_per_100km.numerator: names one count at least"),
        ('numerator = ["trips"]', 'numerator = ["trips", "trips"]', "100: period.trips_per_100km.numerator: the same count "
         "twice"),
        ('numerator = ["trips"]', 'numerator = ["trips", "way"]', "100: period.trips_per_100km.numerator: a sum of "
         "distance in m and plain number"),
        ('denominator = ["bands"]', 'denominator = ["bands[9]"]', "91: trip.slow_share_pct.denominator: a band's number "
         "is a whole literal in 0..2"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_message_with_its_line_and_field(
    refusals: Refusals, old: str, new: str, message: str
) -> None:
    # Some mistakes have followers that are mistakes too (a class without a value); the first is what is meant here.
    assert [text for text in refusals((old, new)) if text.startswith("minimal.toml:" + message)] != []


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(refusals: Refusals) -> None:
    assert refusals(
        ("0.01*kmh", "0.001*kmh"),
        ('"5*min"', '"5*km"'),
        ("speed < 29*kmh", "speed < 29*s"),
        ('formula = "distance"', 'formula = "distance + elapsed"'),
    ) == [
        "minimal.toml:12: rules.gap: 5000 m (distance) does not go with time in 0.001 s",
        "minimal.toml:51: accumulators.slow.when: 29 s (time) does not go with speed in 0.01 km/h",
        "minimal.toml:57: accumulators.bands.edges: 0.001 km/h is no whole number of 0.01 km/h; the nearest are 0 and "
        "0.01 km/h",
        "minimal.toml:77: totals.way.formula: distance in m does not go with time in 0.1 s",
    ]


def test_what_uses_something_wrong_is_not_told_as_well(refusals: Refusals) -> None:
    # `gain`, `start` and `hurry` use `now`; the characteristic uses `bands`.
    assert len(refusals(("round(speed, 1*kmh)", "round(speed, 1*m)"))) == 1
    assert len(refusals(('of = "speed"\n', 'of = "sped"\n'))) == 1


def test_a_class_without_a_value_and_one_that_is_like_another_are_told(refusals: Refusals) -> None:
    assert refusals(('{ taxi = "50*kmh" }', '{ car = "50*kmh" }')) == [
        "minimal.toml:38: params.fast.classes: 'car' is none of taxi; car is like taxi",
        "minimal.toml:38: params.fast.classes: missing: a value for class 'taxi'",
    ]


def test_events_may_suppress_in_chains_but_not_in_circles(refusals: Refusals, minimal: str) -> None:
    parse(minimal.encode(), "minimal.toml")  # hurry by start
    found = refusals(('about = "A quick start."', 'about = "A quick start."\nsuppressed_by = ["hurry"]'))
    assert found == [
        "minimal.toml:63: events.start.suppressed_by: events suppress each other in a circle",
        "minimal.toml:69: events.hurry.suppressed_by: events suppress each other in a circle",
    ]


def test_a_number_that_may_run_over_is_refused_at_the_value_that_makes_it(refusals: Refusals) -> None:
    (message,) = refusals(("delta(now, 1*s)", "now * now * now * now * now"), ("gain >= 8*kmh", "now >= 8*kmh"))
    assert message.startswith("minimal.toml:45: values.gain: no device would take it: ")
    assert "overflow" in message


def test_a_total_that_the_device_refuses_is_named_though_bands_come_before_it(refusals: Refusals) -> None:
    deep = "+".join(["distance"] * 13)
    (message,) = refusals(
        ("[trip.slow_share_pct]", f'[totals.deep]\nformula = "{deep}"\nabout = "x"\n\n[trip.slow_share_pct]')
    )
    assert message.startswith("minimal.toml:84: totals.deep: no device would take it: ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff\xfe", "m: byte 0 is not UTF-8; save the file as UTF-8"),
        (b"", "m: pack: missing: a table [pack]"),
        (b"pack = 1\n", "m:1: pack: expected a table"),
        (b"[[values]]\n", "m:1: values: expected tables [values.NAME]"),
        (b"a = 1\r\nb = [\r\n", "m:3: not TOML: Invalid value (at end of document)"),
    ],
)
def test_what_is_no_pack_at_all_is_told_from_the_first_line_on(data: bytes, message: str) -> None:
    with pytest.raises(PackRefused) as refused:
        parse(data, "m")
    found = [str(problem) for problem in refused.value.problems]
    assert message in found or message.replace("m:3: ", "m: ") in found
