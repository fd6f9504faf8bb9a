"""A person's days on the device when the clock is learned late: trips of the same boot are put on the days they were on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.core.boot_dates import TRIPS_MAX, BootClock, BootTrips
from headway_edge.core.program import MISSING
from headway_edge.own.kept_episodes import kept_episodes
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.record import HOLDOVER, SYNCED, UNSYNCED
from headway_protocol.record_names import KIND_NAMES

DAY_MS = 86_400_000
NOON_MS = 20_600 * DAY_MS + DAY_MS // 2  # of a day in May 2026
PROCESS = packs.load("private-driving")
TODAY = 20_600


class Clock:
    """True time goes on over restarts, the milliseconds of a boot begin anew. `error_ms`: of the wall clock."""

    def __init__(self) -> None:
        self.true_ms = NOON_MS
        self.boot_ms = NOON_MS
        self.quality = SYNCED
        self.error_ms = 0

    def mono_ms(self) -> int:
        return self.true_ms - self.boot_ms

    def wall(self) -> tuple[int | None, int]:
        return (None if self.quality == UNSYNCED else self.true_ms + self.error_ms), self.quality

    def is_set(self, quality: int = SYNCED, error_ms: int = 0) -> None:
        self.quality, self.error_ms = quality, error_ms


class Car:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.db"
        self.clock = Clock()
        self.outbox: Outbox
        self.agent: Agent

    def boot(self, quality: int, error_ms: int = 0) -> None:
        if self.clock.true_ms != NOON_MS:
            self.outbox.close()
        self.clock.is_set(quality, error_ms)
        self.clock.boot_ms = self.clock.true_ms
        self.outbox = Outbox(self.path)
        self.agent = Agent(self.outbox, None, self.clock, max, PROCESS, utc_offset_min=lambda _wall_ms: 120)

    def drive(self, seconds: int = 101, speed_ckmh: int = 3600) -> None:
        """A trip of a kilometre, and the silence after which it is taken as over: seven minutes in all."""
        for _ in range(seconds):
            self.clock.true_ms += 1000
            row = [MISSING] * len(PROCESS.pack.signals)
            row[PROCESS.pack.speed] = speed_ckmh
            self.agent.on_sample(self.clock.mono_ms(), row)
        self.clock.true_ms += 320_000
        self.agent.finish()

    def days(self) -> dict[int, int]:
        """Metres by day, counted from the day it all begins on; the months must say the same."""
        history, prefix = self.agent.own.history, f"history/{PROCESS.id.hex()}/"
        days = [int(key.rpartition("/")[2]) for key in self.outbox.keys(prefix + "day/")]
        found = {day - TODAY: self._metres(history.totals("day", day)) for day in days}
        assert sum(found.values()) == sum(self._metres(history.totals("year", day)) for day in years(days))
        return found

    def _metres(self, totals: list[int] | None) -> int:
        assert totals is not None
        return PROCESS.total("distance_m", totals)

    def births(self) -> list[tuple[int, int]]:
        return [record.identity(payload) for payload in self.outbox.payloads(record.BIRTH)]  # type: ignore[misc]


def years(days: list[int]) -> list[int]:
    """One day of each year."""
    return list({(day * 400) // 146_097: day for day in days}.values())


@pytest.fixture
def car(tmp_path: Path):
    car = Car(tmp_path)
    yield car
    car.outbox.close()


def test_a_trip_before_the_clock_was_set_gets_its_day_when_it_is(car: Car) -> None:
    car.boot(UNSYNCED)
    car.drive()
    car.clock.true_ms += 2 * DAY_MS
    assert car.days() == {}
    car.clock.is_set()
    car.agent.step(0)
    assert car.days() == {0: 1000}
    # The server learns it at once, also where no trip follows.
    assert car.births() == [(1, 1), (1, 3)]
    car.drive()
    assert car.days() == {0: 1000, 2: 1000}
    assert car.births() == [(1, 1), (1, 3)]
    car.boot(SYNCED)
    assert car.days() == {0: 1000, 2: 1000}


def test_the_days_go_to_disk_with_the_record_that_tells_the_time(car: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    car.boot(UNSYNCED)
    car.drive()
    car.clock.is_set()
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "append", lambda *_arguments: (_ for _ in ()).throw(MemoryError))
        car.agent.step(0)
    car.boot(SYNCED)
    assert car.births() == [(1, 1), (2, 1)]
    assert car.days() == {}, "no record of that boot tells the time: nor does the server know the day"


def test_a_clock_that_was_a_year_off_leaves_nothing_on_the_wrong_day(car: Car) -> None:
    car.boot(HOLDOVER, 365 * DAY_MS)
    car.drive()
    car.drive()
    assert car.days() == {365: 2000}
    assert car.agent.own.series._walk.day == TODAY + 365
    car.clock.is_set()
    car.drive()
    assert car.days() == {0: 3000}
    assert car.agent.own.series._walk.day == TODAY, "or no day would end for a year"


def test_what_was_there_before_stays_on_the_day_that_trips_leave(car: Car) -> None:
    car.boot(SYNCED)
    car.drive()
    car.clock.true_ms += DAY_MS
    car.boot(HOLDOVER, -DAY_MS)
    car.drive()
    assert car.days() == {0: 2000}
    car.clock.is_set()
    car.agent.step(0)
    assert car.days() == {0: 1000, 1: 1000}


def test_where_no_day_changes_no_record_is_made(car: Car) -> None:
    car.boot(HOLDOVER, 60_000)
    car.drive()
    car.clock.is_set()
    car.agent.step(0)
    car.drive()
    assert car.days() == {0: 2000}
    assert car.births() == [(1, 1)]


def test_a_clock_that_was_known_once_dates_what_comes_after_it_was_lost(car: Car) -> None:
    car.boot(SYNCED)
    car.clock.is_set(UNSYNCED)
    car.clock.true_ms += DAY_MS
    car.drive()
    car.clock.is_set(HOLDOVER, 900 * DAY_MS)
    car.drive()
    assert car.days() == {1: 2000}


def test_a_boot_that_ended_before_the_time_was_known_has_no_days(car: Car) -> None:
    car.boot(UNSYNCED)
    car.drive()
    car.boot(SYNCED)
    car.drive()
    assert car.days() == {0: 1000}
    totals = car.agent.own.totals.both()
    assert totals is not None
    assert PROCESS.total("trips", totals) == 2


def test_consumables_count_a_trip_when_its_day_is_known(car: Car) -> None:
    def used() -> int:
        return max(item.used()[0] for item in car.agent.own.consumables._items)

    car.boot(UNSYNCED)
    for item in car.agent.own.consumables._items:
        item.replaced(TODAY)
    car.drive()
    assert used() == 0
    car.clock.is_set()
    car.agent.step(0)
    once = used()
    assert once > 0
    car.clock.is_set(HOLDOVER)
    car.agent.step(0)
    assert used() == once


def test_the_kept_records_tell_the_same_days(car: Car) -> None:
    car.boot(HOLDOVER, 40 * DAY_MS)
    car.drive()
    car.clock.is_set(UNSYNCED)
    car.drive()
    car.clock.is_set()
    car.agent.step(0)
    payloads = [payload for kind in KIND_NAMES for payload in car.outbox.payloads(kind)]
    found = kept_episodes(payloads, PROCESS, lambda _start_ms: 120)
    assert [(item.day - TODAY, item.utc_offset_min) for item in found] == [(0, 120), (0, 120)]
    assert [item.start_ms for item in found] == [NOON_MS + 1000, NOON_MS + 422_000]


def test_trips_that_wait_are_bounded_and_the_rest_is_counted() -> None:
    trips, clock = BootTrips(), BootClock()
    for i in range(TRIPS_MAX + 3):
        trips.take(i * DAY_MS, UNSYNCED, None, i)
    assert (len(trips), trips.left_out) == (TRIPS_MAX, 3)
    clock.learn(0, 5 * DAY_MS, SYNCED)
    found = trips.put_right(clock, lambda began_ms: began_ms // DAY_MS)
    assert found == [(i, None, 5 + i) for i in range(3, TRIPS_MAX + 3)]
    assert (len(trips), trips.left_out) == (0, 0)


_QUALITIES = st.sampled_from([UNSYNCED, HOLDOVER, SYNCED])
_TIMES = st.tuples(st.integers(0, 10**9), st.integers(NOON_MS, 2 * NOON_MS), _QUALITIES)


@given(st.lists(_TIMES, max_size=12))
def test_however_the_clock_goes_each_trip_ends_on_the_day_that_the_best_of_its_boot_tells(times) -> None:
    trips, clock = BootTrips(), BootClock()
    days: dict[int, int | None] = {}
    for i, (mono_ms, told_ms, quality) in enumerate(times):
        wall_ms = None if quality == UNSYNCED else told_ms
        if clock.learn(mono_ms, wall_ms, quality):
            for trip, before, day in trips.put_right(clock, lambda began_ms: began_ms // DAY_MS):
                assert days[trip] == before != day
                days[trip] = day
        began_ms = clock.began_ms(mono_ms, wall_ms, quality, 0)
        days[i] = None if began_ms is None else began_ms // DAY_MS
        trips.take(mono_ms, clock.quality, days[i], i)
    # All at once: the first of the best clocks counts for all that have a worse one.
    best = max((quality for _, _, quality in times), default=UNSYNCED)
    ahead_ms = next((told_ms - mono_ms for mono_ms, told_ms, quality in times if quality == best), 0)
    for i, (mono_ms, told_ms, quality) in enumerate(times):
        if best == UNSYNCED:
            assert days[i] is None
        else:
            assert days[i] == (told_ms if quality == best else ahead_ms + mono_ms) // DAY_MS
