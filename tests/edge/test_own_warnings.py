"""Warning codes on the device: counted once a trip, kept with the condition around them, advised on, settled by a repair."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.edge.warned_process import COOLANT, HOT, OTHER, SPEED, TROUBLE, warned_process

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_edge.own.own_warnings import OwnWarnings
from headway_edge.store.outbox import Outbox
from headway_protocol import incident, record, service

PROCESS = warned_process()
DAY_MS = 86_400_000
MIDNIGHT_MS = 20_500 * DAY_MS


class Clock:
    def __init__(self) -> None:
        self.now_ms = 0
        self.known = True

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        return (MIDNIGHT_MS + self.now_ms, record.SYNCED) if self.known else (None, record.UNSYNCED)


class Vehicle:
    """An agent of the process with warnings. `restart` is a power cut."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outbox.db"
        self.clock = Clock()
        self.coolant = 180  # 90 °C
        self.start()

    def start(self) -> None:
        self.outbox = Outbox(self.path)
        self.agent = Agent(self.outbox, None, self.clock, lambda _low, high: high, PROCESS, recorded=True)

    def restart(self) -> None:
        self.outbox.close()
        self.start()

    def second(self, code: int = 0, speed_ckmh: int = 3600) -> None:
        self.clock.now_ms += 1000
        signals = [MISSING] * 4
        signals[SPEED], signals[TROUBLE], signals[COOLANT] = speed_ckmh, code, self.coolant
        self.agent.on_sample(self.clock.now_ms, signals, self.clock.now_ms // 1000)

    def trip(self, codes: dict[int, int], seconds: int = 90) -> str | None:
        """Drive, with a code at each of these seconds; return the news when it is over."""
        for at in range(seconds):
            self.second(codes.get(at, 0))
        self.clock.now_ms += 400_000
        self.second(speed_ckmh=0)
        return self.agent.news[0] if self.agent.news else None

    def incidents(self) -> list[tuple[int, int, list[int], Any]]:
        found = []
        for payload in self.outbox.payloads(record.INCIDENT):
            item = record.decode(payload)
            code, severity, _, definition, values, closes = incident.parse_incident(item.body)
            assert (code, severity, definition) == (incident.WARNING_CODE, incident.WARNING, PROCESS.id)
            found.append((item.boot, item.seq, values, closes))
        return found


@pytest.fixture
def vehicle(tmp_path: Path) -> Iterator[Vehicle]:
    found = Vehicle(tmp_path)
    yield found
    found.outbox.close()


def test_a_code_that_comes_on_two_trips_is_advised_on_when_the_trip_is_over(vehicle: Vehicle) -> None:
    assert vehicle.trip({10: HOT, 11: HOT, 40: HOT}) is None
    assert vehicle.incidents() == []
    vehicle.clock.now_ms += 3 * DAY_MS
    for at in range(20):
        vehicle.second(HOT if at == 10 else 0)
        assert vehicle.agent.news == []  # nothing while driving
    assert len(vehicle.incidents()) == 1  # but the incident is on disk at once
    told = vehicle.trip({})
    assert told == "Engine too hot (P0217): on 2 trips within 30 days. Have the cooling system checked."
    assert vehicle.trip({}) is None  # told once
    ((_, _, values, closes),) = vehicle.incidents()
    assert (values, closes) == ([HOT, 2, 30], None)
    assert [item.sentence for item in vehicle.agent.own.warnings.advice.values()] == [told]


def test_advice_for_any_code_names_the_code(vehicle: Vehicle) -> None:
    for _ in range(3):
        assert vehicle.trip({10: OTHER}) is None
    assert vehicle.trip({10: OTHER}) == "Warning light (P0301): on 4 trips within 7 days. Have the vehicle looked at."


def test_seven_seconds_of_condition_are_kept_and_never_sent(vehicle: Vehicle) -> None:
    for at in range(30):
        vehicle.coolant = 200 + at if at < 20 else 2000  # beyond 200 °C it is no temperature
        vehicle.second(HOT if at == 17 else 0, 3000 + at)
    (found,) = vehicle.agent.own.warnings.conditions()
    assert vehicle.agent.own.warnings.condition_names() == ["Vehicle.Speed", "Vehicle.Powertrain.CombustionEngine.ECT"]
    assert (found.code, found.day) == ("P0217", 20_500)
    assert [row[0] for row in found.rows] == [Fraction(3000 + at, 100) for at in range(14, 21)]
    assert [row[1] for row in found.rows] == [*(100 + Fraction(at, 2) for at in range(14, 20)), None]
    vehicle.trip({})
    for payload in vehicle.outbox.payloads(record.EPISODE):
        assert len(record.decode(payload).body) <= 6


def test_a_repair_settles_the_advice_and_the_count_begins_anew(vehicle: Vehicle) -> None:
    for code in (HOT, OTHER):
        for _ in range(4):
            vehicle.trip({10: code})
    opened = [(boot, seq) for boot, seq, _, _ in vehicle.incidents()]
    assert [values[0] for _, _, values, _ in vehicle.incidents()] == [HOT, OTHER]
    vehicle.restart()
    assert len(vehicle.agent.own.warnings.advice) == 2
    vehicle.agent.serviced(service.OIL_CHANGED)
    assert len(vehicle.incidents()) == 2
    vehicle.agent.serviced(service.REPAIRED, ago_ms=60_000)
    assert [closes for _, _, _, closes in vehicle.incidents()[2:]] == opened
    assert vehicle.agent.own.warnings.advice == {}
    vehicle.restart()
    assert vehicle.agent.own.warnings.advice == {}
    assert vehicle.trip({10: HOT}) is None
    told = vehicle.trip({10: HOT}) or ""
    assert told.startswith("Engine too hot (P0217): on 2 trips within 30 days, and more often than before.")
    (found,) = [item for item in vehicle.agent.own.warnings.counts(20_500) if item.code == "P0217"]
    assert (found.trips, sum(found.months)) == (6, 6)


def test_a_power_cut_counts_no_code_twice_and_tells_no_advice_twice(vehicle: Vehicle) -> None:
    vehicle.trip({10: HOT})
    start_ms = vehicle.clock.now_ms
    for at in range(1, 120):
        vehicle.second(HOT if at == 100 else 0)
    assert len(vehicle.incidents()) == 1
    vehicle.restart()
    # A recording goes on from where the last checkpoint was, and brings the code again.
    position = vehicle.agent.position
    assert start_ms // 1000 < position < start_ms // 1000 + 100
    vehicle.clock.now_ms = position * 1000
    while vehicle.clock.now_ms < start_ms + 119_000:
        vehicle.second(HOT if vehicle.clock.now_ms == start_ms + 99_000 else 0)
    vehicle.trip({})
    assert len(vehicle.incidents()) == 1
    assert vehicle.agent.own.warnings.counts(20_500)[0].trips == 2


def test_counts_and_conditions_survive_a_restart_as_far_as_the_checkpoint(vehicle: Vehicle) -> None:
    for at in range(1, 130):
        vehicle.second(HOT if at == 20 else OTHER if at == 125 else 0)
    vehicle.restart()
    own = vehicle.agent.own.warnings
    assert [item.code for item in own.conditions()] == ["P0217"]
    assert [item.code for item in own.counts(20_500)] == ["P0217"]


def test_without_a_clock_codes_count_as_of_the_latest_day(vehicle: Vehicle) -> None:
    vehicle.trip({10: HOT})
    vehicle.clock.known = False
    assert (
        vehicle.trip({10: HOT}) == "Engine too hot (P0217): on 2 trips within 30 days. Have the cooling system checked."
    )


def test_what_is_no_code_of_the_signal_is_passed_over(vehicle: Vehicle) -> None:
    vehicle.trip({10: MISSING, 20: -5, 30: 65_536, 40: 1 << 29})
    assert vehicle.agent.own.warnings.counts(20_500) == []


def test_a_process_without_warnings_keeps_nothing() -> None:
    own = OwnWarnings(packs.load("commercial-driving"))
    assert own.take(1000, [0] * 12, lambda: 20_500) is None
    own.end_trip()
    assert not own.changed
    own.repaired()
    assert (own.counts(20_500), own.conditions()) == ([], [])


def test_a_state_of_another_shape_begins_anew() -> None:
    own = OwnWarnings(PROCESS)
    own.restore(None)
    own.restore(OwnWarnings(packs.load("commercial-driving")).state())
    assert own.counts(0) == []
