"""Runs the agent of one device on samples that arrive as CSV lines, until it is told to stop or the lines end.

A thread reads the lines, since reading blocks; the agent's own thread does everything else.
"""

import csv
import queue
import random
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TextIO

import structlog

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.clock import SystemClock
from headway_edge.face import comparison_lines, expected_lines, score_lines, trip_lines
from headway_edge.mqtt.link import Link
from headway_edge.settings import AgentSettings
from headway_edge.store.first_boot import first_boot
from headway_edge.store.outbox import Outbox
from headway_edge.wall_time import SYNCED_MS, floor_of
from headway_edge.watcher import Trip
from headway_protocol.state import ENDS_MAX
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import wanted
from headway_simulators.recorded_rows import timed_rows
from headway_simulators.recorded_signals import SignalRow

log = structlog.get_logger("headway.live")

_QUEUE_MAX = 600  # ten minutes of samples at 1 Hz, should the agent be held up by its disk
_GOODBYE_S = 5.0
_STOP_TOGETHER_S = 1.0
_STATUS_EVERY_MS = 1_000
_STATUS_AGAIN_MS = 300_000


class _Ended:
    """The source has no more lines; `error` says why, if it was not its end."""

    def __init__(self, error: str | None) -> None:
        self.error = error


_Arrival = tuple[int, list[str]] | _Ended


class _Reader(threading.Thread):
    def __init__(self, name: str, clock: SystemClock) -> None:
        super().__init__(name="source", daemon=True)
        self._name, self._clock = name, clock
        self.arrivals: queue.Queue[_Arrival] = queue.Queue(_QUEUE_MAX)
        self.problems: Counter[str] = Counter()
        self.header: list[str] = []  # there before the first row arrives

    def run(self) -> None:
        error = None
        try:
            if self._name == "-":
                self._read(sys.stdin)
            else:
                with open(self._name, encoding="utf-8", errors="replace", newline="") as lines:
                    self._read(lines)
        except (OSError, SimulatorError) as failure:
            error = f"{self._name}: {failure}" if isinstance(failure, OSError) else str(failure)
        self.arrivals.put(_Ended(error))

    def _read(self, lines: TextIO) -> None:
        rows = csv.reader(_without_nul(lines))
        self.header = [name.strip() for name in next(rows, [])]
        for _, row in timed_rows(self.header, rows, self._name, self.problems):
            try:
                self.arrivals.put_nowait((self._clock.mono_ms(), row))
            except queue.Full:
                self.problems["sample_dropped_agent_busy"] += 1


def _without_nul(lines: TextIO) -> Iterable[str]:
    # readline, not iteration: a line must be seen when it is written, not when a buffer is full.
    while line := lines.readline():
        yield line.replace("\x00", "")


def run_live(settings: AgentSettings, source: str) -> None:
    """Run until SIGINT, SIGTERM or the end of `source` (a path, or "-" for standard input).

    Raises AgentError when the store cannot be used, SimulatorError when the source is no recording.
    """
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    clock = SystemClock()
    generator = random.SystemRandom()
    outbox = Outbox(
        settings.store,
        first_boot=first_boot(clock.wall()[0], generator.randint),
        budget_bytes=settings.store_bytes_max,
        mono_ms=clock.mono_ms,
    )
    clock.judge.floor_ms = floor_of(outbox.load(SYNCED_MS))
    link = Link(
        settings.broker(),
        settings.group,
        settings.device,
        outbox.boot,
        generator.uniform,
        lambda: outbox.ends(ENDS_MAX),
    )
    signal.signal(signal.SIGHUP, lambda *_: link.retry_now())
    agent = Agent(
        outbox,
        link,
        clock,
        generator.randint,
        packs.load(settings.pack),
        settings.vehicle_class,
        settings.period_ms,
        lambda trip: _show(trip, agent.news, clock),
        utc_offset_min=settings.utc_offset_min,
        factors=settings.factors,
        judge=clock.judge,
        server_keys=settings.server_keys(),
        on_new_boot=link.begin_boot,
    )
    reader = _Reader(source, clock)
    log.info("agent.started", group=settings.group, device=settings.device, boot=outbox.boot, backlog=outbox.backlog())
    link.start()
    reader.start()
    try:
        error = _loop(agent, reader, clock, stopping, _StatusLog(agent))
        agent.checkpoint()
        _say_goodbye(agent, clock, stopping)
        lines = comparison_lines(agent.process, agent.own.compare(), agent.own.benchmark, agent.own.totals.both())
        lines += score_lines(agent.own.score(clock.wall()[0])) + expected_lines(agent.own.series.expected())
        print("\n".join([*lines, *agent.advice_lines(), *agent.consumable_lines()]))  # noqa: T201
    finally:
        link.stop()
        log.info("agent.stopped", produced=outbox.produced, backlog=outbox.backlog(), unreadable=dict(reader.problems))
        outbox.close()
    if error is not None:
        raise SimulatorError(error)


def _loop(
    agent: Agent, reader: _Reader, clock: SystemClock, stopping: threading.Event, status: "_StatusLog"
) -> str | None:
    # Returns why the source failed, None if it did not.
    last_ms = clock.mono_ms()
    process, signals_of = None, None
    while not stopping.is_set():
        try:
            arrival = reader.arrivals.get(timeout=0.2)
        except queue.Empty:
            if clock.mono_ms() - last_ms > agent.silence_ms:
                agent.finish()
        else:
            if isinstance(arrival, _Ended):
                # Whoever stops a pipeline stops both ends: then the trip is not over, and is kept as it stands.
                if not stopping.wait(_STOP_TOGETHER_S):
                    agent.finish()
                return arrival.error
            last_ms, row = arrival
            if signals_of is None or agent.process is not process:
                process = agent.process
                signals_of = SignalRow(reader.header, wanted(process), utc_as_local=False)  # the device's clock knows
            agent.on_sample(last_ms, signals_of(row, reader.problems))
        agent.step(clock.mono_ms())
        status.look(clock.mono_ms())
    return None


class _StatusLog:
    """Logs how the agent stands with its server: when that changes, and now and then while something waits."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._said: tuple[str, str] | None = None
        self._said_ms = self._looked_ms = 0

    def look(self, now_ms: int) -> None:
        if now_ms - self._looked_ms < _STATUS_EVERY_MS:
            return
        self._looked_ms = now_ms
        try:
            status = self._agent.status()
        except sqlite3.Error:
            return  # whoever needed the store has said so
        is_news = (status.link, status.cause) != self._said
        if is_news or (status.backlog and now_ms - self._said_ms >= _STATUS_AGAIN_MS):
            self._said, self._said_ms = (status.link, status.cause), now_ms
            log.info("agent.status", **asdict(status))


def _say_goodbye(agent: Agent, clock: SystemClock, stopping: threading.Event) -> None:
    deadline_ms = clock.mono_ms() + int(_GOODBYE_S * 1000)
    while not agent.settled and not stopping.is_set() and clock.mono_ms() < deadline_ms:
        agent.step(clock.mono_ms(), 0.1)


def _show(trip: Trip, news: list[str], clock: SystemClock) -> None:
    wall_ms = clock.wall()[0]
    start_ms = None if wall_ms is None else wall_ms - (clock.mono_ms() - trip.start_ms)
    print("\n".join([*trip_lines(trip, start_ms), *news]), flush=True)  # noqa: T201
