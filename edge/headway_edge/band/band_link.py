"""The MQTT link on a microcontroller: makes one connection to the broker after the other; knows nothing of records.

    link = BandLink(lambda: TcpStream("192.0.2.7", 1883), "depot-7", "band-3", log.boot, uniform, lambda: log.ends(8))
    while True:
        event = link.poll(clock.mono_ms())     # many times a second
        link.publish(payload)

Nothing here waits: every call does what can be done now, so there is no thread and no event loop, and an update of the samples
is never late for the network's sake. The log is the queue: the broker remembers nothing. Bounded: at most IN_FLIGHT_MAX
records in the broker's hands, one of them waiting to be sent, and `received_bytes_max` of one packet received.

After a connection (`band_connection` tells what ends it) the next attempt comes after a random time up to a limit that doubles,
from 1 s to 300 s (full jitter; see `headway_edge.mqtt.back_off`).
"""

from headway_edge.band import packets
from headway_edge.band.band_connection import CHANNELS, CONNECTED, DISCONNECTED, IN_FLIGHT_MAX, MESSAGE, BandConnection
from headway_edge.band.packets import PacketError, PacketReader, RefusedError
from headway_protocol import state, topics

__all__ = ["CONNECTED", "DISCONNECTED", "IN_FLIGHT_MAX", "MESSAGE", "BandLink"]

PAUSE_LEAST_MS = 1000
PAUSE_MOST_MS = 300000
REFUSED_PAUSE_MS = (720000, 1080000)  # a quarter of an hour, with jitter
LASTING_MS = 60000  # a connection of this length was a good one
RECEIVED_BYTES_MAX = 640  # the largest command with its topic; the answer to a window of 20 takes less

_NETWORK = {  # errno of Linux and lwIP; where newlib's (ESP32) differs, that too
    12: "no memory",
    32: "the connection was reset",
    101: "no network",
    104: "the connection was reset",
    105: "no memory",
    110: "no answer",
    111: "nothing listens there",
    113: "no route to it",
    116: "no answer",
    118: "no route to it",
}


class BandLink:
    """One device's connection to its broker.

    open_stream: makes a stream as `tcp_stream.TcpStream` is one, raises OSError. group, device: ids of the topics. boot: goes
    into the last will. uniform: random integer between two bounds, passed in. ends: gives the ends of this device's boots for
    its presence (`headway_protocol.state`). keepalive_s: 2..65535.

    `cause`: why the last connection ended, "" after one was made. `attempts`: connections tried. RAM: `received_bytes_max` and,
    while a record is being sent, its packet.
    """

    def __init__(
        self,
        open_stream: object,
        group: str,
        device: str,
        boot: int,
        uniform: object,
        ends: object,
        keepalive_s: int = 60,
        username: "str | None" = None,
        password: "str | None" = None,
        received_bytes_max: int = RECEIVED_BYTES_MAX,
    ) -> None:
        self._open_stream, self._uniform, self._ends = open_stream, uniform, ends
        self._topics = [topics.topic(group, device, channel).encode() for channel in CHANNELS]
        self._up_topic = topics.topic(group, device, topics.UP).encode()
        self._state_topic = topics.topic(group, device, topics.STATE).encode()
        self._client_id = ("%s:%s" % (group, device)).encode()  # no id has a colon
        self._boot = boot
        self._keepalive_s = keepalive_s
        self._username = None if username is None else username.encode()
        self._password = None if password is None else password.encode()
        self._reader = PacketReader(received_bytes_max)
        self._connection = None  # type: BandConnection | None
        self._stopped = False
        self._due_ms = None  # type: int | None
        self._limit_ms = PAUSE_LEAST_MS
        self.cause = ""
        self.attempts = 0

    @property
    def up(self) -> bool:
        """Whether records can be sent, and what the server says is heard."""
        return self._connection is not None and self._connection.up

    @property
    def in_flight(self) -> int:
        """Records and presence in the broker's hands that it has not taken over."""
        return 0 if self._connection is None else self._connection.in_flight

    @property
    def skipped(self) -> int:
        """Messages passed over because they are larger than `received_bytes_max`."""
        return self._reader.skipped

    def publish(self, payload: bytes) -> bool:
        """Hand one record to the broker at QoS 1; False while it cannot be taken: no connection, or enough is under way."""
        if self._connection is None:
            return False
        try:
            return self._connection.publish(self._up_topic, payload)
        except OSError:
            return True  # the stream is broken: `poll` says so, and with the connection all that was sent begins anew
        except MemoryError:
            return False

    def poll(self, now_ms: int) -> "tuple | None":
        """Do what is due; return what happened, None if nothing did.

        (CONNECTED,); (DISCONNECTED, cause, refused), refused: the broker does not let this device in; (MESSAGE, channel,
        payload). now_ms: monotonic. To be called again soon after an event, for there may be more.
        """
        try:
            return self._go_on(now_ms)
        except RefusedError as error:
            return self._end(now_ms, str(error), True)
        except PacketError as error:
            return self._end(now_ms, str(error))
        except OSError as error:
            return self._end(now_ms, _of_error(error))
        except MemoryError:
            return self._end(now_ms, "no memory")

    def stop(self) -> None:
        """Say good-bye (presence off, so no last will) as far as that goes without waiting, and connect no more."""
        self._stopped = True
        if self._connection is not None:
            try:
                self._connection.say_goodbye(self._state_topic, state.encode(self._boot, False))
            except OSError:
                pass  # the last will says it
            self._drop()

    def _go_on(self, now_ms: int) -> "tuple | None":
        if self._connection is None:
            if not self._stopped and (self._due_ms is None or now_ms >= self._due_ms):
                self._begin(now_ms)
            return None
        event = self._connection.go_on(now_ms)
        if event is not None and event[0] == CONNECTED:
            self.cause = ""
        return event

    def _begin(self, now_ms: int) -> None:
        self.attempts += 1
        will = state.encode(self._boot, False)
        connect = packets.connect(
            self._client_id, self._keepalive_s, self._state_topic, will, self._username, self._password
        )
        stream = self._open_stream()  # type: ignore[operator]
        try:
            self._connection = BandConnection(
                stream, self._reader, connect, self._topics, self._presence, self._keepalive_s, now_ms
            )
        except MemoryError:
            stream.close()
            raise

    def _presence(self) -> tuple:
        try:
            ends = self._ends()  # type: ignore[operator]
        except OSError:
            ends = []  # presence matters more
        return self._state_topic, state.encode(self._boot, True, ends)

    def _end(self, now_ms: int, cause: str, refused: bool = False) -> tuple:
        connection = self._connection
        if connection is not None:
            if connection.worked or (connection.up and now_ms - connection.opened_ms >= LASTING_MS):
                self._limit_ms = PAUSE_LEAST_MS
            self._drop()
        self.cause = cause
        low, high = REFUSED_PAUSE_MS
        if not refused:
            self._limit_ms = min(2 * self._limit_ms, PAUSE_MOST_MS)
            low, high = PAUSE_LEAST_MS, self._limit_ms
        self._due_ms = now_ms + self._uniform(low, high)  # type: ignore[operator]
        return DISCONNECTED, cause, refused

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _of_error(error: OSError) -> str:
    number = error.args[0] if error.args else 0
    if not isinstance(number, int) or number < 0:  # what looking up a name raises, on the ports that there are
        return "its name cannot be resolved"
    return _NETWORK.get(number) or "network error %d" % number
