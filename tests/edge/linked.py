"""A link under test: its events, and the pauses it drew, which are over at once."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from headway_edge.mqtt.link import Broker, Connected, Disconnected, Event, Link
from headway_protocol import record

_Found = TypeVar("_Found", bound=Event)


def payload(seq: int, boot: int = 1, text: str = "x") -> bytes:
    """A record; any will do."""
    return record.encode(record.Record(record.LOSS, boot, seq, 0, None, 0, record.loss_body(9, 1, 1, text)))


class Linked:
    """Use as a context manager. pause_s: what every pause is cut down to. `pauses` are the bounds of those drawn."""

    def __init__(self, port: int, pause_s: float = 0.001, **settings: Any) -> None:
        self.pauses: list[tuple[float, float]] = []
        self.events: list[Event] = []
        self._pause_s = pause_s
        ends = settings.pop("ends", list)
        boot, clock = settings.pop("boot", 1), settings.pop("clock", time.monotonic)
        settings.setdefault("host", "127.0.0.1")
        self.link = Link(Broker(port=port, **settings), "depot-7", "bus-0142", boot, self._uniform, ends, clock)

    def _uniform(self, low: float, high: float) -> float:
        self.pauses.append((low, high))
        return self._pause_s

    def __enter__(self) -> "Linked":
        self.link.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.link.stop(2)

    def see(
        self, kind: type[_Found], which: Callable[[_Found], object] = lambda _event: True, seconds: float = 10
    ) -> _Found:
        """Return the next event of a kind that fits; keep all in `events`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            event = self.link.poll(0.05)
            if event is not None:
                self.events.append(event)
                if isinstance(event, kind) and which(event):
                    return event
        raise AssertionError(f"no such {kind.__name__}; events: {self.events[-20:]}")

    def connected(self) -> None:
        self.see(Connected)

    def disconnected(self) -> Disconnected:
        return self.see(Disconnected)
