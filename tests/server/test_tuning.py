"""What weights are learned from: the numbers of a series with their times, and the table of persons' classes."""

from types import SimpleNamespace

import pytest

from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.forecast.fixed_point import gain
from headway_edge.core.pack_limits import EACH_DAY
from headway_server.errors import ServerError
from headway_server.factors.learn import LearnSettings
from headway_server.factors.person_classes import PersonClasses, read_person_classes
from headway_server.factors.tuning import Gains, numbers_of, tune
from headway_server.reading.device_trips import DeviceTrip

DAY_MS = 86_400_000
GAINS = Gains(gain(1, 5), 0, gain(1, 2))


def trips(make, *driven):
    """(day or None, km), ... as a device closed them, at noon."""
    found = []
    for day, km in driven:
        start_ms = None if day is None else day * DAY_MS + DAY_MS // 2
        found.append(DeviceTrip(make.process.totals(make.trip_counts(km=km)), day, start_ms, 600_000))
    return found


def series_of(make, key):
    return next(item for item in make.process.pack.series if make.process.by_id[item[0]].key == key)


def told(make, key, *driven):
    return [
        (one.value, one.known_ms, one.at_ms)
        for one in numbers_of(make.process, series_of(make, key), trips(make, *driven))
    ]


def test_a_days_number_is_known_when_a_later_day_begins(make):
    noon = [day * DAY_MS + DAY_MS // 2 + 600_000 for day in range(10)]
    assert series_of(make, "mileage_km")[1] == EACH_DAY
    assert told(make, "mileage_km", (1, 10), (1, 5), (4, 7), (5, 1)) == [
        (150, noon[4], noon[4]),
        (None, noon[4], noon[4]),
        (None, noon[4], noon[4]),
        (70, noon[4], noon[5]),
    ]


def test_a_trips_number_is_known_when_it_ends_and_an_unknown_time_is_that_of_the_one_before(make):
    noon = [day * DAY_MS + DAY_MS // 2 + 600_000 for day in range(10)]
    found = told(make, "idle_share_pct", (None, 9), (1, 10), (None, 5), (4, 7))
    assert found == [(50, noon[1], noon[1]), (50, noon[1], noon[1]), (50, noon[1], noon[4])]


def test_a_class_that_there_are_too_few_of_weighs_nothing(make):
    classes = PersonClasses(("experience",), {f"p{i}": ["new" if i else "rare"] for i in range(12)})
    item = series_of(make, "idle_share_pct")
    driven = [trips(make, *((day, 10 + i) for day in range(8))) for i in range(12)]
    numbers = [(f"p{i}", numbers_of(make.process, item, driven[i])) for i in range(12)]
    found = tune(make.process, item, GAINS, {"experience": ["long", "rare", "new"]}, classes, numbers, LearnSettings())
    assert (found.used, found.persons, found.numbers) == (False, 12, 96)
    assert found.weights == {"experience": [0, 0, 0]}


def test_the_table_of_classes_is_read(tmp_path):
    path = tmp_path / "persons.csv"
    path.write_text("\ufeffperson, experience ,route\na/b, new ,town\n\na/c,,\n", encoding="utf-8")
    found = read_person_classes(path)
    assert found.factors == ("experience", "route")
    assert (found.of("a/b"), found.of("a/c"), found.of("nobody")) == (["new", "town"], [None, None], [None, None])
    assert (found.known("experience"), found.known("route")) == (["new"], ["town"])


def test_a_pack_asks_for_the_places_of_a_persons_classes(make):
    found = PersonClasses(("experience", "route"), {"a": ["new", "town"], "b": [None, "moon"]})

    pack = SimpleNamespace(factors=[["route", ["land", "town"]], ["skill", ["x"]], ["experience", ["new"]]])
    assert found.places(pack, "a") == [1, MISSING, 0]
    assert found.places(pack, "b") == found.places(pack, "c") == [MISSING, MISSING, MISSING]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "does not begin with a header"),
        ("person\na\n", "does not begin with a header"),
        ("person,skill,skill\na,b,c\n", "does not begin with a header"),
        ("person,skill\na,b,c\n", "line 2: 3 cells, not 2"),
        ("person,skill\n,b\n", "line 2: 2 cells"),
        ("person,skill\na,b\na,c\n", "line 3: a is there already"),
        ("person,gender\na,b\n", "a protected attribute"),
    ],
)
def test_what_is_no_such_table_is_refused(tmp_path, text, cause):
    path = tmp_path / "persons.csv"
    path.write_text(text)
    with pytest.raises(ServerError, match=cause):
        read_person_classes(path)
    with pytest.raises(ServerError, match="cannot be read"):
        read_person_classes(tmp_path / "none.csv")
