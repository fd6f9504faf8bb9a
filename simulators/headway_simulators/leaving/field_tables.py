"""The registry of fields as tables for people: of the messages, of MQTT, and of a pack."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headway_edge.core import gate_names
from headway_protocol import field_entry, field_registry, mqtt_fields
from headway_protocol.field_entry import Field
from headway_protocol.incident import CODE_NAMES
from headway_simulators.leaving.field_check import form_text
from headway_simulators.leaving.pack_fields import PackField, PackFields

_SERVES_MAX = 3
_GATES = {
    "gaps": "how often samples were missing",
    "gap_s": "for how long, in 0.1 s",
    "bridged_m": "m of the distance across such gaps",
    "duplicate": "samples that came twice",
    "backwards": "samples whose time went back",
    "out_of_range": "samples with an impossible value",
    "missing": "samples without the value",
    "too_short": "drives before this one that were too short to be a trip",
}


@dataclass(frozen=True)
class Table:
    """One table. key: stable, for scripts."""

    key: str
    title: str
    about: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def message_tables() -> Iterator[Table]:
    """Yield what the messages of every device are made of, whatever pack it runs."""
    yield _of_fields("record", "Every record", "Begins each of those below.", field_registry.ENVELOPE)
    titles = {
        "birth": "Birth: the device has started, or its clock was set",
        "episode": "Trip, or day of a person",
        "day": "Totals of a day or month, where the store was full",
        "incident": "Incident: something to look at",
        "service": "Service: what the person contributes",
        "loss": "Loss: records that will never come",
    }
    for key, title in titles.items():
        yield _of_fields(key, title, "", field_registry.RECORDS[key])
    for code, fields in field_registry.INCIDENT_VALUES.items():
        yield _of_fields(f"incident-{code}", f"Values of an incident, code {code}: {CODE_NAMES[code]}", "", fields)
    rows = tuple((str(place), name, _GATES[name]) for place, name in enumerate(gate_names.GATE_NAMES))
    yield Table("gates", "Gates of a trip", "Whole numbers.", ("place", "field", "what"), rows)
    yield _of_fields("state", "State: presence", "", field_registry.STATE)


def mqtt_tables() -> Iterator[Table]:
    """Yield what MQTT itself tells, and what is in no message."""
    for packet, fields in mqtt_fields.MQTT.items():
        yield _of_fields(packet, packet.upper(), "", fields)
    yield _of_fields("carried", "In no message", "", mqtt_fields.CARRIED)


def _of_fields(key: str, title: str, about: str, fields: Iterable[Field]) -> Table:
    head = ("place", "field", "value", "about whom", "precision", "what it is for")
    return Table(key, title, about, head, tuple(map(_row, fields)))


def _row(field: Field) -> tuple[str, ...]:
    is_leaf = field.form != field_entry.ARRAY
    value = form_text(field) + (f", {field.unit}" if field.unit else "")
    if field.form == field_entry.OF_SETTINGS:
        value += ": " + ", ".join(field.words)
    place = "" if field.path == field.name else field.path
    about, precision = (field.about, field.precision) if is_leaf else ("", "")
    return place, field.name, value, about, precision, field.purpose


def pack_tables(fields: PackFields, name: str) -> Iterator[Table]:
    """Yield what of a pack's process leaves. name: of the pack."""
    head = ("place", "field", "unit and quantum", "aggregation", "of one", "reads", "serves", "what")
    yield Table(
        f"{name}-counts",
        f"{name}: counts of a {fields.counts[0].level}",
        "Of the samples of each, this and nothing else. " + _single(fields.counts),
        head,
        tuple(map(_pack_row, fields.counts)),
    )
    yield Table(
        f"{name}-totals",
        f"{name}: totals of a day or month",
        "Only of a device whose store was full.",
        tuple(cell for cell in head if cell != "reads"),
        tuple(row[:5] + row[6:] for row in map(_pack_row, fields.totals)),
    )


def _single(fields: Sequence[PackField]) -> str:
    single = [field.name for field in fields if field.one_value]
    if not single:
        return "All are sums, numbers and histograms."
    return f"Single values among them: {', '.join(single)}. All others are sums, numbers and histograms."


def _pack_row(field: PackField) -> tuple[str, ...]:
    last = field.place + field.count - 1
    more = len(field.serves) - _SERVES_MAX
    serves = ", ".join(field.serves[:_SERVES_MAX]) + (f" and {more} more" if more > 0 else "")
    return (
        str(field.place) if field.count == 1 else f"{field.place} to {last}",
        field.name,
        field.unit,
        field.aggregation,
        field.level,
        ", ".join(field.reads),
        serves,
        field.about,
    )


def as_objects(tables: Iterable[Table]) -> dict[str, Any]:
    """Return tables for scripts: by key, a list of objects with the heads as keys."""
    return {table.key: [dict(zip(table.head, row, strict=True)) for row in table.rows] for table in tables}
