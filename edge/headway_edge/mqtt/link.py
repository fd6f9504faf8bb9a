"""The MQTT link on Linux: keeps a connection to the broker for as long as the agent runs; knows nothing of records.

A supervisor makes one connection after the other (`mqtt_connection`), watches that each makes progress, and decides how
long to wait for the next: short at first and with jitter; long when the broker does not let this device in; growing when
another unit has the same identity, so that the two do not throw each other out for ever.
"""

import threading
import time
from collections.abc import Callable

import structlog

from headway_edge.mqtt import link_failure
from headway_edge.mqtt.back_off import BackOff
from headway_edge.mqtt.broker import Broker, Tls
from headway_edge.mqtt.link_events import Connected, Disconnected, Event, EventQueue, Message, Trouble
from headway_edge.mqtt.link_failure import Failure
from headway_edge.mqtt.mqtt_connection import MqttConnection
from headway_edge.mqtt.protocol_choice import ProtocolChoice
from headway_protocol import state

__all__ = ["Broker", "Connected", "Disconnected", "Event", "Link", "Message", "Tls", "Trouble"]

log = structlog.get_logger("headway.link")

OPEN_MAX_S = 60.0  # from the start of an attempt until the subscriptions stand, name server and TLS included
LASTING_S = 60.0  # a connection of this length was a good one
REFUSED_PAUSE_S = (720.0, 1080.0)  # a quarter of an hour, with jitter
_SHARED_PAUSE_S = (30.0, 900.0)
_SHARED_FORGOTTEN_S = 3600.0
_SHORT_MAX = 3  # connections in a row that were closed soon, without a reason
_LEFT_BEHIND_MAX = 4  # threads that hang in the machine's network


class Link:
    """One device's connection to its broker.

    group, device: ids of the topics. boot: goes into the last will. uniform: random float between two bounds, passed in.
    ends: gives the ends of this device's boots for its presence (`headway_protocol.state`); called by `poll`, so in the
    agent's thread. clock: monotonic seconds. `poll` and `publish` are what an agent uses.
    """

    def __init__(
        self,
        broker: Broker,
        group: str,
        device: str,
        boot: int,
        uniform: Callable[[float, float], float],
        ends: Callable[[], list[tuple[int, int]]] = list,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._group, self._device, self._boot = group, device, boot
        self._uniform, self._ends, self._clock = uniform, ends, clock
        self._events = EventQueue()
        self._stopping = threading.Event()
        self._at_once = threading.Event()
        self._connection: MqttConnection | None = None
        self._left_behind: list[MqttConnection] = []
        self._protocol = ProtocolChoice(broker.protocol, clock)
        self._back_off = BackOff(broker.back_off_least_s, broker.back_off_max_s, uniform)
        self._shared = BackOff(*_SHARED_PAUSE_S, uniform)
        self._short = 0
        self._thread = threading.Thread(target=self._run, name=f"link {group}/{device}", daemon=True)

    @property
    def lost_events(self) -> int:
        """Messages dropped because nobody polled."""
        return self._events.lost

    def start(self) -> None:
        """Begin to connect, in the background, for as long as it takes."""
        self._thread.start()

    def publish(self, payload: bytes) -> bool:
        """Hand one record to the broker at QoS 1; False while nobody takes it: no connection, or 20 not taken yet."""
        connection = self._connection
        return connection is not None and connection.publish(payload)

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        """Return the next event, waiting up to `timeout_s`; None if there is none."""
        event = self._events.get(timeout_s)
        connection = self._connection
        if isinstance(event, Connected) and connection is not None:
            connection.tell_presence(state.encode(self._boot, online=True, ends=self._known_ends()))
        return event

    def _known_ends(self) -> list[tuple[int, int]]:
        try:
            return self._ends()
        except Exception as error:  # noqa: BLE001 - whatever the store raises; presence matters more
            log.error("link.ends_unknown", device=self._device, error=repr(error))
            return []

    def begin_boot(self, boot: int) -> None:
        """The store was wiped and another boot has begun: connect anew, so that presence and last will are of it."""
        self._boot = boot
        connection = self._connection
        if connection is not None:
            connection.abandon()

    def retry_now(self) -> None:
        """Somebody mended something: end the pause, however long it is."""
        self._at_once.set()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Say good-bye (presence off, so no last will) and end the thread."""
        self._stopping.set()
        self._at_once.set()
        connection = self._connection
        if connection is not None and connection.subscribed and not connection.ended.is_set():
            info = connection.tell_presence(state.encode(self._boot, online=False))
            try:
                info.wait_for_publish(timeout_s / 2)
            except (RuntimeError, ValueError):
                log.info("link.goodbye_unsent", device=self._device)
            connection.say_goodbye()
            connection.ended.wait(timeout_s / 2)
        if connection is not None:
            connection.abandon()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # In the supervisor's thread.

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause_s = self._connect_once()
            except Exception as error:  # noqa: BLE001 - no thread or no descriptor to be had: that passes
                pause_s = self._tell(link_failure.of_exception(error), self._back_off.next_s())
            # In this order: `stop` sets both, in the other.
            self._at_once.clear()
            if not self._stopping.is_set() and self._at_once.wait(pause_s):
                self._back_off.reset()
                self._shared.reset()

    def _connect_once(self) -> float:
        # One connection from its beginning to its end; returns how long to wait for the next.
        self._left_behind = [connection for connection in self._left_behind if connection.alive]
        if len(self._left_behind) >= _LEFT_BEHIND_MAX:
            return self._tell(link_failure.STUCK, self._back_off.next_s())
        connection = MqttConnection(
            self._broker,
            self._protocol.version,
            self._group,
            self._device,
            self._boot,
            self._events.put,
            self._clock,
        )
        self._connection = connection  # before it can say that it is up, and before `stop` looks for it
        try:
            if self._stopping.is_set():
                connection.abandon()
                return 0.0
            connection.start()
            failure = self._watch(connection)
        finally:
            self._connection = None
        if self._stopping.is_set():
            return 0.0
        if self._protocol.ended(connection.version, connection.answer_s, failure):
            return 0.0
        return self._tell(failure, self._pause_s(connection, failure))

    def _watch(self, connection: MqttConnection) -> Failure:
        while not connection.ended.wait(min(0.5, connection.keepalive_s / 10)):
            now_s = self._clock()
            if not connection.alive and not connection.ended.is_set():
                failure = link_failure.DIED
            elif not connection.subscribed and now_s - connection.started_s > OPEN_MAX_S:
                failure = link_failure.SLOW
            elif self._is_silent(connection, now_s):
                failure = link_failure.SILENT
            elif connection.accepted_s is not None and now_s - connection.heard_s > 1.5 * connection.keepalive_s:
                failure = link_failure.STALLED
            else:
                continue
            connection.abandon()
            self._left_behind.append(connection)
            return failure
        return connection.failure

    def _is_silent(self, connection: MqttConnection, now_s: float) -> bool:
        patience_s, opened_s = self._protocol.patience_s, connection.opened_s
        if patience_s is None or opened_s is None or connection.accepted_s is not None:
            return False
        return now_s - opened_s > patience_s

    def _pause_s(self, connection: MqttConnection, failure: Failure) -> float:
        lasted_s = 0.0 if connection.accepted_s is None else self._clock() - connection.accepted_s
        self._short = self._short + 1 if self._closed_soon(connection, failure, lasted_s) else 0
        if lasted_s > _SHARED_FORGOTTEN_S:
            self._shared.reset()
        if failure.code == link_failure.TAKEN_OVER or self._short >= _SHORT_MAX:
            log.error("link.identity_shared", device=self._device, alarm="another unit uses this device's identity")
            return self._shared.next_s()
        if failure.refused:
            self._back_off.reset()
            return self._uniform(*REFUSED_PAUSE_S)
        # A broker that accepts and drops is no reason to come again soon; one that carried something is.
        if connection.acknowledged or lasted_s > LASTING_S:
            self._back_off.reset()
        return self._back_off.next_s()

    def _closed_soon(self, connection: MqttConnection, failure: Failure, lasted_s: float) -> bool:
        # What a take-over looks like in MQTT 3.1.1, which has no word for it.
        return connection.accepted_s is not None and failure == link_failure.CLOSED and lasted_s < LASTING_S

    def _tell(self, failure: Failure, pause_s: float) -> float:
        if self._short >= _SHORT_MAX:
            failure = link_failure.SHARED
        reason = f"{self._broker.host}:{self._broker.port}: {failure.cause}"
        if failure.refused:
            reason = f"refused: {reason}"
        self._events.put(Disconnected(reason, failure.next_step, failure.refused))
        log.warning(
            "link.down", device=self._device, reason=reason, next_step=failure.next_step, retry_s=round(pause_s, 1)
        )
        return pause_s
