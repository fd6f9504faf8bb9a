"""What a soaked agent's process does: the real agent on the real store and link, driving trip after trip until it is killed.

Through its pipe it tells of each record whose `append` has returned: that one must never be missing again.
"""

import os
import random
import struct
import time
from pathlib import Path
from typing import Any

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_edge.mqtt.broker import Broker
from headway_edge.mqtt.link import Link
from headway_edge.store.outbox import Outbox, State
from headway_protocol.state import ENDS_MAX
from headway_simulators.command.terminal import log_to_stderr
from headway_simulators.virtual_clock import VirtualClock

GROUP = "soak"
HEAD = struct.Struct(">H")  # bytes of the record that follows

_PROCESS = packs.load("private-driving")  # before the fork: it is what costs
_SAMPLES = 62
_SPEED_CKMH = 3600
_PAUSE_MS = 400_000  # between two trips, long enough to end the first
_STEP_S = 0.005


class TellingOutbox(Outbox):
    """An outbox that tells of each record once `append` is about to return it."""

    pipe: int

    def append(
        self, kind: int, mono_ms: int, wall_ms: int | None, clock: int, body: list[object], state: State | None = None
    ) -> bytes:
        """As `Outbox.append`."""
        payload = super().append(kind, mono_ms, wall_ms, clock, body, state)
        # One write below PIPE_BUF: a kill leaves all of it or nothing.
        os.write(self.pipe, HEAD.pack(len(payload)) + payload)
        return payload


def run(arguments: dict[str, Any], pipe: int) -> None:
    """store, device, seed, wall_ms: where the device's clock stands. port: the broker's; none: no link. protocol: of MQTT.

    pause_s: real time after each trip. drain: make nothing but what a start makes, and end once everything is settled.
    """
    log_to_stderr("error", as_json=False)
    outbox = TellingOutbox(Path(arguments["store"]))
    outbox.pipe = pipe
    clock = VirtualClock(arguments["wall_ms"])
    chance = random.Random(arguments["seed"])  # noqa: S311 - jitter
    link = None
    if arguments.get("port"):
        broker = Broker(
            port=arguments["port"], protocol=arguments["protocol"], back_off_least_s=0.02, back_off_max_s=0.5
        )
        link = Link(broker, GROUP, arguments["device"], outbox.boot, chance.uniform, lambda: outbox.ends(ENDS_MAX))
        link.start()
    agent = Agent(outbox, link, clock, chance.randint, _PROCESS)
    if arguments.get("drain"):
        while not agent.settled:
            agent.step(_now_ms(), 0.05)
        if link is not None:
            link.stop()
        outbox.close()
        return
    while True:
        drive(agent, clock)
        until_s = time.monotonic() + arguments["pause_s"]
        while True:
            agent.step(_now_ms(), _STEP_S)
            if time.monotonic() >= until_s:
                break


def drive(agent: Agent, clock: VirtualClock) -> None:
    """Drive one trip of a minute, and stand still for long enough to end it."""
    pack = _PROCESS.pack
    for step in range(_SAMPLES + 1):
        is_last = step == _SAMPLES
        clock.advance(clock.wall()[0] + (_PAUSE_MS if is_last else 1000))
        speed = 0 if is_last else _SPEED_CKMH
        agent.on_sample(clock.mono_ms(), [speed if i == pack.speed else MISSING for i in range(len(pack.signals))])


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
