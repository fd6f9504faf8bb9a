"""A device's link in a simulation: what `headway_edge.mqtt.link.Link` is to the agent, without socket, thread and paho.

It connects, reconnects with a growing, jittered pause, tells presence and how far the device's boots have come, and hands over
events. A message that it took may never arrive, and neither the agent nor the link gets to know.
"""

import random
from collections import deque
from collections.abc import Callable

from headway_edge.mqtt.link import Connected, Disconnected, Event, Message
from headway_protocol import state, topics
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.chaos.timeline import SECOND_MS, Timeline
from headway_simulators.chaos.weather import DOWN, UP, Weather

_BACK_OFF_FIRST_MS = SECOND_MS
_BACK_OFF_MAX_MS = 300 * SECOND_MS
_KEEPALIVE_MS = 90 * SECOND_MS  # 1.5 times the keepalive: when either end notices that the other is silent
_CONNECTING_MS = (100, 3000)


class SimLink:
    """One device's link, from when the device wakes to when it sleeps or dies.

    on_event: called when there is something to poll. on_acknowledgement: told of each one that arrives, for the books.
    `is_up`: whether messages can be handed in.
    """

    def __init__(
        self,
        name: str,
        timeline: Timeline,
        broker: SimBroker,
        weather: Weather,
        dice: random.Random,
        on_event: Callable[[], None],
        on_acknowledgement: Callable[[bytes], None],
    ) -> None:
        self.name = name
        self._timeline, self._broker, self._weather, self._dice = timeline, broker, weather, dice
        self._on_event = on_event
        self._on_acknowledgement = on_acknowledgement
        self._events: deque[Event] = deque()
        self._turn = 0  # of connections: what is planned for an earlier one does not happen
        self._connection = 0  # the broker's number of it
        self._boot = 0
        self._ends: Callable[[], list[tuple[int, int]]] = list
        self._wanted = False
        self._back_off_ms = _BACK_OFF_FIRST_MS
        self.is_up = False

    # --- for the agent ------------------------------------------------------------------------------------------

    def poll(self, _timeout_s: float = 0.0) -> Event | None:
        """Return the next event; None if there is none. Nobody waits in a simulation."""
        return self._events.popleft() if self._events else None

    def publish(self, payload: bytes) -> bool:
        """Hand one record in; False when there is no connection to hand it to."""
        return self.is_up and self._send(topics.UP, payload)

    # --- for the device -----------------------------------------------------------------------------------------

    def start(self, boot: int, ends: Callable[[], list[tuple[int, int]]]) -> None:
        """Connect, and stay connected, for as long as the device is awake. boot: for the last will."""
        self._boot, self._ends = boot, ends
        self._wanted = True
        self._back_off_ms = _BACK_OFF_FIRST_MS
        self._begin()

    def stop(self, *, say_goodbye: bool) -> None:
        """The device sleeps, or is dead; without a good-bye the broker finds out by itself."""
        self._wanted = False
        self._turn += 1
        was_up, self.is_up = self.is_up, False
        self._events.clear()
        if not was_up:
            return
        if say_goodbye and self._reaches(state.encode(self._boot, online=False)):
            self._broker.disconnect(self.name, self._connection, state.encode(self._boot, online=False))
            self._events.append(Disconnected("good-bye"))
        else:
            self._unnoticed()
            if say_goodbye:
                self._events.append(Disconnected("good-bye"))

    def _reaches(self, payload: bytes) -> bool:
        return self._weather.over_at_ms("half-open") is None and self._weather.breaks(UP, len(payload)) is None

    def _unnoticed(self) -> None:
        # The broker hears nothing any more, and says so after a while, if the device has not come back by then.
        connection = self._connection
        self._timeline.after(
            self._dice.randint(0, _KEEPALIVE_MS), lambda: self._broker.disconnect(self.name, connection, None)
        )

    def begin_boot(self, boot: int) -> None:
        """The store was wiped and another boot has begun: connect anew, so that presence and last will are of it."""
        self._boot = boot
        self._timeline.after(0, self.cut)  # the agent is amid something

    # --- for the broker -----------------------------------------------------------------------------------------

    def receive(self, channel: str, payload: bytes) -> None:
        """A message of the broker's is on its way."""
        turn = self._turn
        whole = self._weather.breaks(DOWN, len(payload))
        if whole is not False:
            for at_ms in self._weather.arrivals(DOWN):
                self._timeline.at(at_ms, lambda: self._arrived(turn, channel, payload))
        if whole is not None:
            self._lost_at(turn, "the connection broke")

    def _arrived(self, turn: int, channel: str, payload: bytes) -> None:
        if turn == self._turn:
            if channel == topics.ACK:
                self._on_acknowledgement(payload)
            self._events.append(Message(channel, payload))
            self._on_event()

    def broken(self, reason: str) -> None:
        """The connection is gone."""
        if self.is_up:
            self._drop(reason)

    # --- connections --------------------------------------------------------------------------------------------

    def half_open(self) -> None:
        """From now on nobody hears the other; this end notices after a while."""
        if self.is_up:
            self._lost_at(self._turn, "no answer", _KEEPALIVE_MS)

    def cut(self) -> None:
        """The network is gone."""
        if self.is_up:
            self._unnoticed()
            self._drop("no network")

    def _send(self, channel: str, payload: bytes) -> bool:
        turn = self._turn
        whole = self._weather.breaks(UP, len(payload))
        if whole is not False:
            for at_ms in self._weather.arrivals(UP):
                self._timeline.at(at_ms, lambda: self._broker.publish(self.name, channel, payload))
        if whole is not None:
            self._lost_at(turn, "the connection broke")
        return True

    def _lost_at(self, turn: int, reason: str, after_ms: int = SECOND_MS) -> None:
        def notice() -> None:
            if turn == self._turn and self.is_up:
                self._unnoticed()
                self._drop(reason)

        self._timeline.after(after_ms, notice)

    def _drop(self, reason: str) -> None:
        self._turn += 1
        self.is_up = False
        self._events.append(Disconnected(reason))
        self._begin()
        self._on_event()

    def _begin(self) -> None:
        # Once it is known for how long there will be no network, the attempts until then are left out.
        self._turn += 1
        turn = self._turn
        pause_ms = self._dice.randint(*_CONNECTING_MS) + self._dice.randint(0, self._back_off_ms)
        back_ms = max(self._weather.over_at_ms(kind) or 0 for kind in ("offline", "half-open"))
        if back_ms > self._timeline.now_ms + pause_ms:
            self._back_off_ms = _BACK_OFF_MAX_MS
            pause_ms = back_ms - self._timeline.now_ms + self._dice.randint(0, self._back_off_ms)
        self._timeline.after(pause_ms, lambda: self._attempt(turn))

    def _attempt(self, turn: int) -> None:
        if turn != self._turn or not self._wanted:
            return
        weather = self._weather
        no_network = weather.over_at_ms("offline") is not None or weather.over_at_ms("half-open") is not None
        # What the broker keeps for the device is on its way before the device knows that it is connected.
        self._connection = 0 if no_network else self._broker.connect(self, state.encode(self._boot, online=False))
        if not self._connection:
            self._back_off_ms = min(2 * self._back_off_ms, _BACK_OFF_MAX_MS)
            self._begin()
            return
        self._back_off_ms = _BACK_OFF_FIRST_MS
        self.is_up = True
        self._send(topics.STATE, state.encode(self._boot, online=True, ends=self._ends()))
        self._events.append(Connected())
        self._on_event()
