r"""MQTT 3.1.1 packets: those that a device writes, and a reader of those that a broker may send it.

Source: OASIS Standard, 29 October 2014, chapters 2 and 3. The reader takes bytes as they come, in pieces of any length, and
keeps at most `bytes_max` of a packet: what is beyond is passed over unread, so no broker decides how much memory a device
needs. Nothing is asserted about what was received.

>>> puback(513).hex()
'40020201'
>>> reader = PacketReader(64)
>>> reader.take(b"\x40\x02\x02", 0), reader.complete
(3, False)
>>> reader.take(b"\x01\xd0\x00", 0), reader.complete, reader.head, bytes(reader.body)
(1, True, 64, b'\x02\x01')
"""

import struct

from headway_protocol import const

CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
SUBACK = 0x90
PINGRESP = 0xD0
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

QOS_1 = 0x02
RETAIN = 0x01

# First bytes of packets for a client that asks for QoS 1 and never unsubscribes; all others end the connection.
_HEADS = b"\x20\x30\x31\x32\x33\x3a\x3b\x40\x90\xd0"
_LENGTHS = {CONNACK: 2, PUBACK: 2, PINGRESP: 0}
_SUBACK_BYTES_MAX = const(16)
_LENGTH_SHIFT_MAX = const(21)  # of the last of four bytes with seven bits of the length each


class PacketError(Exception):
    """The broker sent what MQTT, or this client, does not allow; the text is for people."""


def _text(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _packet(head: int, body: bytes) -> bytes:
    length = len(body)
    if length < 128:
        return bytes((head, length)) + body
    if length < 16384:
        return bytes((head, 128 | length & 127, length >> 7)) + body
    raise ValueError("a packet of %d bytes: a device sends records only" % length)


def connect(
    client_id: bytes,
    keepalive_s: int,
    will_topic: bytes,
    will: bytes,
    username: "bytes | None" = None,
    password: "bytes | None" = None,
) -> bytes:
    """Return a CONNECT with a clean session and a retained will at QoS 1. keepalive_s: 1..65535."""
    flags = 0x2E  # clean session, will, QoS 1, retained
    body = _text(client_id) + _text(will_topic) + _text(will)
    if username is not None:
        flags |= 0x80
        body += _text(username)
        if password is not None:
            flags |= 0x40
            body += _text(password)
    return _packet(0x10, b"\x00\x04MQTT\x04" + bytes((flags,)) + struct.pack(">H", keepalive_s) + body)


def publish(topic: bytes, packet_id: int, payload: bytes, retain: bool = False) -> bytes:
    """Return a PUBLISH at QoS 1. packet_id: 1..65535. Raises ValueError above 16 KB."""
    head = PUBLISH | QOS_1 | (RETAIN if retain else 0)
    return _packet(head, _text(topic) + struct.pack(">H", packet_id) + payload)


def puback(packet_id: int) -> bytes:
    """Return the answer to a PUBLISH at QoS 1."""
    return struct.pack(">BBH", PUBACK, 2, packet_id)


def subscribe(topics: list, packet_id: int) -> bytes:
    """Return a SUBSCRIBE to `topics` (bytes) at QoS 1."""
    body = struct.pack(">H", packet_id)
    for topic in topics:
        body += _text(topic) + b"\x01"
    return _packet(0x82, body)


class RefusedError(PacketError):
    """The broker does not let this device in; asking again soon is of no use."""


class PacketReader:
    """Puts packets together. bytes_max: of a packet's body that are kept, 16 or more; allocated once.

    Once `complete`: `head`, the first byte; `length`, of the body as the broker says; `body`, a view of as much of it as was
    kept, valid until `take` is called again. `skipped` is for whoever passes over a packet that is not whole, to count it.
    """

    def __init__(self, bytes_max: int) -> None:
        self._kept = bytearray(bytes_max)
        self.head = self.length = self.skipped = 0
        self.begin()

    def begin(self) -> None:
        """Forget a packet that was begun: a new stream begins."""
        self.complete = False
        self._shift = -1  # of the length's next byte; -1: the head comes next; -2: the length is known
        self._got = 0

    @property
    def body(self) -> memoryview:
        """What was kept of the body."""
        return memoryview(self._kept)[: min(self.length, len(self._kept))]

    def take(self, data: bytes, at: int) -> int:
        """Read `data` from index `at` up to the end of a packet or of `data`; return the index of what follows.

        Raises PacketError at the first byte that no packet for this client has there.
        """
        if self.complete:
            self.begin()
        while at < len(data) and self._shift > -2:
            self._header(data[at])
            at += 1
        if self._shift > -2:
            return at
        count = min(self.length - self._got, len(data) - at)
        room = min(count, len(self._kept) - self._got)
        if room > 0:
            self._kept[self._got : self._got + room] = data[at : at + room]
        self._got += count
        self.complete = self._got == self.length
        return at + count

    def _header(self, byte: int) -> None:
        if self._shift == -1:
            if byte not in _HEADS:
                raise PacketError("the broker sent what is no packet for a client (first byte %d)" % byte)
            self.head, self.length, self._shift = byte, 0, 0
            return
        self.length |= (byte & 127) << self._shift
        if byte < 128:
            self._shift = -2
            wanted = _LENGTHS.get(self.head, self.length)
            if self.length != wanted or (self.head == SUBACK and self.length > _SUBACK_BYTES_MAX):
                raise PacketError("the broker sent a packet %d of %d bytes" % (self.head, self.length))
        elif self._shift == _LENGTH_SHIFT_MAX:
            raise PacketError("the broker sent a length of more than four bytes")
        else:
            self._shift += 7
