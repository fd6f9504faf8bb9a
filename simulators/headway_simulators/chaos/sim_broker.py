"""A broker in a simulation: sessions, retained messages, last wills, and all the ways to take a message and not pass it on.

It acknowledges everything (PUBACK), as brokers do of what an access rule or a full queue then drops; so nobody here gets to
see a PUBACK, and nothing follows from one. Devices have clean sessions: what comes while they are away is gone, but for what is
retained. The server's session is kept: what comes while it is away waits, up to a limit, and what it was given and did not
acknowledge comes again.
"""

from collections.abc import Callable
from typing import Protocol

from headway_protocol import topics
from headway_server.ingest.arrival import Received
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.timeline import Timeline

QUEUE_MAX = 1000  # mosquitto's default of max_queued_messages
_HOP_MS = 5  # between broker and server
_KEPT_FOR_DEVICES = (topics.BENCH, topics.PACK)


class DeviceEnd(Protocol):
    """A device's connection as the broker sees it."""

    name: str

    def receive(self, channel: str, payload: bytes) -> None:
        """A message of the broker's is on its way."""

    def broken(self, reason: str) -> None:
        """The connection is gone."""


class ServerEnd(Protocol):
    """The server's connection as the broker sees it."""

    def receive(self, number: int, message: Received) -> None:
        """A message came; `number` is to be acknowledged after the commit."""

    def broken(self) -> None:
        """The connection is gone."""


class SimBroker:
    """One broker. group: of all devices. `queue_max`: messages kept for an absent server. `is_denied`: why a record of so
    many bytes is taken from a device and dropped, None where it is not.
    """

    def __init__(self, timeline: Timeline, journal: Journal, group: str) -> None:
        self._timeline, self._journal, self._group = timeline, journal, group
        self._devices: dict[str, tuple[DeviceEnd, bytes, int]] = {}  # with the will, and the connection's number
        self._server: ServerEnd | None = None
        self._waiting: dict[int, Received] = {}  # not acknowledged by the server
        self._subscribed = False
        self._numbers = 0
        self._retained: dict[str, bytes] = {}
        self.queue_max = QUEUE_MAX
        self.is_up = True
        self.is_denied: Callable[[str, int], str | None] = lambda _device, _size: None

    # --- devices ------------------------------------------------------------------------------------------------

    def connect(self, end: DeviceEnd, will: bytes) -> int:
        """A device connects, with what is to be said of it when it vanishes; return the connection, 0: there is no broker."""
        if not self.is_up:
            return 0
        self._expire(end.name)  # the same client again: the connection before is taken over
        self._numbers += 1
        self._devices[end.name] = end, will, self._numbers
        for channel in _KEPT_FOR_DEVICES:
            payload = self._retained.get(self._topic(end.name, channel))
            if payload is not None:
                end.receive(channel, payload)
        return self._numbers

    def disconnect(self, device: str, connection: int, last_word: bytes | None) -> None:
        """A connection ends: with a last word, or without, and then the will is published now."""
        there = self._devices.get(device)
        if there is None or there[2] != connection:
            return
        if last_word is None:
            self._expire(device)
        else:
            del self._devices[device]
            self.publish(device, topics.STATE, last_word)

    def _expire(self, name: str) -> None:
        gone = self._devices.pop(name, None)
        if gone is not None:
            self.publish(name, topics.STATE, gone[1])

    def publish(self, device: str, channel: str, payload: bytes) -> None:
        """A device's message has arrived, whole."""
        if not self.is_up:
            return
        reason = self.is_denied(device, len(payload)) if channel == topics.UP else None
        if reason is not None:
            self._drop(device, reason)
            return
        topic = self._topic(device, channel)
        if channel == topics.STATE:
            self._retained[topic] = payload
        self._to_server(device, Received(topic, payload, retained=False))

    def _topic(self, device: str, channel: str) -> str:
        return topics.topic(self._group, device, channel)

    def _drop(self, who: str, reason: str) -> None:
        self._journal.count("dropped by the broker", reason)
        self._journal.note(self._timeline.now_ms, who, "dropped", reason)

    # --- the server ---------------------------------------------------------------------------------------------

    def connect_server(self, end: ServerEnd) -> bool:
        """The server connects and subscribes; what it has not acknowledged comes again. False: there is no broker."""
        if not self.is_up:
            return False
        self._server, self._subscribed = end, True
        for number in list(self._waiting):
            self._give(number)
        for topic, payload in self._retained.items():
            if topic.endswith(topics.STATE):
                self._to_server("", Received(topic, payload, retained=True))
        return True

    def disconnect_server(self) -> None:
        """The server leaves, in whatever way; its session stays."""
        self._server = None

    def _to_server(self, who: str, message: Received) -> None:
        if not self._subscribed:
            self._drop(who, "nobody has subscribed")
            return
        if self._server is None and len(self._waiting) >= self.queue_max:
            self._drop(who, "the server's queue is full")
            return
        self._numbers += 1
        self._waiting[self._numbers] = message
        if self._server is not None:
            self._give(self._numbers)

    def _give(self, number: int) -> None:
        end = self._server

        def arrive() -> None:
            message = self._waiting.get(number)
            if end is not None and self._server is end and message is not None:
                end.receive(number, message)

        self._timeline.after(_HOP_MS, arrive)

    def acknowledge(self, number: int) -> None:
        """The server has committed a message: it can be forgotten."""
        self._waiting.pop(number, None)

    def publish_to_device(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """The server's message for one device; who is not there gets it only if it is retained. b"" ends that."""
        _, device, _ = topics.parse(topic)
        channel = topic.rpartition("/")[2]
        if retain and payload:
            self._retained[topic] = payload
        elif retain:
            self._retained.pop(topic, None)
        if channel == topics.STATE:
            self._to_server(device, Received(topic, payload, retained=False))  # it hears itself
            return
        there = self._devices.get(device)
        if there is not None:
            there[0].receive(channel, payload)

    # --- its own life -------------------------------------------------------------------------------------------

    def go_down(self, *, forget: bool) -> None:
        """The broker ends; with `forget` its disk is as new when it comes back. Nobody's will is heard then."""
        self.is_up = False
        if forget:
            self._waiting.clear()
            self._retained.clear()
            self._subscribed = False
        devices, self._devices = self._devices, {}
        for end, _, _ in devices.values():
            end.broken("the broker closed the connection")
        server, self._server = self._server, None
        if server is not None:
            server.broken()

    def come_up(self) -> None:
        """The broker is there again; everybody has to connect anew."""
        self.is_up = True

    @property
    def waiting(self) -> int:
        """How many messages the server has not acknowledged."""
        return len(self._waiting)
