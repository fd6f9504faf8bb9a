"""What is wrong with a wall clock is said once and counted; nobody has to read the log every second."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.clock import SystemClock
from headway_edge.clock_watch import ClockWatch
from headway_edge.store.outbox import Outbox
from headway_edge.wall_time import EARLIEST_MS, WallTime

HOUR_MS = 3_600_000
MAY_MS = EARLIEST_MS + 120 * 24 * HOUR_MS


class Machine:
    """A machine whose wall clock a test sets."""

    def __init__(self, wall_ms: int, floor_ms: int = 0) -> None:
        self.boot_ms = 0
        self.ahead_ms = wall_ms
        self.clock = SystemClock(
            floor_ms, lambda: (self.boot_ms + self.ahead_ms) * 10**6, lambda: self.boot_ms * 10**6, lambda: False
        )

    def says(self, wall_ms: int) -> None:
        self.ahead_ms = wall_ms - self.boot_ms

    def wait(self, milliseconds: int) -> None:
        self.boot_ms += milliseconds


@pytest.fixture
def machine() -> Machine:
    return Machine(0)


@pytest.fixture
def agent(machine: Machine, tmp_path: Path):
    outbox = Outbox(tmp_path / "outbox.db")
    clock = machine.clock
    yield Agent(outbox, None, clock, max, packs.load("private-driving"), judge=clock.judge)
    outbox.close()


def told(logs: list) -> list[str]:
    return [entry["cause"] for entry in logs if entry["event"] == "agent.clock"]


def test_why_there_is_no_time_is_said_once_and_status_tells_it(machine: Machine, agent: Agent) -> None:
    with capture_logs() as logs:
        for _ in range(5):
            machine.wait(1000)
            agent.step(0)
    assert told(logs) == ["before the first release: never set"]
    assert all(entry["next_step"] for entry in logs if entry["event"] == "agent.clock")
    status = agent.status()
    assert (status.clock_cause, status.clock_refusals, status.clock_jumps) == (told(logs)[0], 1, 0)
    assert "the clock is not believed (before the first release: never set)" in status.sentence


def test_a_clock_that_is_set_is_told_with_how_far_and_counts_as_one_jump(machine: Machine, agent: Agent) -> None:
    agent.step(0)
    machine.wait(1000)
    with capture_logs() as logs:
        machine.says(MAY_MS)
        agent.step(0)
    (entry,) = [entry for entry in logs if entry["event"] == "agent.clock"]
    assert (entry["jumps"], entry["by_ms"]) == (1, MAY_MS - 1000)
    status = agent.status()
    assert (status.clock_cause, status.clock_refusals, status.clock_jumps) == ("", 1, 1)
    assert "believed" not in status.sentence


def test_a_clock_that_jumps_all_the_time_is_counted_and_does_not_fill_the_log(machine: Machine, agent: Agent) -> None:
    with capture_logs() as logs:
        for i in range(1000):
            machine.wait(1000)
            machine.says(0 if i % 2 else MAY_MS)
            agent.step(0)
    status = agent.status()
    assert status.clock_jumps == 1000
    assert status.clock_refusals == 500
    causes = told(logs)
    assert causes.count("before the first release: never set") == 1
    assert len(causes) < 15


def test_each_cause_is_said(machine: Machine) -> None:
    watch = ClockWatch(machine.clock.judge)
    machine.clock.judge.floor_ms = MAY_MS
    with capture_logs() as logs:
        for wall_ms in (0, 2 * MAY_MS + 10**12, MAY_MS - 24 * HOUR_MS, MAY_MS, 0):
            machine.says(wall_ms)
            machine.clock.wall()
            watch.look()
    assert [cause for cause in told(logs) if "was set while" not in cause] == [
        "before the first release: never set",
        "after 2100: set wrong",
        "earlier than a time this device knew",
    ]
    assert watch.refusals == 4


def test_a_machine_that_slept_is_neither(machine: Machine) -> None:
    machine.says(MAY_MS)
    watch = ClockWatch(machine.clock.judge)
    with capture_logs() as logs:
        for _ in range(3):
            machine.clock.wall()
            watch.look()
            machine.wait(5 * HOUR_MS)
    assert (told(logs), watch.jumps, watch.refusals) == ([], 0, 0)


def test_without_a_judge_there_is_nothing_to_say() -> None:
    watch = ClockWatch(None)
    watch.look()
    assert (watch.cause, watch.jumps, watch.refusals) == ("", 0, 0)
    assert WallTime(0).jump_ms == 0
