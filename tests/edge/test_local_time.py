"""Local time as signals: put in where a pack asks for it, from a clock that may not be set."""

from datetime import UTC, datetime

from headway_edge import packs
from headway_edge.core.process import Process
from headway_edge.core.program import MISSING
from headway_edge.own.local_time import LocalTime


class FakePack:
    def __init__(self, *names: str) -> None:
        self.signals = [[name] for name in names]


def local_time(*names: str, offset_min: int = 0) -> LocalTime:
    return LocalTime(FakePack(*names), lambda _wall_ms: offset_min)  # type: ignore[arg-type]


def ms(year: int, month: int, day: int, hour: int, minute: int) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


def test_the_minute_and_the_weekday_are_local() -> None:
    found = local_time("Vehicle.Speed", "Vehicle.Headway.LocalMinute", "Vehicle.Headway.LocalWeekday", offset_min=540)
    # Sunday evening in Greenwich is Monday morning in Seoul.
    assert found.filled([7, MISSING, MISSING], ms(2026, 3, 1, 22, 30)) == [7, 450, 0]
    before = local_time("Vehicle.Headway.LocalWeekday", "Wearable.LocalMinute", offset_min=-300)
    assert before.filled([MISSING, MISSING], ms(2026, 3, 2, 3, 0)) == [6, 22 * 60]


def test_what_the_source_tells_is_kept() -> None:
    assert local_time("Wearable.LocalMinute").filled([77], ms(2026, 3, 1, 22, 30)) == [77]


def test_without_a_clock_or_a_wish_the_sample_is_as_it_was() -> None:
    sample = [MISSING, 3]
    assert local_time("Vehicle.Headway.LocalMinute", "X").filled(sample, None) is sample
    assert local_time("Vehicle.Speed", "Vehicle.Minute").filled(sample, 10**12) is sample


def test_a_day_is_that_of_its_middle_and_a_trip_that_of_its_start() -> None:
    driving, wellness = (packs.load(name) for name in ("private-driving", "wellness"))
    day = ms(2026, 3, 2, 0, 0) // 86_400_000

    def days(process: Process, hour: int) -> int:
        return process.day(ms(2026, 3, 1, hour, 0), 0) - day

    assert [days(driving, hour) for hour in (20, 23)] == [-1, -1]
    assert [days(wellness, hour) for hour in (4, 11, 12, 20)] == [-1, -1, 0, 0]
