"""One connection to the broker, over paho, in a thread of its own: made, used, and thrown away when it ends.

paho keeps its session in memory and its own network thread dies of an exception while the client still says that it is
connected. So every connection is a new client (the outbox is the queue, the broker remembers nothing for us), the loop that
reads and writes is ours, callbacks only hand over, and when the broker was last heard is measured, not believed.
"""

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from headway_edge.mqtt import link_failure
from headway_edge.mqtt.broker import Broker
from headway_edge.mqtt.link_events import Connected, Event, Message, Trouble
from headway_edge.mqtt.link_failure import Failure
from headway_protocol import state, topics
from headway_protocol.pack_offer import OFFER_BYTES_MAX

IN_FLIGHT_MAX = 20  # records in paho's hands; the rest waits in the outbox
HEARD = (topics.ACK, topics.BENCH, topics.PACK, topics.CMD)
_NEVER_RETAINED = (topics.ACK, topics.CMD)
_OPEN_TIMEOUT_S = 10.0  # of each address of the host, and again of the TLS handshake
_TICK_MS = 500
_OURS = {130: link_failure.NOT_MQTT, 141: link_failure.STALLED}  # paho's reasons for an end of its own making
_HEADERS_BYTES = 32  # of a PUBLISH besides topic and payload, generously


class MqttConnection:
    """A connection of one device, from `start` until `ended` is set; `failure` says why then.

    put: takes events; called from the connection's thread. clock: monotonic seconds.

    `opened_s` is when the CONNECT was on its way, `accepted_s` when the broker let us in, None before; `subscribed` whether the
    channels are heard; `acknowledged` whether the server's acknowledgement came; `heard_s` when the broker was last heard;
    `keepalive_s` as the broker wants it; `ignored` counts messages that nobody sends.
    """

    def __init__(
        self,
        broker: Broker,
        version: MQTTProtocolVersion,
        group: str,
        device: str,
        boot: int,
        put: Callable[[Event], None],
        clock: Callable[[], float],
    ) -> None:
        self._broker, self.version = broker, version
        self._topics = {channel: topics.topic(group, device, channel) for channel in topics.CHANNELS}
        self._channels = {self._topics[channel]: channel for channel in HEARD}
        self._put, self._clock = put, clock
        self.ended = threading.Event()
        self.failure = link_failure.CLOSED_EARLY
        self.opened_s: float | None = None
        self.accepted_s: float | None = None
        self.subscribed = self.acknowledged = False
        self.heard_s = self.started_s = clock()
        self.keepalive_s = broker.keepalive_s
        self.ignored = 0
        self._abandoned = False
        self._error = ""  # paho tells errors of the socket to its log only
        self._published = self._taken = 0  # counted in the agent's thread, and in the connection's
        self._in_flight_max = IN_FLIGHT_MAX
        self._bytes_max: int | None = None
        self._told: set[str] = set()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._client = self._new_client(f"{group}:{device}", boot)
        self._thread = threading.Thread(target=self._run, name=f"mqtt {group}/{device}", daemon=True)

    def _new_client(self, client_id: str, boot: int) -> mqtt.Client:
        # With a colon, which no id has: "a-b" of "c" and "b-c" of "a" are two.
        clean = None if self.version == MQTTProtocolVersion.MQTTv5 else True
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id, clean, protocol=self.version, reconnect_on_failure=False
        )
        client.suppress_exceptions = True
        client.connect_timeout = _OPEN_TIMEOUT_S
        client.max_inflight_messages_set(IN_FLIGHT_MAX)
        client.max_queued_messages_set(2 * IN_FLIGHT_MAX)
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_publish, client.on_message = self._on_publish, self._on_message
        client.on_disconnect, client.on_log = self._on_disconnect, self._on_log
        client.on_socket_register_write = lambda *_: self._wake()  # or paho would write in the agent's thread
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        client.will_set(self._topics[topics.STATE], state.encode(boot, online=False), qos=1, retain=True)
        return client

    # In the supervisor's or the agent's thread.

    def start(self) -> None:
        """Begin. Raises RuntimeError when no thread can be had."""
        try:
            self._thread.start()
        except RuntimeError:
            self._close_sockets()
            raise

    @property
    def answer_s(self) -> float | None:
        """How long the broker took to let us in, from when the CONNECT was on its way; None where it did not."""
        if self.accepted_s is None:
            return None
        return self.accepted_s - (self.started_s if self.opened_s is None else self.opened_s)

    @property
    def alive(self) -> bool:
        """Whether the thread runs, or hangs."""
        return self._thread.is_alive()

    def publish(self, payload: bytes) -> bool:
        """Hand one record to the broker at QoS 1; False when as many are in its hands as it takes.

        A record that is larger than the broker said it takes is not sent, which would end the connection; that is told
        as `Trouble`, and the missing acknowledgement tells the session.
        """
        topic = self._topics[topics.UP]
        if self._bytes_max is not None and len(topic) + len(payload) + _HEADERS_BYTES > self._bytes_max:
            self._tell(f"a record of {len(payload)} bytes is too large for the broker", "raise its limit for packets")
            return True
        if not self.subscribed or self.ended.is_set() or self._published - self._taken >= self._in_flight_max:
            return False
        return self._publish(topic, payload, retain=False).rc == mqtt.MQTT_ERR_SUCCESS

    def tell_presence(self, data: bytes) -> mqtt.MQTTMessageInfo:
        """Leave the device's state with the broker, retained."""
        return self._publish(self._topics[topics.STATE], data, retain=True)

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> mqtt.MQTTMessageInfo:
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc == mqtt.MQTT_ERR_SUCCESS:
            self._published += 1
        self._wake()
        return info

    def say_goodbye(self) -> None:
        """Disconnect in an orderly way: the broker does not publish the last will."""
        self._client.disconnect()
        self._wake()

    def abandon(self) -> None:
        """Give up: close the socket, wait for nothing. A thread that hangs is left behind, and says nothing any more."""
        self._abandoned = True
        if not self.alive:
            self._close_sockets()
            return
        open_socket: Any = self._client.socket()
        if open_socket is not None:
            with contextlib.suppress(OSError):
                # Not its own: that of a TLS socket would have the thread go on with what is under it, in the clear.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # closed, or woken already
            self._wake_write.send(b"\0")

    # In the connection's own thread.

    def _run(self) -> None:
        try:
            self._open()
            self._serve()
        except Exception as error:  # noqa: BLE001 - whatever the library raises, the link must come back
            self.failure = link_failure.of_exception(error)
        finally:
            self._close_sockets()
            self.ended.set()

    def _open(self) -> None:
        broker = self._broker
        if broker.tls is not None:
            self._client.tls_set_context(broker.tls.context())
        if self.version == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
            properties.ReceiveMaximum = IN_FLIGHT_MAX
            properties.MaximumPacketSize = OFFER_BYTES_MAX + 256  # nothing that a device takes is larger
            self._client.connect(broker.host, broker.port, broker.keepalive_s, clean_start=True, properties=properties)
        else:
            self._client.connect(broker.host, broker.port, broker.keepalive_s)
        self.opened_s = self._clock()

    def _serve(self) -> None:
        client, poll = self._client, select.poll()
        poll.register(self._wake_read, select.POLLIN)
        registered, first = -1, True
        while not self._abandoned:
            open_socket: Any = client.socket()
            if open_socket is None:
                return
            registered = open_socket.fileno()
            poll.register(registered, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
            pending = isinstance(open_socket, ssl.SSLSocket) and open_socket.pending() > 0
            ready = dict(poll.poll(0 if pending else min(_TICK_MS, 100 * self.keepalive_s)))
            if self._wake_read.fileno() in ready:
                with contextlib.suppress(BlockingIOError):
                    self._wake_read.recv(4096)
            if pending or ready.get(registered, 0) & ~select.POLLOUT:
                if first and not isinstance(open_socket, ssl.SSLSocket) and not self._begins_well(open_socket):
                    return
                first = False
                self.heard_s = self._clock()
                client.loop_read()
            if client.want_write():
                client.loop_write()
            client.loop_misc()

    def _begins_well(self, open_socket: socket.socket) -> bool:
        try:
            begin = open_socket.recv(16, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        failure = link_failure.of_first_bytes(begin) if begin else None
        if failure is not None:
            self.failure = failure
        return failure is None

    def _close_sockets(self) -> None:
        open_socket: Any = self._client.socket()
        if open_socket is not None:
            open_socket.close()
        self._wake_read.close()
        self._wake_write.close()

    # Callbacks: they only hand over.

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self.failure = link_failure.of_reason(reason)
            return
        self.accepted_s = self._clock()
        self.failure = link_failure.CLOSED
        self.keepalive_s = getattr(properties, "ServerKeepAlive", self.keepalive_s)
        self._in_flight_max = min(IN_FLIGHT_MAX, getattr(properties, "ReceiveMaximum", IN_FLIGHT_MAX))
        self._bytes_max = getattr(properties, "MaximumPacketSize", None)
        client.subscribe([(self._topics[channel], 1) for channel in HEARD])

    def _on_subscribe(
        self, client: mqtt.Client, _data: Any, _mid: int, reasons: Sequence[ReasonCode], _properties: Any
    ) -> None:
        for channel, reason in zip(HEARD, reasons, strict=False):
            if not reason.is_failure:
                continue
            cause = f"the broker does not let this device read its {channel} topic ({reason})"
            next_step = f"allow it in the broker's access rules: headway/v1/<group>/<device>/{channel}"
            if channel == topics.ACK:
                # Nothing would ever be settled, and everything sent over and over.
                self.failure = Failure(cause, next_step, refused=True)
                client.disconnect()
                return
            self._tell(cause, next_step)
        # Only now: an acknowledgement published before the subscription would be lost.
        self.subscribed = True
        if not self._abandoned:
            self._put(Connected())

    def _on_publish(self, _client: Any, _data: Any, _mid: int, reason: ReasonCode, _properties: Any) -> None:
        self._taken += 1
        if reason.is_failure:
            failure = link_failure.of_reason(reason)
            self._tell(f"the broker takes no records: {failure.cause}", failure.next_step)
        elif reason.value == link_failure.NO_MATCHING_SUBSCRIBERS:
            self._tell("the broker has nobody to give records to", "start the server, and look at its broker settings")
        else:
            self._told.clear()  # it works: what fails again is worth telling again

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            channel = self._channels.get(message.topic)
        except UnicodeDecodeError:
            channel = None
        if channel is None or (message.retain and channel in _NEVER_RETAINED):
            self.ignored += 1  # nobody sends these: what a broker kept may be of any age and from anybody
            return
        if channel == topics.ACK:
            self.acknowledged = True
        if not self._abandoned:
            self._put(Message(channel, bytes(message.payload)))

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self.failure = link_failure.of_reason(reason)
        elif self.failure in {link_failure.CLOSED, link_failure.CLOSED_EARLY}:
            if reason.value in _OURS:
                self.failure = _OURS[reason.value]
            elif self._error:
                self.failure = link_failure.of_text(self._error)

    def _on_log(self, _client: Any, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._error = text

    def _tell(self, cause: str, next_step: str) -> None:
        if cause not in self._told and not self._abandoned:
            self._told.add(cause)
            self._put(Trouble(cause, next_step))
