"""The MQTT link on Linux, over paho: connects, reconnects, hands events over; knows nothing of records.

paho's callbacks run in its network thread, where an exception would end that thread while the client still says it is
connected. So callbacks only put events into a queue, and the thread is ours: it builds a new client for each connection
(a client's own memory of unsent messages is not wanted, the outbox is the queue) and outlives whatever happens in it.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from headway_protocol import state, topics

log = structlog.get_logger("headway.link")

BACK_OFF_FIRST_S = 1.0
BACK_OFF_MAX_S = 300.0
_EVENTS_MAX = 1000


@dataclass(frozen=True)
class Connected:
    """The broker accepted the connection and the subscriptions were asked for."""


@dataclass(frozen=True)
class Disconnected:
    """The connection ended, or could not be made; `reason` for people."""

    reason: str


@dataclass(frozen=True)
class Message:
    """A message on one of the device's channels (`headway_protocol.topics.ACK`, `BENCH`...)."""

    channel: str
    payload: bytes


Event = Connected | Disconnected | Message


@dataclass(frozen=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None
    keepalive_s: int = 60
    back_off_max_s: float = BACK_OFF_MAX_S


class Link:
    """One device's connection to its broker.

    group, device: ids of the topics. boot: goes into the last will. uniform: random float between two bounds, passed in.
    `lost_events` counts events dropped because nobody polled (more than 1000 waiting).
    """

    def __init__(
        self, broker: Broker, group: str, device: str, boot: int, uniform: Callable[[float, float], float]
    ) -> None:
        self._broker = broker
        self._group, self._device, self._boot = group, device, boot
        self._uniform = uniform
        self._topics = {channel: topics.topic(group, device, channel) for channel in topics.CHANNELS}
        self._events: queue.Queue[Event] = queue.Queue(_EVENTS_MAX)
        self._stopping = threading.Event()
        self._client: mqtt.Client | None = None
        self._thread = threading.Thread(target=self._run, name=f"link {group}/{device}", daemon=True)
        self.lost_events = 0

    def start(self) -> None:
        """Begin to connect, in the background, for as long as it takes."""
        self._thread.start()

    def publish(self, payload: bytes) -> bool:
        """Hand one record to the broker at QoS 1; False when there is no connection to hand it to."""
        client = self._client
        if client is None:
            return False
        return client.publish(self._topics[topics.UP], payload, qos=1).rc == mqtt.MQTT_ERR_SUCCESS

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        """Return the next event, waiting up to `timeout_s`; None if there is none."""
        try:
            return self._events.get(block=timeout_s > 0, timeout=timeout_s or None)
        except queue.Empty:
            return None

    def stop(self, timeout_s: float = 5.0) -> None:
        """Say good-bye (presence off, so no last will) and end the thread."""
        self._stopping.set()
        client = self._client
        if client is not None:
            info = client.publish(
                self._topics[topics.STATE], state.encode(self._boot, online=False), qos=1, retain=True
            )
            try:
                info.wait_for_publish(timeout_s / 2)
            except (RuntimeError, ValueError):
                log.info("link.goodbye_unsent", device=self._device)
            client.disconnect()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        back_off_s = BACK_OFF_FIRST_S
        while not self._stopping.is_set():
            reason, was_up = self._connect_once()
            if self._stopping.is_set():
                return
            self._put(Disconnected(reason))
            back_off_s = BACK_OFF_FIRST_S if was_up else min(2 * back_off_s, self._broker.back_off_max_s)
            wait_s = self._uniform(back_off_s / 10, back_off_s)
            log.warning("link.down", device=self._device, reason=reason, retry_s=round(wait_s, 1))
            self._stopping.wait(wait_s)

    def _connect_once(self) -> tuple[str, bool]:
        # Returns why the connection ended and whether it had been accepted.
        result: dict[str, object] = {"reason": "connection closed", "up": False}

        def on_connect(
            client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
        ) -> None:
            if reason.is_failure:
                result["reason"] = f"the broker refused: {reason}"
                return
            result["up"] = True
            client.publish(self._topics[topics.STATE], state.encode(self._boot, online=True), qos=1, retain=True)
            client.subscribe([(self._topics[channel], 1) for channel in (topics.ACK, topics.BENCH, topics.PACK)])

        def on_subscribe(client: mqtt.Client, *_rest: object) -> None:
            # Only now: an acknowledgement published before the subscription would be lost.
            self._client = client
            self._put(Connected())

        def on_disconnect(
            _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
        ) -> None:
            self._client = None
            if reason.is_failure:
                result["reason"] = str(reason)

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            channel = message.topic.rpartition("/")[2]
            self._put(Message(channel, bytes(message.payload)))

        broker = self._broker
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{self._group}-{self._device}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        client.suppress_exceptions = True
        client.connect_timeout = 5.0
        client.on_connect, client.on_subscribe = on_connect, on_subscribe
        client.on_disconnect, client.on_message = on_disconnect, on_message
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        client.will_set(self._topics[topics.STATE], state.encode(self._boot, online=False), qos=1, retain=True)
        try:
            client.connect(broker.host, broker.port, broker.keepalive_s)
            client.loop_forever(retry_first_connection=False)
        except OSError as error:
            result["reason"] = f"{broker.host}:{broker.port}: {error.strerror or error}"
        except Exception as error:  # noqa: BLE001 - whatever the library raises, the link must come back
            log.error("link.failed", device=self._device, error=repr(error))
            result["reason"] = repr(error)
        finally:
            self._client = None
        return str(result["reason"]), bool(result["up"])

    def _put(self, event: Event) -> None:
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self.lost_events += 1
