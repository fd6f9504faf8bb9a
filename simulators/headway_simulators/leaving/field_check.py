"""Takes a message of a device apart, to the last item, and holds each against the registry of fields.

Decoders pass over what they do not know, so that a newer device may say more; here that is a refusal.
"""

from collections.abc import Callable, Sequence
from typing import Any

from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.process import Process
from headway_protocol import (
    cbor,
    counts,
    field_entry,
    field_registry,
    fold,
    incident,
    record,
    service,
    state,
    topics,
)
from headway_protocol.errors import ProtocolError
from headway_protocol.field_entry import Field

Item = tuple[str, str]  # message, name of the field


class UnregisteredField(Exception):  # noqa: N818 - what it is, not that it is an error
    """Something in a message has no entry, or is not what its entry says; the text says where and what."""


class FieldCheck:
    """Holds messages against the registry; `met` are the entries that were met, as (message, name).

    find: the process of a pack id, which says what a run of counts is; None for a pack that nobody knows.
    """

    def __init__(self, find: Callable[[bytes], Process | None]) -> None:
        self._find = find
        self._process: Process | None = None
        self.met: set[Item] = set()

    def message(self, channel: str, payload: bytes) -> str:
        """Check what a device published on its topic `channel`; return which message it is. Raises UnregisteredField."""
        try:
            items = cbor.decode(payload)
            name, fields = _fields_of(channel, items)
            _decode(name, payload)
        except ProtocolError as error:
            raise UnregisteredField(f"{channel}: no message of the protocol: {error}") from error
        self._process = self._find(_pack_id(name, items))
        self._walk(name, fields, "", items)
        return name

    def _walk(self, name: str, fields: list[Field], path: str, value: object) -> None:
        field = field_entry.find(fields, path)
        if field is None:
            raise UnregisteredField(f"{name}: nothing may be at {path}, and there is {value!r}")
        self.met.add((name, field.name))
        if value is None and field.null:
            return
        if not self._fits(field, value):
            raise UnregisteredField(f"{name}: {field.name} at {path} is to be {form_text(field)}, and is {value!r}")
        if isinstance(value, list):
            for i, item in enumerate(value):
                self._walk(name, fields, f"{path}.{i}" if path else str(i), item)

    def _fits(self, field: Field, value: object) -> bool:
        match field.form:
            case field_entry.INTEGER:
                return type(value) is int and field.low <= value <= field.high
            case field_entry.BOOLEAN:
                return isinstance(value, bool)
            case field_entry.TEXT:
                return isinstance(value, str) and len(value) <= field.high and is_one_of(field.words, value)
            case field_entry.OCTETS:
                return isinstance(value, bytes) and len(value) == field.high and self._find(value) is not None
            case field_entry.ARRAY:
                return isinstance(value, list) and len(value) <= field.high
            case field_entry.PACKED:
                return isinstance(value, bytes) and len(value) <= field.high and self._is_counted(field, value)
            case field_entry.OF_PACK:
                return isinstance(value, str) and self._is_of_pack(field, value)
        return False

    def _is_of_pack(self, field: Field, value: str) -> bool:
        if self._process is None:
            return False
        return value == self._process.name if field.name == "pack_name" else value in self._process.pack.classes

    def _is_counted(self, field: Field, value: bytes) -> bool:
        # No number beyond those that the pack, or the registry, names.
        if self._process is None:
            return False
        pack = self._process.pack
        length = {"counts": len(pack.cells), "gates": len(GATE_NAMES), "totals": len(pack.period)}[field.name]
        try:
            return counts.pack(counts.unpack(value, length)) == value
        except ProtocolError:
            return False


def _fields_of(channel: str, items: object) -> tuple[str, list[Field]]:
    if channel == topics.STATE:
        return "state", list(field_registry.STATE)
    if channel != topics.UP:
        raise UnregisteredField(f"a device does not publish on {channel!r}")
    kind = items[1] if isinstance(items, list) and len(items) > 1 else None
    name = field_registry.of_kind(kind)
    if name is None:
        raise UnregisteredField(f"up: no device sends records of kind {kind!r}")
    fields = [*field_registry.ENVELOPE, *field_registry.RECORDS[name]]
    body = items[7] if isinstance(items, list) and len(items) > 7 else None
    if name == "incident" and isinstance(body, list) and body:
        fields += field_registry.INCIDENT_VALUES.get(body[0], ())
    return name, fields


def _decode(name: str, payload: bytes) -> None:
    # By the protocol's own readers, which know what is too short.
    if name == "state":
        state.decode(payload)
    else:
        _PARSERS[name](record.decode(payload).body)


_PARSERS: dict[str, Callable[[list[Any]], object]] = {
    "birth": record.parse_birth,
    "episode": record.parse_episode,
    "day": fold.parse_day,
    "incident": incident.parse_incident,
    "service": service.parse_service,
    "loss": record.parse_loss,
}


def _pack_id(name: str, items: Any) -> bytes:
    # Of the pack that the texts and counts of a message are of; none where it has no such.
    try:
        found = items[7][2][0][0] if name == "birth" else items[7][0] if name in {"episode", "day"} else b""
    except (IndexError, TypeError):
        found = b""
    return found if isinstance(found, bytes) else b""


def is_one_of(words: Sequence[str], value: str) -> bool:
    """Whether a text is one of an entry's words, of which one that ends in * stands for all that begin so."""
    return any(value.startswith(word[:-1]) if word.endswith("*") else value == word for word in words)


def form_text(field: Field) -> str:
    """Say what an entry lets its field be."""
    match field.form:
        case field_entry.INTEGER:
            found = f"a whole number, {field.low} to {field.high}"
        case field_entry.TEXT:
            found = "one of: " + "; ".join(field.words)
        case field_entry.OCTETS:
            found = f"{field.high} bytes"
        case field_entry.ARRAY:
            found = f"an array of at most {field.high}"
        case field_entry.PACKED:
            found = f"counts, {field.high} bytes at most"
        case _:
            found = field.form
    return found + (", or null" if field.null else "")
