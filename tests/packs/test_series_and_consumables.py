"""What a pack says of series, which are forecast and watched, and of consumables, which wear out."""

from collections.abc import Callable

import pytest

from headway_server.packs.catalogue import for_device
from headway_server.packs.compile import Compiled
from headway_server.packs.diff import difference
from headway_server.packs.explain import explained

Compile = Callable[..., Compiled]
Refusals = Callable[..., list[str]]

LAST = 'about = "Trips in 100 km."'
SERIES = '\n[series.often]\nof = "trips_per_100km"\neach = "day"\nchart = "ewma"\nabout = "x"\n'
OIL = """
[consumables.oil]
id = 7
title = "Oil"
used = ["way"]
worn = ["way", "way2"]
limit = "15000*km"
days = 365
about = "x"
"""
FACTOR = """
[factors.experience]
title = "Experience"
classes = ["beginner", "settled"]
about = "x"
"""
ADAPTED = FACTOR + SERIES.replace(
    'chart = "ewma"',
    'model = "r1"\nalpha = 0.3\ndamping = 0.25\nshare = 1\nweights = { experience = [-0.25, 0.12] }',
)
WARNINGS = """
[warnings]
code = "speed"
condition = ["heading", "speed"]
"""
ADVICE = """
[advice.hot]
title = "Engine too hot"
code = "P0217"
times = 3
days = 30
do = "Have the cooling system checked"
about = "x"
"""
TOTAL = ("[totals.band_times]", '[totals.way2]\nformula = "distance // 2"\nabout = "x"\n\n[totals.band_times]')


def test_a_series_is_of_a_characteristic_of_a_period(compiled: Compile) -> None:
    assert compiled((LAST, LAST + SERIES)).parts[16] == [[100, 1, 1, 0, []]]
    plain = SERIES.replace('chart = "ewma"\n', "").replace("day", "trip")
    assert compiled((LAST, LAST + plain)).parts[16] == [[100, 0, 0, 0, []]]


def test_the_chart_of_a_series_is_of_errors_unless_it_says_values(compiled: Compile) -> None:
    for watch, number in (("errors", 0), ("values", 1)):
        text = SERIES.replace('"ewma"', f'"ewma"\nwatch = "{watch}"')
        assert compiled((LAST, LAST + text)).parts[16] == [[100, 1, 1, number, []]]


def test_a_series_may_be_moved_by_customer_factors(compiled: Compile) -> None:
    parts = compiled((LAST, LAST + ADAPTED)).parts
    assert parts[18] == [["experience", ["beginner", "settled"]]]
    # In steps of 1/32768: alpha 0.3, b 0.25, rho 1, and -0.25 and 0.12.
    assert parts[16] == [[100, 1, 0, 0, [1, 9830, 8192, 32768, [[-8192, 3932]]]]]
    other = ADAPTED.replace("r1", "r2").replace("alpha = 0.3\ndamping = 0.25\nshare = 1\n", "")
    assert compiled((LAST, LAST + other)).parts[16][0][4][:4] == [2, 9830, 16384, 16384]
    without = ADAPTED.partition("weights")[0] + 'about = "x"\n'
    assert compiled((LAST, LAST + without)).parts[16][0][4] == [1, 9830, 8192, 32768, [[]]]
    assert compiled((LAST, LAST + FACTOR + SERIES)).parts[16] == [[100, 1, 1, 0, []]]


def test_a_factor_is_part_of_the_definition_and_its_texts_are_not(compiled: Compile) -> None:
    before = compiled((LAST, LAST + ADAPTED))
    assert compiled((LAST, LAST + ADAPTED.replace('"Experience"', '"How long"'))).id == before.id
    for old, new in (("0.12", "0.13"), ("settled", "skilled"), ("alpha = 0.3", "alpha = 0.4")):
        assert compiled((LAST, LAST + ADAPTED.replace(old, new))).id != before.id
    changed = difference(before, compiled((LAST, LAST + ADAPTED.replace("0.12", "0.13"))))
    assert changed.semantic == ["series.often.weights: experience -0.25, 0.12 -> experience -0.25, 0.13"]
    told = explained(before.catalogue)
    assert "experience: Experience, one of beginner, settled\n" in told
    assert (
        "moved by customer factors (R1; alpha 0.3, damping 0.25,\n    share 1); experience: beginner -0.25, settled 0.12"
        in told
    )


def test_warnings_name_a_signal_and_advice_is_a_rule(compiled: Compile) -> None:
    any_code = ADVICE.replace(".hot", ".any").replace('code = "P0217"\n', "").replace("30", "7").replace("3", "5")
    text = WARNINGS + ADVICE + any_code
    found = compiled((LAST, LAST + text))
    assert found.parts[19] == [0, [1, 0], [[0x0217, 3, 30], [0, 5, 7]]]
    assert compiled((LAST, LAST + WARNINGS)).parts[19] == [0, [1, 0], []]
    assert for_device(found.catalogue)["advice"][0] == {
        "title": "Engine too hot",
        "do": "Have the cooling system checked",
    }
    told = explained(found.catalogue)
    assert "carried by speed; kept for seven seconds around one: heading, speed\n" in told
    assert "hot: Engine too hot, P0217 on 3 trips within 30 days: Have the cooling system checked\n" in told
    assert "any: Engine too hot, any code on 5 trips within 7 days:" in told
    later = compiled((LAST, LAST + text.replace("P0217", "P0218").replace('"heading", ', "")))
    assert difference(found, later).semantic == [
        "pack.warnings: code speed, condition heading, speed -> code speed, condition speed",
        "advice.hot.code: P0217 -> P0218",
    ]


def test_a_consumable_has_two_lines_and_two_limits(compiled: Compile) -> None:
    assert compiled(TOTAL, (LAST, LAST + OIL)).parts[17] == [[7, [1], [1, 2], 15_000_000, 365]]
    alone = OIL.replace('worn = ["way", "way2"]\n', "").replace("days = 365\n", "")
    assert compiled((LAST, LAST + alone)).parts[17] == [[7, [1], [1], 15_000_000, 0]]
    by_time = '\n[consumables.battery]\nid = 1\ntitle = "Battery"\ndays = 1460\nabout = "x"\n'
    assert compiled((LAST, LAST + by_time)).parts[17] == [[1, [], [], 0, 1460]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERIES.replace("trips_per", "trip_per"), "series.often.of: unknown characteristic of a period: 'trip_per_100km'"),
        (SERIES + SERIES.replace("often", "again"), "series.again.of: there is a series of 'trips_per_100km' already"),
        (SERIES.replace('"day"', '"week"'), "series.often.each: 'week' is none of trip, day"),
        (SERIES.replace('"ewma"', '"shewhart"'), "series.often.chart: 'shewhart' is none of none, ewma, cusum, poisson"),
        (SERIES.replace('"ewma"', '"poisson"'), "'trips_per_100km' is not counted; a Poisson chart is of events"),
        (SERIES.replace('"ewma"', '"ewma"\nwatch = "forecasts"'), "watch: 'forecasts' is none of errors, values"),
        (SERIES.replace('"ewma"', '"none"\nwatch = "values"'), "watch: for chart ewma or cusum"),
        (SERIES.replace('"ewma"', '"ewma"\nmodel = "r3"'), "model: 'r3' is none of choice, r1, r2"),
        (SERIES.replace('"ewma"', '"ewma"\nalpha = 0.2'), 'alpha: only with model = "r1" or "r2"'),
        (ADAPTED.replace("0.3", "1.3"), "series.often.alpha: 1.3 is not in 0..1"),
        (ADAPTED.replace("alpha = 0.3", "alpha = 0"), "no device would take it: alpha of a forecast: 0 is not in 1..32768"),
        (ADAPTED.replace("0.25", "1.25"), "series.often.weights.experience: -1.25 is not in -1..1"),
        (ADAPTED.replace(", 0.12", ""), "1 weights; experience has the classes beginner, settled, one for each"),
        (ADAPTED.replace("{ exp", "{ inexp"), "unknown customer factor: 'inexperience' is none of experience"),
        (ADAPTED.replace("[-0.25, 0.12]", '"much"'), "weights: expected a table of lists of numbers"),
        (ADAPTED.replace("r1", "r2").replace("0.3", "0.1"), "a forecast that feeds itself and grows for ever"),
        (FACTOR.replace('"beginner"', '"Beginner"'), "'Beginner': a lower-case letter"),
        (FACTOR.replace('"beginner"', '"settled"'), "factors.experience.classes: one to 16 classes, each once"),
        (FACTOR.replace("experience", "age"), "the customer factor 'age' is named after 'age', a protected attribute"),
        (FACTOR.replace("beginner", "pregnant"), "the customer factor 'pregnant' is named after 'pregnant'"),
        (ADVICE, "advice.hot: advice on warning codes, but no [warnings] says which signal carries them"),
        (WARNINGS.replace('"heading"', '"headin"'), "warnings.condition: unknown signal: 'headin' is none of heading, speed"),
        (WARNINGS.replace('"speed"', '"heading"'), "the signal of warning codes is a number from 0 on"),
        (WARNINGS + ADVICE.replace("P0217", "P0G17"), "advice.hot.code: 'P0G17' is no trouble code"),
        (WARNINGS + ADVICE.replace("P0217", "0"), "advice.hot.code: 0 is no code; leave `code` out for any"),
        (WARNINGS + ADVICE.replace("3", "9"), "a rule for a warning code: 9 is not in 1..8"),
        (WARNINGS + ADVICE.replace("30", "400"), "a rule for a warning code: 400 is not in 1..366"),
        (WARNINGS.replace("condition", "conditions"), "warnings.conditions: unknown key"),
        (OIL, "consumables.oil.worn: unknown total: 'way2'"),
        (OIL.replace('"way", "way2"', '"trips"'), "consumables.oil.worn: counted otherwise than `used`"),
        (OIL.replace('"way", "way2"', '"way", "trips"'), "totals of different kinds cannot be added up"),
        (OIL.replace('worn = ["way", "way2"]\n', "").replace("15000*km", "15000*s"), "consumables.oil.limit: 15000 s"),
        ('\n[consumables.x]\nid = 1\ntitle = "x"\nlimit = "5*km"\nabout = "x"\n', "of what? name the totals"),
        ('\n[consumables.x]\nid = 1\ntitle = "x"\nabout = "x"\n', "no device would take it: consumable 1 has no limit"),
        (OIL.replace('worn = ["way", "way2"]\n', "").replace("id = 7", "id = 256"), "a consumable's id: 256"),
    ],
)  # fmt: skip
def test_mistakes_are_named(refusals: Refusals, text: str, message: str) -> None:
    found = refusals((LAST, LAST + text))
    assert [problem for problem in found if message in problem] != [], found
