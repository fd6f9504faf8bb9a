"""Two devices, a broker and a server, to whom anything happens in any order: at every moment and at the end the books balance.

Beside the runs of `headway chaos`, whose faults come by a seed: here Hypothesis looks for the order of events that breaks
something, and makes it short.
"""

import asyncio
import tempfile
from collections.abc import Awaitable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headway_protocol import service
from headway_simulators.chaos.check import check, check_effects
from headway_simulators.chaos.faults import (
    AFTER_JOURNAL,
    AMID_ACKS,
    BEFORE_COMMIT,
    COMMIT_FAILS,
    IN_COMMIT,
    SYNCS,
    WHOLE,
)
from headway_simulators.chaos.people import OFFERED, Drive
from headway_simulators.chaos.runs import surroundings
from headway_simulators.chaos.script import FLEET, Fault, Script
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from headway_simulators.chaos.world import World, quick_folder

DEVICES = 2
SPEEDS = tuple(min(500 * i, 4000) for i in range(30))

numbers = st.integers(0, DEVICES - 1)
lengths_ms = st.sampled_from([SECOND_MS, 30 * SECOND_MS, 5 * MINUTE_MS, HOUR_MS, DAY_MS])
Result = TypeVar("Result")


class WorldMachine(RuleBasedStateMachine):
    """The world of `headway chaos`, with rules in place of a script."""

    def __init__(self) -> None:
        super().__init__()
        self.around = ExitStack()
        template = self.around.enter_context(surroundings())
        folder = self.around.enter_context(tempfile.TemporaryDirectory(dir=quick_folder()))
        self.loop = asyncio.new_event_loop()
        self.around.callback(self.loop.close)
        self.world = World(Script(1, DEVICES, 1), template, Path(folder))
        self.copies = 0
        self.do(self.world.begin())
        self.pass_time(30 * SECOND_MS)

    def do(self, waiting: Awaitable[Result]) -> Result:
        return self.loop.run_until_complete(waiting)

    def happens(self, kind: str, device: int = FLEET, for_ms: int = 0, n: int = 0, m: int = 0) -> None:
        waiting = self.world.effects.begin(Fault(self.world.timeline.now_ms, kind, device, for_ms, n, m))
        if waiting is not None:
            self.do(waiting)

    @rule(ms=st.sampled_from([SECOND_MS, 20 * SECOND_MS, MINUTE_MS, 10 * MINUTE_MS, 3 * HOUR_MS]))
    def pass_time(self, ms: int) -> None:
        """Deliver and acknowledge what is due."""
        self.do(self.world.timeline.run(self.world.timeline.now_ms + ms))

    @rule(device=numbers, then=st.sampled_from([None, None, service.REFUELLED]))
    def drive(self, device: int, then: int | None) -> None:
        self.world.devices[device].drive(Drive(self.world.timeline.now_ms, SPEEDS, then))

    @rule(device=numbers)
    def drive_to_the_end(self, device: int) -> None:
        self.drive(device, None)
        self.pass_time(10 * MINUTE_MS)

    @rule(device=numbers)
    def sync(self, device: int) -> None:
        self.world.devices[device].wake()

    @rule(device=numbers, for_ms=lengths_ms, kind=st.sampled_from(["offline", "half-open", "denied"]))
    def lose_the_network(self, device: int, for_ms: int, kind: str) -> None:
        self.happens(kind, device, for_ms)

    @rule(device=numbers, for_ms=lengths_ms, permille=st.sampled_from([300, 900]))
    def drop(self, device: int, for_ms: int, permille: int) -> None:
        self.happens("lossy", device, for_ms, permille)

    @rule(device=numbers, for_ms=lengths_ms)
    def duplicate(self, device: int, for_ms: int) -> None:
        self.happens("duplicating", device, for_ms, 900)

    @rule(device=numbers, for_ms=lengths_ms, ms=st.integers(1000, 120_000))
    def reorder(self, device: int, for_ms: int, ms: int) -> None:
        self.happens("reordering", device, for_ms, ms)

    @rule(
        device=numbers, way=st.sampled_from(["cut-up", "cut-down"]), messages=st.integers(1, 3), at=st.integers(0, 80)
    )
    def cut_the_link(self, device: int, way: str, messages: int, at: int) -> None:
        self.happens(way, device, 0, messages, at)

    @rule(device=numbers, back_ms=lengths_ms)
    def kill_the_device(self, device: int, back_ms: int) -> None:
        self.happens("kill", device, back_ms, 1)

    @rule(device=numbers, change=st.integers(1, 40), kind=st.sampled_from(["power-cut", "kill-amid"]))
    def cut_the_power_at_a_change_of_the_disk(self, device: int, change: int, kind: str) -> None:
        self.happens(kind, device, 0, change)

    @rule(device=numbers, change=st.integers(1, 40), which=st.integers(0, SYNCS))
    def refuse_an_operation_of_the_disk(self, device: int, change: int, which: int) -> None:
        self.happens("disk-error", device, 0, change, which)

    @rule(device=numbers, for_ms=lengths_ms, ahead_s=st.sampled_from([-86_400, 3600, 400 * 86_400]))
    def let_the_clock_jump(self, device: int, for_ms: int, ahead_s: int) -> None:
        self.happens("clock-jump", device, for_ms, ahead_s)

    @rule(device=numbers, for_ms=lengths_ms)
    def unset_the_clock(self, device: int, for_ms: int) -> None:
        self.happens("clock-unset", device, for_ms)

    @rule(stage=st.integers(BEFORE_COMMIT, AMID_ACKS), statement=st.integers(1, 20))
    def crash_the_server(self, stage: int, statement: int) -> None:
        self.happens("server-crash", FLEET, MINUTE_MS, stage, statement)

    @rule(for_ms=lengths_ms, kind=st.sampled_from(["server-down", "database-busy"]))
    def take_the_server_away(self, for_ms: int, kind: str) -> None:
        self.happens(kind, FLEET, for_ms)

    @rule(for_ms=lengths_ms, kind=st.sampled_from(["broker-restart", "broker-wipe"]))
    def take_the_broker_away(self, for_ms: int, kind: str) -> None:
        self.happens(kind, FLEET, for_ms)

    @rule(device=numbers, pack=st.sampled_from(range(len(OFFERED))))
    def offer(self, device: int, pack: int) -> None:
        self.happens("offer", device, 0, pack)

    @rule(
        device=numbers,
        how=st.sampled_from([WHOLE, WHOLE, IN_COMMIT, AFTER_JOURNAL, COMMIT_FAILS]),
        at=st.integers(1, 60),
    )
    def erase(self, device: int, how: int, at: int) -> None:
        self.happens("erase", device, MINUTE_MS, how, at)

    @rule()
    def back_up(self) -> None:
        self.copies += 1
        self.world.server.back_up(f"copy-{self.copies}.db")

    @precondition(lambda self: self.copies)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, self.copies))
        self.do(self.world.server.restore(f"copy-{number}.db"))
        self.do(self.world.server.start())

    @invariant()
    def the_books_balance(self) -> None:
        for device in self.world.devices:
            device.check()
        if self.world.server.is_up:
            check_effects(self.world.books, self.world.devices, self.world.server.witness)
        assert self.world.books.violations == []

    def teardown(self) -> None:
        with self.around:
            try:
                self.do(self.world.calm())
                found = self.do(check(self.world.books, self.world.devices, self.world.server))
            finally:
                self.do(self.world.end())
        assert self.world.books.violations == []
        assert found.produced == found.stored + found.kept + found.folded + found.erased + found.lost.total()


few = settings(max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
TestAnyOrder = pytest.mark.timeout(60)(WorldMachine.TestCase)
TestAnyOrder.settings = settings(few, derandomize=True)


class _Longer(WorldMachine):
    """The same again, for longer."""


TestManyOrders = pytest.mark.full(pytest.mark.timeout(300)(_Longer.TestCase))
TestManyOrders.settings = settings(few, max_examples=80, stateful_step_count=25)
