"""What a pack says of contexts, of the score's axes, of counted rates, and of how much a person needs to be compared."""

from collections.abc import Callable

import pytest

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_server.packs.compile import Compiled

Compile = Callable[..., Compiled]
Refusals = Callable[..., list[str]]

LAST = 'about = "Trips in 100 km."'
CONTEXTS = """
[contexts.long]
when = "distance >= 18*km"
title = "long"
otherwise = "short"
about = "x"

[contexts.slow_one]
when = "2*slow > elapsed"
title = "mostly slow"
otherwise = "mostly fast"
about = "x"
"""
SCORE = """
[score.trips]
title = "Trips"
of = ["trips_per_100km"]
weight = 3
about = "x"
"""
BETTER = """
[period.idle_100km]
id = 101
title = "x"
unit = "1/100 km"
decimals = 2
direction = "lower"
numerator = ["trips"]
denominator = ["way"]
about = "x"
"""


def process(compiled: Compiled) -> Process:
    return Process(Pack(compiled.data), compiled.catalogue)


def test_a_trip_is_in_each_context_or_in_its_contrary(compiled: Compile) -> None:
    found = compiled((LAST, LAST + CONTEXTS))
    assert found.parts[13] == [[">=", ["a", 1], 18000], [">", ["*", 2, ["a", 2]], ["a", 0]]]
    one = process(found)
    assert one.contexts == ["long", "slow_one"]
    # elapsed, distance, slow
    numbers = [[600, 18000, 100], [600, 17999, 301], [600, 20000, 301], [600, 1, 300]]
    assert [one.context(n + [0] * 5) for n in numbers] == [0b01, 0b10, 0b11, 0b00]


def test_axes_name_characteristics_of_a_period(compiled: Compile) -> None:
    better = ('decimals = 2\ndirection = "neutral"', 'decimals = 2\ndirection = "lower"')
    assert compiled(better, (LAST, LAST + SCORE)).parts[14] == [[3, [100]]]
    assert compiled(better, (LAST, LAST + SCORE.replace("weight = 3\n", ""))).parts[14] == [[1, [100]]]
    assert process(compiled(better, (LAST, LAST + SCORE))).axes == ["Trips"]


def test_enough_is_counted_as_its_total_is(compiled: Compile) -> None:
    found = compiled(
        ('formula = "distance"', 'formula = "distance"\nenough = "20*km"'),
        ('formula = "1"', 'formula = "1"\nenough = "5"'),
    )
    assert found.parts[15] == [[0, 5], [1, 20000]]
    one = process(found)
    assert [one.enough(t) for t in ([5, 20000, 0, 0, 0], [4, 99999, 0, 0, 0], [99, 19999, 0, 0, 0], None)] == [
        True,
        False,
        False,
        False,
    ]


def test_a_counted_rate_has_the_error_of_counting(compiled: Compile) -> None:
    one = process(compiled(('denominator = ["way"]', 'denominator = ["way"]\ncounted = true')))
    rate = one.by_id[100]
    totals = [25, 500_000, 0, 0, 0]  # 25 in 500 km: 5.00 per 100 km, give or take 1.00
    assert (rate.value(totals), rate.counting_error(totals)) == (500, 100)
    assert rate.counting_error([25, 0, 0, 0, 0]) is None
    assert process(compiled()).by_id[100].counting_error(totals) is None


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 99, 12345])
def test_the_error_is_the_root_half_up(compiled: Compile, count: int) -> None:
    one = process(compiled(('denominator = ["way"]', 'denominator = ["way"]\ncounted = true')))
    exact = 100 * 100_000 * count**0.5 / 123_456
    found = one.by_id[100].counting_error([count, 123_456, 0, 0, 0])
    assert found is not None
    assert abs(found - exact) <= 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CONTEXTS.replace("18*km", "18*s"), "contexts.long.when: 18"),
        (CONTEXTS.replace('"distance >= 18*km"', '"distance"'), "contexts.long.when: "),
        (SCORE.replace("trips_per", "trip_per"), "score.trips.of: unknown characteristic of a period: 'trip_per_100km'"),
        (SCORE.replace('["trips_per_100km"]', "[]"), "score.trips.of: names one characteristic at least"),
        (SCORE, "score.trips.of: 'trips_per_100km' is neutral; an axis needs a better and a worse"),
        (BETTER + SCORE.replace("trips_per", "idle") + SCORE.replace("trips_per", "idle").replace("score.trips", "score.a"),
         "is on the axis trips already"),
        (BETTER + SCORE.replace("trips_per", "idle").replace("weight = 3", "weight = 0"),
         "no device would take it: the weight of an axis"),
        ("".join(CONTEXTS.replace(".long", f".long{i}").replace("slow_one", f"slow{i}") for i in "12"), "limit is 3"),
    ],
)  # fmt: skip
def test_mistakes_are_named(refusals: Refusals, text: str, message: str) -> None:
    assert [problem for problem in refusals((LAST, LAST + text)) if message in problem] != []


def test_enough_is_of_one_total(refusals: Refusals) -> None:
    found = refusals(('formula = "bands"', 'formula = "bands"\nenough = "5*s"'))
    assert found[0].endswith("of a single total, not of bands")
