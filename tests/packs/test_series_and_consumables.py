"""What a pack says of series, which are forecast and watched, and of consumables, which wear out."""

from collections.abc import Callable

import pytest

from headway_server.packs.compile import Compiled

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
TOTAL = ("[totals.band_times]", '[totals.way2]\nformula = "distance // 2"\nabout = "x"\n\n[totals.band_times]')


def test_a_series_is_of_a_characteristic_of_a_period(compiled: Compile) -> None:
    assert compiled((LAST, LAST + SERIES)).parts[16] == [[100, 1, 1]]
    plain = SERIES.replace('chart = "ewma"\n', "").replace("day", "trip")
    assert compiled((LAST, LAST + plain)).parts[16] == [[100, 0, 0]]


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
