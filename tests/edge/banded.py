"""A microcontroller's link, log and exchange on this machine, with a clock that the test turns."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headway_edge.band.band_exchange import BandExchange
from headway_edge.band.band_link import BandLink
from headway_edge.band.tcp_stream import TcpStream
from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import LogFolder
from headway_protocol import record


class Turned:
    """A clock that stands still, but for `now_ms`."""

    def __init__(self) -> None:
        self.now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        return None, record.UNSYNCED


class Banded:
    """Log, link and exchange of one boot; to be stopped. `pauses` are the bounds of those drawn, `heard` the benchmarks."""

    def __init__(
        self, folder: Path, port: int, host: str = "127.0.0.1", window: int = 8, first_boot: int = 1, **settings: Any
    ) -> None:
        self.pauses: list[tuple[int, int]] = []
        self.heard: list[bytes] = []
        self.clock = Turned()
        self.log = FlashLog(LogFolder(str(folder)), first_boot)
        self.link = BandLink(
            lambda: TcpStream(host, port), "depot-7", "band-3", self.log.boot, self._link_uniform,
            lambda: self.log.ends(8), **settings,
        )  # fmt: skip
        self.exchange = BandExchange(
            self.log, self.link, lambda _low, high: high, self.clock, self.heard.append, window
        )

    def _link_uniform(self, low: int, high: int) -> int:
        self.pauses.append((low, high))
        return high

    def make(self, count: int = 1) -> None:
        """Records; any will do."""
        for _ in range(count):
            number = self.log.last_seq + 1
            body = record.birth_body(f"band {number}", "car", [], 0, 0)
            self.log.append(record.BIRTH, self.clock.now_ms, None, record.UNSYNCED, body)

    def step_until(self, condition: Callable[[], object], step_ms: int = 10, seconds: float = 10.0) -> None:
        """Step until `condition` is true; fail after a while."""
        deadline_s = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline_s, f"it did not happen in time; {self.link.cause}"
            self.clock.now_ms += step_ms
            if not self.exchange.step():
                time.sleep(0.002)

    def settle(self, step_ms: int = 10) -> None:
        """Step until nothing is left to send."""
        self.step_until(lambda: not self.log.backlog(), step_ms)
