"""Reads what a device writes to its broker: bytes off the wire, taken apart to the last one, by the names of the registry.

MQTT 3.1.1 and 5 (OASIS Standards of 29 October 2014 and 7 March 2019, chapter 3), as far as devices use them. Anything else,
a user property for example, is no entry of the registry and refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from headway_protocol import field_entry, mqtt_fields, topics
from headway_protocol.errors import ProtocolError
from headway_simulators.leaving.field_check import FieldCheck, UnregisteredField

_NAMES = {1: "connect", 3: "publish", 4: "puback", 8: "subscribe", 12: "pingreq", 14: "disconnect"}
# Properties of MQTT 5 that a device may send: (name, bytes).
_PROPERTIES = {0x11: ("session_expiry_s", 4), 0x21: ("receive_maximum", 2), 0x27: ("maximum_packet_size", 4)}


@dataclass
class Packet:
    """One packet; `fields` by the names of the registry. Of a subscription `topics` and `qos` are lists."""

    name: str
    fields: dict[str, object] = field(default_factory=dict)


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    @property
    def left(self) -> int:
        return len(self._data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise UnregisteredField(f"a packet ends {count - self.left} bytes too early")
        self.at += count
        return self._data[self.at - count : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def blob(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        return self.blob().decode()

    def varint(self) -> int:
        found = shift = 0
        while True:
            byte = self.number(1)
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 21:
                return found


def packets(stream: bytes) -> Iterator[Packet]:
    """Yield the packets of one connection, from its first byte; a last one that was cut off is left out.

    Raises UnregisteredField for what devices do not send.
    """
    data, version = _Bytes(stream), 4
    while data.left >= 2:
        begin = data.at
        head = data.number(1)
        try:
            size = data.varint()
        except UnregisteredField:
            return
        if data.left < size:
            return
        name = _NAMES.get(head >> 4)
        if name is None:
            raise UnregisteredField(f"byte {begin}: a packet of type {head >> 4}, which no device sends")
        body = _Bytes(data.take(size))
        packet = _READERS[name](head & 0x0F, body, version)
        if name == "connect":
            version = int(str(packet.fields["version"]))
        if body.left:
            raise UnregisteredField(f"{name}: {body.left} bytes more than it is made of")
        yield packet


def _properties(body: _Bytes, version: int) -> dict[str, object]:
    if version < 5:
        return {}
    found: dict[str, object] = {}
    end = body.varint() + body.at
    while body.at < end:
        number = body.number(1)
        if number not in _PROPERTIES:
            raise UnregisteredField(f"property {number:#x} of MQTT 5")
        name, size = _PROPERTIES[number]
        found[name] = body.number(size)
    return found


def _connect(_flags: int, body: _Bytes, _version: int) -> Packet:
    found: dict[str, object] = {"protocol": body.text(), "version": body.number(1)}
    flags, found["keepalive_s"] = body.number(1), body.number(2)
    version = int(str(found["version"]))
    found |= _properties(body, version)
    found |= {"clean": bool(flags & 2), "client_id": body.text()}
    if flags & 4:
        if _properties(body, version):
            raise UnregisteredField("connect: properties of the last will")
        found |= {"will_topic": body.text(), "will": body.blob()}
        found |= {"will_qos": flags >> 3 & 3, "will_retain": bool(flags & 0x20)}
    found["username"] = body.text() if flags & 0x80 else None
    found["password"] = body.text() if flags & 0x40 else None
    return Packet("connect", found)


def _publish(flags: int, body: _Bytes, version: int) -> Packet:
    found: dict[str, object] = {"topic": body.text(), "qos": flags >> 1 & 3}
    found |= {"packet_id": body.number(2), "duplicate": bool(flags & 8), "retain": bool(flags & 1)}
    if _properties(body, version):
        raise UnregisteredField("publish: properties")
    return Packet("publish", found | {"payload": body.take(body.left)})


def _subscribe(_flags: int, body: _Bytes, version: int) -> Packet:
    found: dict[str, object] = {"packet_id": body.number(2)}
    if _properties(body, version):
        raise UnregisteredField("subscribe: properties")
    names, levels = [], []
    while body.left:
        names.append(body.text())
        levels.append(body.number(1))
    return Packet("subscribe", found | {"topics": names, "qos": levels})


def _puback(_flags: int, body: _Bytes, _version: int) -> Packet:
    found: dict[str, object] = {"packet_id": body.number(2)}
    if body.left and body.number(1):
        raise UnregisteredField("puback: a reason")
    if body.left and body.number(1):
        raise UnregisteredField("puback: properties")
    return Packet("puback", found)


def _pingreq(_flags: int, _body: _Bytes, _version: int) -> Packet:
    return Packet("pingreq", {"ping": None})


def _disconnect(_flags: int, body: _Bytes, _version: int) -> Packet:
    reason = body.number(1) if body.left else None
    if body.left and body.number(1):
        raise UnregisteredField("disconnect: properties")
    return Packet("disconnect", {"reason": reason})


_READERS = {
    "connect": _connect,
    "publish": _publish,
    "subscribe": _subscribe,
    "puback": _puback,
    "pingreq": _pingreq,
    "disconnect": _disconnect,
}


@dataclass(frozen=True)
class Identity:
    """What the settings of a device let a broker know."""

    group: str
    device: str
    username: str | None = None
    password: str | None = None


def check_packet(packet: Packet, identity: Identity, check: FieldCheck) -> None:
    """Hold a packet against the registry, with the message that it carries. Raises UnregisteredField."""
    entries = {entry.name: entry for entry in mqtt_fields.MQTT[packet.name]}
    for name, value in packet.fields.items():
        entry = entries.get(name)
        if entry is None:
            raise UnregisteredField(f"{packet.name}: {name} has no entry: {value!r}")
        for one in value if isinstance(value, list) else [value]:
            if not _fits(entry, one, identity, check):
                raise UnregisteredField(f"{packet.name}: {name} is {one!r}")
        check.met.add((packet.name, name))


def _fits(entry: field_entry.Field, value: object, identity: Identity, check: FieldCheck) -> bool:
    if value is None:
        return entry.null or entry.form == field_entry.SEEN
    match entry.form:
        case field_entry.INTEGER:
            return type(value) is int and entry.low <= value <= entry.high
        case field_entry.BOOLEAN:
            return isinstance(value, bool)
        case field_entry.TEXT:
            return value in entry.words
        case field_entry.OF_SETTINGS:
            return isinstance(value, str) and _is_set(entry, value, identity)
    if not isinstance(value, bytes) or len(value) > entry.high:
        return False
    if entry.name == "will":
        check.message(topics.STATE, value)
    return True


def _is_set(entry: field_entry.Field, value: str, identity: Identity) -> bool:
    if entry.name == "client_id":
        return value == f"{identity.group}:{identity.device}"
    if entry.name in {"username", "password"}:
        return value == (identity.username if entry.name == "username" else identity.password)
    try:
        group, device, channel = topics.parse(value)
    except ProtocolError:
        return False
    return (group, device) == (identity.group, identity.device) and channel in entry.words


def check_stream(stream: bytes, identity: Identity, check: FieldCheck) -> list[Packet]:
    """Hold all that a device wrote on one connection against the registry; return its packets. Raises UnregisteredField."""
    found = list(packets(stream))
    for packet in found:
        check_packet(packet, identity, check)
        if packet.name == "publish":
            payload = packet.fields["payload"]
            assert isinstance(payload, bytes)  # noqa: S101 - by its reader
            check.message(str(packet.fields["topic"]).rpartition("/")[2], payload)
    return found
