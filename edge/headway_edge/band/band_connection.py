"""One connection of a microcontroller to its broker, from its CONNECT to its end; MQTT 3.1.1 with a clean session.

It never waits. It ends with an exception whose text is a cause for people: PacketError, or RefusedError where asking again
soon is of no use. That is when it is not up within OPEN_MAX_MS; when the broker does not answer a PINGREQ within half a
keep-alive time; when it does not take over a record within a whole one; and at every packet that a broker must not send.
"""

from headway_edge.band import packets
from headway_edge.band.packets import PacketError, RefusedError
from headway_protocol import const, topics

CONNECTED = 1
DISCONNECTED = 2
MESSAGE = 3

IN_FLIGHT_MAX = 20
OPEN_MAX_MS = 30000

CHANNELS = (topics.ACK, topics.BENCH, topics.CMD)
_PIECE_BYTES = const(256)
_PIECES_MAX = const(16)  # read in one `go_on`
_WAITING_MAX = const(4)  # packets waiting to be sent, above which nothing more is read

_OPENING = const(0)
_SUBSCRIBING = const(1)
_UP = const(2)

_UNAVAILABLE = const(3)
_REFUSALS = (
    "",
    "the broker does not speak MQTT 3.1.1",
    "client identifier not valid",
    "the broker is unavailable",
    "bad user name or password",
    "not authorized",
)


class BandConnection:
    """A connection that is being made over `stream` (`tcp_stream.TcpStream` or alike).

    reader: of packets, new or used. connect: the CONNECT. own_topics: those of CHANNELS, bytes. presence: a function that
    returns (topic, payload) of the presence to leave once the connection is up. keepalive_s: as in the CONNECT.

    `up`: whether records can be sent, and what the server says is heard. `worked`: whether an acknowledgement came.
    """

    def __init__(
        self,
        stream: object,
        reader: packets.PacketReader,
        connect: bytes,
        own_topics: list,
        presence: object,
        keepalive_s: int,
        now_ms: int,
    ) -> None:
        reader.begin()
        self._stream, self._reader = stream, reader
        self._topics, self._presence = own_topics, presence
        self._keepalive_ms = keepalive_s * 1000
        self._state = _OPENING
        self._waiting = [connect]
        self._sent = 0  # bytes of the first of them
        self._piece, self._at = b"", 0
        self._unanswered = []  # type: list
        self._last_id = 0
        self._pinged = False
        self._moved_ms = self._ping_ms = 0
        self._now_ms = self.opened_ms = now_ms
        self.worked = False

    @property
    def up(self) -> bool:
        """Whether the subscriptions stand."""
        return self._state == _UP

    @property
    def in_flight(self) -> int:
        """Records and presence that the broker has not taken over."""
        return len(self._unanswered)

    def publish(self, topic: bytes, payload: bytes) -> bool:
        """Send one record; False while enough is under way. Raises OSError."""
        if self._state != _UP or len(self._unanswered) >= IN_FLIGHT_MAX:
            return False
        self._flush()
        if self._waiting:
            return False
        self._publish(topic, payload)
        self._flush()
        return True

    def go_on(self, now_ms: int) -> "tuple | None":
        """Do what is due; return (CONNECTED,), (MESSAGE, channel, payload) or None. Raises PacketError, RefusedError, OSError."""
        self._now_ms = now_ms
        self._flush()
        event = self._read()
        if event is None:
            self._watch()
        if self._state == _UP and not self._pinged and now_ms - self._ping_ms >= self._keepalive_ms // 2:
            self._pinged = True
            self._ping_ms = now_ms
            self._waiting.append(packets.PINGREQ)
        self._flush()
        return event

    def say_goodbye(self, topic: bytes, presence: bytes) -> None:
        """Leave a last presence and a DISCONNECT, as far as that goes without waiting. Raises OSError."""
        if self._state == _UP:
            self._publish(topic, presence, True)
            self._waiting.append(packets.DISCONNECT)
            self._flush()

    def close(self) -> None:
        """End it at once."""
        try:
            self._stream.close()  # type: ignore[attr-defined]
        except OSError:
            pass  # it is closed already

    def _watch(self) -> None:
        if self._state != _UP:
            if self._now_ms - self.opened_ms > OPEN_MAX_MS:
                raise PacketError("no connection within %d s" % (OPEN_MAX_MS // 1000))
        elif self._unanswered and self._now_ms - self._moved_ms > self._keepalive_ms:
            raise PacketError("the broker does not take over what it was sent")
        elif self._pinged and self._now_ms - self._ping_ms >= self._keepalive_ms // 2:
            raise PacketError("no answer to PINGREQ: the connection was half open, or the broker hangs")

    # Writing.

    def _flush(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            self._sent += self._stream.send(memoryview(first)[self._sent :])  # type: ignore[attr-defined]
            if self._sent < len(first):
                return
            self._waiting.pop(0)
            self._sent = 0

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self._last_id not in self._unanswered:
                return self._last_id

    def _publish(self, topic: bytes, payload: bytes, retain: bool = False) -> None:
        packet_id = self._next_id()
        self._waiting.append(packets.publish(topic, packet_id, payload, retain))
        if not self._unanswered:
            self._moved_ms = self._now_ms
        self._unanswered.append(packet_id)

    # Reading.

    def _read(self) -> "tuple | None":
        for _ in range(_PIECES_MAX):
            while self._at < len(self._piece):
                self._at = self._reader.take(self._piece, self._at)
                if self._reader.complete:
                    event = self._handle(self._reader.head, self._reader.body)
                    if event is not None:
                        return event
            self._piece, self._at = b"", 0
            if len(self._waiting) > _WAITING_MAX:
                return None  # a broker that sends and does not read; the PINGREQ that it does not read ends this
            piece = self._stream.receive(_PIECE_BYTES)  # type: ignore[attr-defined]
            if piece is None:
                return None
            if not piece:
                early = self._state == _OPENING
                raise PacketError("closed before it answered" if early else "the broker closed the connection")
            self._piece = piece
        return None

    def _handle(self, head: int, body: memoryview) -> "tuple | None":
        if (head == packets.CONNACK) != (self._state == _OPENING):
            raise PacketError("the broker sent a packet %d out of turn" % head)
        if head & 0xF0 == packets.PUBLISH:
            return self._on_publish(head, body)
        if head == packets.CONNACK:
            self._on_connack(body[0], body[1])
        elif head == packets.PUBACK:
            self._on_puback(body[0] << 8 | body[1])
        elif head == packets.SUBACK:
            return self._on_suback(bytes(body))
        elif not self._pinged:
            raise PacketError("the broker sent PINGRESP without being asked")
        else:
            self._pinged = False
        return None

    def _on_connack(self, flags: int, code: int) -> None:
        if code >= len(_REFUSALS):
            raise PacketError("refused: the broker sent a CONNACK with code %d" % code)
        if code:
            raise (PacketError if code == _UNAVAILABLE else RefusedError)("refused: " + _REFUSALS[code])
        if flags:
            raise PacketError("the broker resumed a session that this device did not ask for")
        self._state = _SUBSCRIBING
        self._waiting.append(packets.subscribe(self._topics, self._next_id()))

    def _on_suback(self, body: bytes) -> tuple:
        codes = body[2:]
        # The subscription is the first that has a number.
        if self._state != _SUBSCRIBING or len(codes) != len(CHANNELS) or body[:2] != b"\x00\x01":
            raise PacketError("the broker sent a SUBACK that answers nothing")
        for code in codes:
            if code not in b"\x00\x01\x80":
                raise PacketError("the broker sent a SUBACK with code %d" % code)
        if codes[0] == 0x80:
            raise RefusedError("refused: the broker does not let this device read its ack topic")
        self._state = _UP
        self._ping_ms = self._now_ms
        topic, presence = self._presence()  # type: ignore[operator]
        self._publish(topic, presence, True)
        return (CONNECTED,)

    def _on_puback(self, packet_id: int) -> None:
        if packet_id not in self._unanswered:
            raise PacketError("the broker sent a PUBACK for what it was not sent")
        self._unanswered.remove(packet_id)
        self._moved_ms = self._now_ms

    def _on_publish(self, head: int, body: memoryview) -> "tuple | None":
        at = 2 + (body[0] << 8 | body[1]) if len(body) >= 2 else 0
        topic = bytes(body[2:at])
        if topic not in self._topics:
            raise PacketError("the broker sent a message that was not asked for")
        if head & packets.QOS_1:
            if len(body) < at + 2:
                raise PacketError("the broker sent a message without its number")
            packet_id = body[at] << 8 | body[at + 1]
            at += 2
            if not packet_id:
                raise PacketError("the broker sent a message with the number 0")
            self._waiting.append(packets.puback(packet_id))
        channel = CHANNELS[self._topics.index(topic)]
        if self._reader.length > len(body):
            self._reader.skipped += 1
            return None
        if head & packets.RETAIN and channel != topics.BENCH:
            return None  # nobody keeps these: it may be of any age and from anybody
        if channel == topics.ACK:
            self.worked = True
        return MESSAGE, channel, bytes(body[at:])
