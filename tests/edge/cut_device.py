"""A device whose connection is cut somewhere: its link and its session, with records in memory."""

import random
import time
from collections.abc import Callable
from typing import Any

from tests.edge.session_outbox import MemoryOutbox

from headway_edge.mqtt.link import Broker, Connected, Disconnected, Link, Message
from headway_edge.session import Session
from headway_protocol import topics
from headway_simulators.chaos.proxy import Cut, Passed, Plan, ProxyThread, Way


class CutDevice:
    """One run: sends its two records until they are settled. boot: of the records, so that each run has its own.

    `connections` counts those that it took.
    """

    def __init__(
        self, port: int, boot: int, payload: Callable[[int, int], bytes], device: str = "bus-0142", **broker: Any
    ) -> None:
        generator = random.Random(boot)  # noqa: S311 - jitter
        self.outbox = MemoryOutbox({boot: 2}, payload)
        self.session = Session(self.outbox, lambda _low, _high: 50)
        settings = Broker(port=port, back_off_least_s=0.001, back_off_max_s=0.01, **broker)
        self.link = Link(settings, "depot-7", device, boot, generator.uniform)
        self.connections = 0

    def run(self, seconds: float = 20.0) -> None:
        """Send until everything is settled."""
        self.link.start()
        start = time.monotonic()
        try:
            while self.outbox.waiting:
                now_ms = int((time.monotonic() - start) * 1000)
                assert now_ms < seconds * 1000, (
                    f"not settled: {self.outbox.waiting} after {self.connections} connections"
                )
                self._step(now_ms)
        finally:
            self.link.stop(1)

    def _step(self, now_ms: int) -> None:
        event = self.link.poll(0.005)
        if isinstance(event, Connected):
            self.connections += 1
            self.session.connected()
        elif isinstance(event, Disconnected):
            self.session.disconnected()
        elif isinstance(event, Message) and event.channel == topics.ACK:
            self.session.receive(event.payload, now_ms)
        payloads = self.session.take(now_ms)
        for number, payload in enumerate(payloads):
            if not self.link.publish(payload):
                self.session.unsent(len(payloads) - number)
                break


class Cutter:
    """A proxy that cuts the next connection as told, and no other; use as a context manager."""

    def __init__(self, port: int) -> None:
        self._next: Plan | None = None
        self.thread = ProxyThread("127.0.0.1", port, self._plan)

    def _plan(self, _number: int) -> Plan:
        plan, self._next = self._next or Plan(), None
        return plan

    def __enter__(self) -> "Cutter":
        self.thread.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.thread.__exit__(*exception)

    @property
    def port(self) -> int:
        return self.thread.port

    @property
    def passed(self) -> Passed:
        """Of the newest connection."""
        return self.thread.proxy.passed[-1]

    def arm(self, direction: str, after: int, cut: Cut) -> None:
        """Cut the next connection after so many bytes in "up" or "down" direction."""
        self._next = Plan(**{direction: Way(after, cut)})
