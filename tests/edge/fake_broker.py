"""A small MQTT broker, 3.1.1 and 5, on a real socket, which misbehaves as a test tells it; with a server behind it.

It reads bytes with code of its own, so it judges what the link writes. One thread for each connection.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from headway_protocol import ack, record

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 10, 12, 13, 14,
)  # fmt: skip


@dataclass
class Behaviour:
    """What the broker does otherwise than a good one.

    versions: protocol levels it knows. unknown: "refuse", "close" or "wait" for others. connack: reason code. properties: of its
    CONNACK, encoded. suback, puback: reason code by channel. first_bytes: sent instead of a CONNACK. acknowledges: whether
    the server behind it answers. drops_after: ends each connection after so many PUBLISHes. retained: (topic, payload) given to
    who subscribes. deaf: answers nothing but the CONNECT. closes_at_accept: before a byte is exchanged.
    answers_after_s: how long each CONNECT waits for its answer.
    """

    versions: tuple[int, ...] = (4, 5)
    unknown: str = "refuse"
    connack: int = 0
    properties: bytes = b""
    suback: dict[str, int] = field(default_factory=dict)
    puback: int = 0
    first_bytes: bytes = b""
    acknowledges: bool = True
    drops_after: int | None = None
    retained: list[tuple[str, bytes]] = field(default_factory=list)
    deaf: bool = False
    closes_at_accept: bool = False
    answers_after_s: float = 0.0


@dataclass
class Connect:
    """A CONNECT as it was received."""

    version: int
    client_id: str
    clean: bool
    keepalive_s: int
    will: tuple[str, bytes] | None
    username: str | None
    password: str | None


class FakeBroker:
    """Use as a context manager. `connects` are the CONNECTs, `published` all (topic, payload, retain), in order."""

    def __init__(self, behaviour: Behaviour | None = None, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.behaviour = behaviour or Behaviour()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.connects: list[Connect] = []
        self.connect_times: list[float] = []
        self.published: list[tuple[str, bytes, bool]] = []
        self.subscribed: list[str] = []
        self.pings = 0
        self.accepted = 0
        self.stored: dict[tuple[int, int], bytes] = {}
        self.conflicts: list[tuple[int, int]] = []
        self._lock = threading.RLock()
        self._sessions: dict[str, _Connection] = {}
        self._connections: list[_Connection] = []
        self._closing = False
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "FakeBroker":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_all()
        self._thread.join(5)
        for connection in self._connections:
            connection.thread.join(5)

    def _accept(self) -> None:
        while not self._closing:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.behaviour.closes_at_accept:
                raw.close()
                continue
            connection = _Connection(self, raw, self._tls)
            self._connections.append(connection)
            connection.thread.start()

    def drop_all(self) -> None:
        """Close every connection, but none that comes meanwhile."""
        for connection in list(self._connections):
            connection.close()

    def send(self, channel: str, payload: bytes, retain: bool = False) -> None:
        """Publish to every device that is connected and subscribed to that channel."""
        for connection in list(self._sessions.values()):
            for topic in connection.topics:
                if topic.endswith("/" + channel):
                    connection.publish(topic, payload, retain)

    def take_over(self, connection: "_Connection", client_id: str) -> None:
        with self._lock:
            before = self._sessions.get(client_id)
            self._sessions[client_id] = connection
        if before is not None and before is not connection:
            before.end(0x8E)

    def receive(self, connection: "_Connection", topic: str, payload: bytes) -> None:
        """The server behind the broker: keep a record, and say so."""
        root, _, channel = topic.rpartition("/")
        identity = record.identity(payload) if channel == "up" else None
        if identity is None:
            return
        with self._lock:
            kept = self.stored.setdefault(identity, payload)
            if kept != payload:
                self.conflicts.append(identity)
            boot, seq = identity
            upto = 0
            while (boot, upto + 1) in self.stored:
                upto += 1
        if self.behaviour.acknowledges and f"{root}/ack" in connection.topics:
            stored = [(seq, seq)] if seq > upto else []
            connection.publish(f"{root}/ack", ack.encode(boot, upto, [], stored))


class _Connection:
    def __init__(self, broker: FakeBroker, raw: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._broker, self._socket, self._tls = broker, raw, tls
        self.topics: list[str] = []
        self.version = 4
        self._mid = 0
        self._writing = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it is closed already
            # Not its own: that of a TLS socket lets a reading thread go on with what is under it, in the clear.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def end(self, reason: int) -> None:
        if self.version == 5:
            self._write(DISCONNECT, bytes([reason, 0]))
        self.close()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._mid = self._mid % 65535 + 1
        properties = b"\0" if self.version == 5 else b""
        body = _text(topic) + struct.pack("!H", self._mid) + properties + payload
        self._write(PUBLISH, body, 0x02 | retain)

    def _write(self, kind: int, body: bytes = b"", flags: int = 0) -> None:
        with self._writing, contextlib.suppress(OSError):  # the other side is gone: its thread finds out
            self._socket.sendall(bytes([kind << 4 | flags]) + _length(len(body)) + body)

    def _run(self) -> None:
        try:
            if self._tls is not None:
                self._socket = self._tls.wrap_socket(self._socket, server_side=True)
            for kind, flags, body in self._packets():
                if not self._handle(kind, flags, body):
                    break
        except (OSError, ssl.SSLError):
            pass
        finally:
            self.close()
            self._socket.close()

    def _packets(self) -> Iterator[tuple[int, int, bytes]]:
        while True:
            head = self._exactly(1)
            if not head:
                return
            length = shift = 0
            while True:
                byte = self._exactly(1)
                if not byte:
                    return
                length |= (byte[0] & 127) << shift
                shift += 7
                if byte[0] < 128:
                    break
            body = self._exactly(length)
            if len(body) < length:
                return
            yield head[0] >> 4, head[0] & 15, body

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                return b""
            data += part
        return data

    def _handle(self, kind: int, flags: int, body: bytes) -> bool:
        does = self._broker.behaviour
        if kind == CONNECT:
            return self._connect(body)
        if does.deaf:
            return True
        if kind == PUBLISH:
            return self._publish(flags, body)
        if kind == SUBSCRIBE:
            self._subscribe(body)
        elif kind == PINGREQ:
            self._broker.pings += 1
            self._write(PINGRESP)
        return kind != DISCONNECT

    def _connect(self, body: bytes) -> bool:
        broker, does = self._broker, self._broker.behaviour
        connect = _read_connect(body)
        broker.connects.append(connect)
        broker.connect_times.append(time.monotonic())
        self.version = connect.version
        if does.first_bytes:
            self._socket.sendall(does.first_bytes)
            return False
        if connect.version not in does.versions:
            if does.unknown == "refuse":
                self._write(CONNACK, b"\0\x01")
            return does.unknown == "wait"
        if does.answers_after_s:
            time.sleep(does.answers_after_s)
        code = does.connack
        if connect.version == 5:
            self._write(CONNACK, bytes([0, code]) + _length(len(does.properties)) + does.properties)
        else:
            self._write(CONNACK, bytes([0, {0x86: 4, 0x87: 5, 0x85: 2, 0x88: 3}.get(code, code)]))
        if code:
            return False
        broker.take_over(self, connect.client_id)
        return True

    def _subscribe(self, body: bytes) -> None:
        mid, rest = body[:2], body[2:]
        if self.version == 5:
            rest = rest[1 + rest[0] :]
        codes = []
        while rest:
            topic, rest = _read_text(rest)
            rest = rest[1:]
            code = self._broker.behaviour.suback.get(topic.rpartition("/")[2], 1)
            codes.append(code if self.version == 5 or code < 128 else 128)
            if code < 128:
                self.topics.append(topic)
        self._broker.subscribed += self.topics
        self._write(SUBACK, mid + (b"\0" if self.version == 5 else b"") + bytes(codes))
        for topic, payload in self._broker.behaviour.retained:
            if topic in self.topics:
                self.publish(topic, payload, retain=True)

    def _publish(self, flags: int, body: bytes) -> bool:
        does = self._broker.behaviour
        topic, rest = _read_text(body)
        mid, rest = rest[:2], rest[2:]
        if self.version == 5:
            rest = rest[1 + rest[0] :]
        self._broker.published.append((topic, rest, bool(flags & 1)))
        ups = sum(1 for name, _, _ in self._broker.published if name.endswith("/up"))
        if does.drops_after is not None and ups and ups % does.drops_after == 0 and topic.endswith("/up"):
            return False
        self._write(PUBACK, mid + (bytes([does.puback, 0]) if self.version == 5 and does.puback else b""))
        if does.puback < 128:
            self._broker.receive(self, topic, rest)
        return True


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def _read_text(data: bytes) -> tuple[str, bytes]:
    (length,) = struct.unpack("!H", data[:2])
    return data[2 : 2 + length].decode(), data[2 + length :]


def _length(value: int) -> bytes:
    data = bytearray()
    while True:
        data.append(value % 128 | (128 if value >= 128 else 0))
        value //= 128
        if not value:
            return bytes(data)


def _read_connect(body: bytes) -> Connect:
    name, rest = _read_text(body)
    assert name == "MQTT"
    version, flags, keepalive_s = struct.unpack("!BBH", rest[:4])
    rest = rest[4:]
    if version == 5:
        rest = rest[1 + rest[0] :]
    client_id, rest = _read_text(rest)
    will = username = password = None
    if flags & 4:
        if version == 5:
            rest = rest[1 + rest[0] :]
        topic, rest = _read_text(rest)
        (length,) = struct.unpack("!H", rest[:2])
        will, rest = (topic, rest[2 : 2 + length]), rest[2 + length :]
    if flags & 0x80:
        username, rest = _read_text(rest)
    if flags & 0x40:
        password, rest = _read_text(rest)
    assert not rest, "bytes after the CONNECT's last field"
    return Connect(version, client_id, bool(flags & 2), keepalive_s, will, username, password)


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until `condition` is true; fail after a while."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
