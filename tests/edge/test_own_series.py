"""Series on the device: one number a trip or a day, forecast, watched, and the same after a restart."""

import random

import pytest

from headway_edge import packs
from headway_edge.core.control_chart import CLOSED, OPENED
from headway_edge.core.pack_limits import CUSUM_CHART, EACH_TRIP, WATCH_ERRORS, WATCH_VALUES
from headway_edge.core.series import Series
from headway_edge.own.own_series import OwnSeries, Turn

PROCESS = packs.load("private-driving")
IDLE = PROCESS.places("idle")[0]
STANDING, MOVING = PROCESS.places("speed_bands")[0], PROCESS.places("speed_bands")[5]
DAY = 20_500
IDLING = next(i for i, item in enumerate(PROCESS.pack.series) if PROCESS.by_id[item[0]].key == "idle_share_pct")
MILEAGE = next(i for i, item in enumerate(PROCESS.pack.series) if PROCESS.by_id[item[0]].key == "mileage_km")


def trip(idle_pct: float, metres: int = 9000) -> list[int]:
    numbers = [0] * len(PROCESS.pack.cells)
    numbers[0], numbers[1] = 6000, metres
    numbers[IDLE] = numbers[STANDING] = int(60 * idle_pct)
    numbers[MOVING] = 6000 - numbers[IDLE]
    return numbers


class Days:
    """Totals of days, as the history keeps them."""

    def __init__(self) -> None:
        self.kept: dict[int, list[int]] = {}
        self.own = OwnSeries(PROCESS, self.kept.get, [])

    def drive(self, numbers: list[int], day: int | None) -> list[str]:
        totals = PROCESS.totals(numbers)
        turns = self.own.add(totals, day)
        if day is not None:
            self.kept[day] = PROCESS.merge(self.kept.get(day), totals)
        return [("opened " if turn.opened else "closed ") + turn.characteristic.key for turn in turns]

    def expected(self) -> dict[str, tuple[str, int]]:
        return {item.characteristic.key: (item.noun, item.value) for item in self.own.expected()}


def test_each_series_has_its_own_rhythm() -> None:
    days = Days()
    assert days.own.expected() == []
    for i in range(12):
        for _ in range(3):
            days.drive(trip(10), DAY + i)
    # 36 trips with 10 % idling; 11 days that are over, of 27 km each.
    assert days.expected()["idle_share_pct"] == ("trip", 100)
    assert days.expected()["mileage_km"] == ("day", 270)
    ledgers = {item.characteristic.key: item.ledger.numbers()[0] for item in days.own.series}
    assert ledgers["mileage_km"] == 11 - 8  # eight before it forecasts
    assert ledgers["idle_share_pct"] == 36 - 8


def test_a_trip_that_comes_late_is_in_no_day_that_is_over() -> None:
    days = Days()
    for i in range(12):
        days.drive(trip(10), DAY + i)
    before = days.own.series[MILEAGE].state()
    days.drive(trip(10, 90_000), DAY + 3)
    assert days.own.series[MILEAGE].state() == before
    days.drive(trip(10, 90_000), None)
    assert days.own.series[MILEAGE].state() == before


def test_a_change_is_told_once_and_again_when_it_is_over() -> None:
    generator = random.Random(7)  # noqa: S311
    days = Days()
    told: list[str] = []
    for i in range(60):
        told += days.drive(trip(10 + generator.uniform(-3, 3)), DAY + i)
    assert told == []
    at = 0
    while not told and at < 30:
        at += 1
        told += days.drive(trip(40 + generator.uniform(-3, 3)), DAY + 60 + at)
    assert told[:1] == ["opened idle_share_pct"]
    assert at < 15
    for i in range(80):
        told += days.drive(trip(40 + generator.uniform(-3, 3)), DAY + 100 + i)
    # The forecast has come after it, so that it is no longer a surprise.
    assert told.count("opened idle_share_pct") == 1
    assert told.count("closed idle_share_pct") == 1


def test_a_change_into_the_contrary_closes_the_one_and_opens_the_other() -> None:
    generator = random.Random(5)  # noqa: S311
    days = Days()
    told: list[str] = []
    for i in range(40):
        told += days.drive(trip(20 + generator.uniform(-3, 3)), DAY + i)
    assert told == []
    idling = days.own.series[IDLING]
    for usual in (70, 0):
        turns: list[Turn] = []
        while not turns:
            turns = days.own.add(PROCESS.totals(trip(usual + generator.uniform(0, 3))), None)
            turns = [turn for turn in turns if turn.characteristic is idling.characteristic]
        if usual == 70:
            assert [(turn.opened, turn.change.direction) for turn in turns if turn.change] == [(True, 1)]
    assert [turn.opened for turn in turns] == [False, True]
    assert turns[0].sentence == "Idling share: as usual again."
    assert turns[1].change is not None
    assert turns[1].change.direction == -1
    assert turns[1].sentence.startswith("Idling share: lower than expected on the last ")
    change = idling.change()
    assert change is not None
    assert change.direction == -1


def test_events_that_become_more_frequent_are_a_change_for_the_way_driven() -> None:
    generator = random.Random(11)  # noqa: S311
    days = Days()
    place = PROCESS.places("hard_acceleration")[0]

    def drive(per_100km: float, metres: int) -> list[str]:
        numbers = trip(10, metres)
        numbers[place] = sum(generator.random() < per_100km * metres / 1e5 / 20 for _ in range(20))
        return days.drive(numbers, None)

    told = [words for _ in range(60) for words in drive(10, generator.randrange(4000, 40_000))]
    assert told == []
    # Longer trips have more events, and that is no change.
    told = [words for _ in range(20) for words in drive(10, 60_000)]
    assert told == []
    told = [words for _ in range(30) for words in drive(30, generator.randrange(4000, 40_000))]
    assert told[0] == "opened hard_accelerations_per_100km"


def test_a_chart_of_values_goes_on_telling_what_a_forecast_has_come_after() -> None:
    """A step of one and a half spreads: the forecast learns it, and the numbers themselves stay where they are."""
    found = {}
    for watch in (WATCH_ERRORS, WATCH_VALUES):
        item = [PROCESS.pack.series[IDLING][0], EACH_TRIP, CUSUM_CHART, watch, []]
        series = Series(PROCESS, item, [])
        generator = random.Random(8)  # noqa: S311
        for _ in range(30):
            assert series.add(PROCESS.totals(trip(20 + generator.gauss(0, 4)))) == 0
        flags = [series.add(PROCESS.totals(trip(26 + generator.gauss(0, 4)))) for _ in range(60)]
        found[watch] = flags.count(CLOSED)
        if watch == WATCH_VALUES:
            change = series.change()
            assert change is not None
            assert flags.index(OPENED) < 20
            assert series.sentence(change).startswith("Idling share: higher than usual on the last ")
            assert series.sentence(change).endswith("By chance alone this comes about once in 60 trips.")
    assert found[WATCH_VALUES] == 0  # it is not over
    assert found[WATCH_ERRORS] <= 1


def test_what_is_expected_has_an_interval_around_it() -> None:
    generator = random.Random(3)  # noqa: S311
    days = Days()
    for i in range(80):
        days.drive(trip(10 + generator.uniform(-5, 5)), DAY + i)
    found = next(item for item in days.own.expected() if item.characteristic.key == "idle_share_pct")
    assert found.low is not None
    assert found.high is not None
    # The numbers are spread evenly over 50 to 150.
    assert 30 < found.low < 80 < found.value < 120 < found.high < 170


@pytest.mark.parametrize("cut", [5, 25, 47])
def test_a_restart_changes_nothing(cut: int) -> None:
    generator = random.Random(cut)  # noqa: S311
    trips = [(trip(generator.uniform(5, 20), generator.randrange(2000, 30_000)), DAY + i // 2) for i in range(60)]
    whole, first = Days(), Days()
    for numbers, day in trips:
        whole.drive(numbers, day)
    for numbers, day in trips[:cut]:
        first.drive(numbers, day)
    second = Days()
    second.kept = first.kept
    second.own = OwnSeries(PROCESS, second.kept.get, [])
    assert second.own.restore(first.own.state())
    for numbers, day in trips[cut:]:
        second.drive(numbers, day)
    assert second.own.state() == whole.own.state()


def test_a_state_of_another_shape_begins_anew() -> None:
    days = Days()
    assert not days.own.restore(None)
    eco = OwnSeries(packs.load("commercial-driving"), days.kept.get, [])
    assert not eco.restore(days.own.state())
    assert eco.expected() == []


def test_a_day_of_a_wearer_is_taken_as_it_comes() -> None:
    wellness = packs.load("wellness")
    own = OwnSeries(wellness, lambda _day: None, [])
    numbers = [0] * len(wellness.pack.cells)
    for name, value in (("steps_taken", 6000), ("steps_seen", 1), ("worn_time", 12 * 36_000)):
        for place in wellness.places(name):
            numbers[place] = value
    numbers[0] = 864_000
    for day in range(12):
        own.add(wellness.totals(numbers), DAY + day)
    steps = {item.characteristic.key: item for item in own.expected()}["mean_steps"]
    assert (steps.noun, steps.value) == ("day", 6000)
    before = own.state()
    own.add(wellness.totals(numbers), DAY + 3)  # corrected later: its number was taken
    assert own.state() == before
