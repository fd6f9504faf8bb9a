"""What a link tells its agent, and the queue in which it waits to be asked for it."""

import threading
from collections import deque
from dataclasses import dataclass

_MESSAGES_MAX = 1000
_BYTES_MAX = 1 << 20
_TURNS_MAX = 16


@dataclass(frozen=True)
class Connected:
    """The broker accepted the connection, and what the server says is heard from now on."""


@dataclass(frozen=True)
class Disconnected:
    """The connection ended, or could not be made.

    reason: for people. next_step: what they can do. refused: the broker does not let this device in; it is asked again
    after a quarter of an hour, or when the agent is told to.
    """

    reason: str
    next_step: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Trouble:
    """The connection is there but does not do all it should; cause and next step for people."""

    cause: str
    next_step: str


@dataclass(frozen=True)
class Message:
    """A message on one of the device's channels (`headway_protocol.topics.ACK`, `BENCH`...)."""

    channel: str
    payload: bytes


Event = Connected | Disconnected | Trouble | Message


class EventQueue:
    """Events in order, from the network's thread to the agent's; bounded in number and in bytes.

    Messages beyond 1000, or 1 MiB, are dropped and counted in `lost`: the server says them again. That the link came or
    went is never dropped; of many such turns nobody asked for, the newest stay.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._bytes = 0
        self.lost = 0

    def put(self, event: Event) -> None:
        """Add an event; never waits."""
        with self._changed:
            if isinstance(event, Message):
                if len(self._events) >= _MESSAGES_MAX or self._bytes + len(event.payload) > _BYTES_MAX:
                    self.lost += 1
                    return
                self._bytes += len(event.payload)
            else:
                turns = [waiting for waiting in self._events if not isinstance(waiting, Message)]
                if len(turns) >= _TURNS_MAX:
                    self._events.remove(turns[0])
            self._events.append(event)
            self._changed.notify()

    def get(self, timeout_s: float) -> Event | None:
        """Return the next event, waiting up to `timeout_s`; None if there is none."""
        with self._changed:
            if not self._events and timeout_s > 0:
                self._changed.wait(timeout_s)
            if not self._events:
                return None
            event = self._events.popleft()
            if isinstance(event, Message):
                self._bytes -= len(event.payload)
            return event
