"""What people read: a pack in words, and what changed between two."""

from collections.abc import Callable

from headway_server.packs.compile import Compiled
from headway_server.packs.diff import difference
from headway_server.packs.explain import explained

Compile = Callable[..., Compiled]


def test_a_pack_is_told_in_words_with_units_formulas_directions_and_sources(compiled: Compile) -> None:
    text = explained(compiled(('about = "Share of', 'source = "A paper"\nabout = "Share of')).catalogue)
    assert (
        text
        == """\
Minimal (minimal version 1, id f6259595b42ff41b)
The least that is a pack, for tests to change.
Classes: car (as taxi), taxi

Rules of an episode
  samples up to 1.5 s apart are one observation
  silence of more than 5 min ends a trip
  standing for more than 30 min ends it when nothing says that the engine runs
  a trip is cut after 5 d
  under 20 m or 10 s it is no trip

Signals
  speed (speed in 0.01 km/h): Vehicle.Speed, 0 to 300 km/h
      Speed.
  heading (angle in 0.1 deg): Vehicle.CurrentLocation.Heading, 0 to 360 degrees, starting again at 360
      Heading.

Parameters, by class
  fast (speed in km/h): taxi 50 km/h
      What is fast.

Values, on every sample
  now (speed in km/h): round(speed, 1 km/h)
      Whole km/h.
  gain (speed in km/h): delta(now, 1 s)
      Gain in a second.

Accumulators, over a trip, after elapsed and distance
  slow (time in 0.1 s): time while speed < 29 km/h
      Time under 29 km/h.
  bands (3 times in 0.1 s, by speed in 0.01 km/h): times by speed, cut at 0.01 km/h, 50 km/h
      Time by speed.

Events, counted over a trip
  start (plain number): when gain >= 8 km/h
      A quick start.
  hurry (plain number): when now > fast; held for 3 s; at most once in 10 s; dropped if start happens within 2
    s before or after
      Fast for a while.

Totals, over the trips of a period
  trips (plain number): 1; added up over trips
      Trips.
  way (distance in m): distance; added up over trips
      Distance.
  band_times (time in 0.1 s, 3 times): bands; added up over trips
      Time by speed.

Characteristics of a trip
  1 Slow share [%]: slow / bands; lower is better
      Share of time under 29 km/h.
      Source: A paper

Characteristics of a period
  100 Trips per 100 km [1/100 km]: trips / way; neither is better
      Trips in 100 km.
"""
    )


def test_every_kind_of_accumulator_has_words(compiled: Compile) -> None:
    kinds = ("metres", "edges", "sum", "max", "min", "first", "last")
    tables = "".join(
        f'[accumulators.a_{kind}]\nkind = "{kind}"\n'
        + ('when = "speed > 0"\n' if kind in {"metres", "edges"} else 'of = "gain"\n')
        + 'about = "x"\n\n'
        for kind in kinds
    )
    tables += '[accumulators.a_part]\nkind = "sum"\nof = "gain"\nwhen = "now > fast"\nabout = "x"\n\n'
    tables += '[accumulators.a_wide]\nkind = "integral"\nof = "gain"\nabout = "x"\n\n'
    tables += '[accumulators.a_wide_part]\nkind = "integral"\nof = "gain"\nwhen = "now > fast"\nabout = "x"\n\n'
    text = explained(compiled(("[events.start]", tables + "[events.start]")).catalogue)
    assert [line.strip() for line in text.splitlines() if line.startswith("  a_")] == [
        "a_metres (distance in m): distance while speed > 0",
        "a_edges (plain number): times that this became true: speed > 0",
        "a_sum (speed in km/h): sum over samples of gain",
        "a_max (speed in km/h): highest gain",
        "a_min (speed in km/h): lowest gain",
        "a_first (speed in km/h): first gain",
        "a_last (speed in km/h): last gain",
        "a_part (speed in km/h): sum over samples of gain while now > fast",
        "a_wide (distance in 1/36 m): gain, times time",
        "a_wide_part (distance in 1/36 m): gain, times time while now > fast",
    ]


def test_a_pack_differs_in_nothing_from_itself(compiled: Compile) -> None:
    assert difference(compiled(), compiled()).text() == (
        "One definition: both have the id f6259595b42ff41b.\nNothing differs.\n"
    )


def test_wording_is_told_apart_and_leaves_the_definition_the_same(compiled: Compile) -> None:
    found = difference(
        compiled(),
        compiled(
            ('title = "Slow share"', 'title = "Share of crawling"'),
            ('near = "1.5*s"', 'near = "1500*ms"'),
            ("speed < 29*kmh", "speed < 29.0*kmh"),
        ),
    )
    assert found.same
    assert found.semantic == []
    assert found.wording == [
        "pack.rules:",
        "  - near 1.5*s, gap 5*min, standing 30*min, limit 5*d, min_distance 20*m, min_elapsed 10*s",
        "  + near 1500*ms, gap 5*min, standing 30*min, limit 5*d, min_distance 20*m, min_elapsed 10*s",
        "accumulators.slow.when: speed < 29*kmh -> speed < 29.0*kmh",
        "trip.slow_share_pct (id 1).title: Slow share -> Share of crawling",
    ]


def test_what_devices_do_differently_is_told_first(compiled: Compile) -> None:
    after = compiled(
        ("speed < 29*kmh", "speed < 30*kmh"),
        ('about = "Time under 29 km/h."', 'about = "Time under 30 km/h."'),
        ('{ taxi = "50*kmh" }', '{ taxi = "60*kmh" }'),
        ("decimals = 2\n", "decimals = 1\n"),
        ('near = "1.5*s"', 'near = "1500*ms"'),
    )
    found = difference(compiled(), after)
    assert (
        found.text()
        == f"""\
Two definitions: f6259595b42ff41b and {after.id.hex()}; their values are never compared or merged.

Definition
  params.fast.classes: taxi 50*kmh -> taxi 60*kmh
  accumulators.slow.when: speed < 29*kmh -> speed < 30*kmh
  period.trips_per_100km (id 100).decimals: 2 -> 1

Wording
  pack.rules:
    - near 1.5*s, gap 5*min, standing 30*min, limit 5*d, min_distance 20*m, min_elapsed 10*s
    + near 1500*ms, gap 5*min, standing 30*min, limit 5*d, min_distance 20*m, min_elapsed 10*s
  accumulators.slow.about: Time under 29 km/h. -> Time under 30 km/h.
"""
    )


def test_what_came_and_went_is_told(compiled: Compile) -> None:
    before = compiled()
    after = compiled(
        ("[totals.way]", '[totals.time]\nformula = "elapsed"\nabout = "x"\n\n[totals.way]'),
        ('["car", "taxi"]', '["car", "taxi", "bus"]'),
        ('{ taxi = "50*kmh" }', '{ taxi = "50*kmh", bus = "40*kmh" }'),
        ("id = 1\n", "id = 2\n"),
    )
    found = difference(before, after)
    assert found.semantic == [
        "pack.classes: car, taxi -> car, taxi, bus",
        "params.fast.classes: taxi 50*kmh -> taxi 50*kmh, bus 40*kmh",
        "totals.time: added",
        "trip.slow_share_pct (id 1): removed",
        "trip.slow_share_pct (id 2): added",
    ]
    assert difference(after, before).semantic[2] == "totals.time: removed"


def test_another_order_is_told_where_it_makes_other_numbers(compiled: Compile) -> None:
    swapped = compiled(
        ('[totals.trips]\nformula = "1"\nabout = "Trips."\n\n', ""),
        ("[totals.band_times]", '[totals.trips]\nformula = "1"\nabout = "Trips."\n\n[totals.band_times]'),
    )
    assert difference(compiled(), swapped).semantic == ["totals: another order, so other numbers"]
