"""One connection to the broker: subscribed, watched, and thrown away when it ends.

paho keeps its session in memory, its network thread dies of an exception in a callback, and `is_connected()` says yes
all the same. So callbacks only hand over, progress is measured instead of believed, and every connection is a new client:
the broker, not paho, remembers the session under our client id.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, LogLevel

from headway_protocol import topics
from headway_server.ingest.arrival import MESSAGE_BYTES_MAX, Received
from headway_server.ingest.refused import DEAD_LETTER_BYTES_MAX
from headway_server.mqtt import broker_tls
from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_protocol import UNSUPPORTED, connect_properties, told
from headway_server.settings import ServerSettings

log = structlog.get_logger(__name__)

_KEEPALIVE_S = 30
_IN_FLIGHT_MAX = 200
_OUTGOING_MAX = 20_000  # beyond it acknowledgements are not queued: devices send again and are answered then
_FLUSH_TIMEOUT_S = 10
_TOPIC_KEPT = 1000  # of topics that are none of ours; those have 80 characters at most
# A broker has to answer an UNSUBSCRIBE whether or not there was such a subscription [MQTT-3.10.4-5]: the one request
# of MQTT 3.1.1 that shows that both directions work and changes nothing.
_NOBODYS_FILTER = "headway/heartbeat"


class LinkError(Exception):
    """The broker could not be reached, or did not let us in; the text says why."""


class NoAnswer(LinkError):  # noqa: N818 - named for what happened
    """Something took the connection and did not answer as a broker that knows the version of MQTT."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, with what is needed to acknowledge it to the broker on the connection it came on."""

    link: "Link"
    message: Received
    mid: int
    qos: int


class Link:
    """A connection, from `open` to `close`; callbacks run in paho's thread and only hand over.

    inbox: where deliveries go; while it is full, the network thread waits and the socket is not read. admit: told the
    topic of each message and the loop's time in s; what it does not let pass is acknowledged to the broker and forgotten.
    version: of MQTT, as paho numbers them.
    """

    def __init__(
        self,
        settings: ServerSettings,
        inbox: Inbox[Delivery],
        admit: Callable[[str, float], bool] = lambda _topic, _now_s: True,
        version: int = mqtt.MQTTv311,
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._admit = admit
        self._version = version
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._reason = "connection lost"
        self._refused_in_tls: str | None = None
        self._wanted = True
        self._answered = False
        self._progress_s = self._loop.time()
        self._last_publish: mqtt.MQTTMessageInfo | None = None
        self._refused: set[str] = set()
        self._client = self._new_client()

    def _new_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._settings.broker_client_id,
            clean_session=False if self._version == mqtt.MQTTv311 else None,
            protocol=self._version,  # type: ignore[arg-type] # an IntEnum by the types, an int by the documentation
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.suppress_exceptions = True
        client.max_inflight_messages_set(_IN_FLIGHT_MAX)
        client.max_queued_messages_set(_OUTGOING_MAX)
        if self._settings.broker_username is not None:
            password = self._settings.broker_password
            client.username_pw_set(
                self._settings.broker_username, None if password is None else password.get_secret_value()
            )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_progress
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_log = self._on_log
        return client

    # In paho's thread.

    def _on_connect(self, client: Any, _userdata: Any, _flags: Any, reason: Any, properties: Any) -> None:
        self._on_progress()
        if reason.value == UNSUPPORTED:
            self._call(self._fail, f"the broker refused us: {told(reason)}")
            return
        self._answered = True
        if reason.is_failure:
            self._call(self._fail, f"the broker refused us: {told(reason)}")
            return
        # paho overlooks how many the broker takes at a time; sending more would end the connection.
        client._max_inflight_messages = min(_IN_FLIGHT_MAX, getattr(properties, "ReceiveMaximum", _IN_FLIGHT_MAX))
        client.subscribe([(topics.subscription(topics.UP), 1), (topics.subscription(topics.STATE), 1)])

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Sequence[Any], _properties: Any) -> None:
        self._on_progress()
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            why = f"the broker does not let us subscribe to the up and state topics: {told(refused[0])}"
            self._call(self._fail, why)
        else:
            self._call(self._succeed)

    def _on_progress(self, *_args: Any) -> None:
        self._progress_s = self._loop.time()

    def _on_publish(self, _client: Any, _userdata: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self._on_progress()
        if reason.is_failure and reason.getName() not in self._refused:
            self._refused.add(reason.getName())
            log.error("the broker refuses what the server publishes", reason=told(reason))

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._refused_in_tls is None:
            self._call(self._fail, f"connection ended: {told(reason)}")
        else:
            self._answered = True  # in another version of MQTT it would say the same
            self._call(self._fail, self._refused_in_tls)

    def _on_log(self, _client: Any, _userdata: Any, level: int, text: str) -> None:
        # paho tells errors of the socket to its log only.
        if level == LogLevel.MQTT_LOG_ERR:
            self._refused_in_tls = self._refused_in_tls or broker_tls.of_alert(text)

    def _on_message(self, client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._on_progress()
        try:
            topic = message.topic[:_TOPIC_KEPT]
        except UnicodeDecodeError:
            topic = repr(message)[:_TOPIC_KEPT]  # no topic of ours: it becomes a dead letter
        if not self._admit(topic, self._progress_s):
            client.ack(message.mid, message.qos)
            return
        size = len(message.payload)
        if size <= MESSAGE_BYTES_MAX:
            received = Received(topic, bytes(message.payload), message.retain)
        else:
            received = Received(topic, bytes(message.payload[:DEAD_LETTER_BYTES_MAX]), message.retain, size)
        self._inbox.put(Delivery(self, received, message.mid, message.qos), lambda: self._wanted)

    def _call(self, function: Any, *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the loop is closed: nobody is left to tell
            self._wanted = False

    # In the event loop.

    def _succeed(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _fail(self, reason: str) -> None:
        if not self._ended.is_set():
            self._reason = reason
        if not self._ready.done():
            self._ready.set_exception(LinkError(reason) if self._answered else NoAnswer(reason))
        self._ended.set()

    async def open(self, answer_s: float = 10.0) -> None:
        """Connect and subscribe, waiting up to answer_s for the broker. Raises LinkError; `close` is to be called either way."""
        host, port = self._settings.broker_host, self._settings.broker_port
        options: dict[str, Any] = {}
        if self._version == mqtt.MQTTv5:
            properties = connect_properties(self._settings.in_flight_max, 2 * MESSAGE_BYTES_MAX)
            options = {"clean_start": False, "properties": properties}
        try:
            if self._settings.broker_tls:
                self._client.tls_set_context(await asyncio.to_thread(broker_tls.context, self._settings))
            await asyncio.to_thread(self._client.connect, host, port, _KEEPALIVE_S, **options)
        except OSError as e:
            raise LinkError(f"{host}:{port}: {broker_tls.told(e)}") from e
        except ValueError as e:
            raise LinkError(f"{host}:{port}: {e}") from e
        self._client.loop_start()
        try:
            async with asyncio.timeout(answer_s):
                await self._ready
        except TimeoutError:
            kind = LinkError if self._answered else NoAnswer
            raise kind(f"{host}:{port} does not answer as an MQTT broker") from None

    async def lasts(self, heartbeat_s: float, patience_s: float) -> str:
        """Return, with the reason, when the connection has ended or made no progress for patience_s.

        A request is sent each heartbeat_s; a network thread that waits for room in the inbox is not stalled.
        """
        while True:
            try:
                async with asyncio.timeout(heartbeat_s):
                    await self._ended.wait()
            except TimeoutError:
                if self._inbox.blocked:
                    self._progress_s = self._loop.time()
                elif self._loop.time() - self._progress_s > patience_s:
                    return f"no progress for {patience_s:g} s"
                self._client.unsubscribe(_NOBODYS_FILTER)
            else:
                return self._reason

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the client, QoS 1; return False if it did not take it."""
        if self._ended.is_set():
            return False
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            return False
        self._last_publish = info
        return True

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker to forget a message; to be called after the commit."""
        if delivery.qos and not self._ended.is_set():
            self._client.ack(delivery.mid, delivery.qos)

    async def flush(self) -> bool:
        """Wait, not for ever, until the broker has what was published; return whether it has the last of it."""
        if self._last_publish is not None and not self._ended.is_set():
            await asyncio.to_thread(self._wait_for_last)
        return self._last_publish is None or self._last_publish.is_published()

    def _wait_for_last(self) -> None:
        assert self._last_publish is not None  # noqa: S101 - `flush` looked
        try:
            self._last_publish.wait_for_publish(_FLUSH_TIMEOUT_S)
        except (RuntimeError, ValueError) as e:
            log.warning("could not flush what was published", reason=str(e))

    async def close(self) -> None:
        """Disconnect and end the network thread. The broker keeps the session."""
        self._wanted = False
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho leaves its socket pair to the garbage collector, which may not come by for hundreds of connections.
        self._client._reset_sockets(sockpair_only=True)
