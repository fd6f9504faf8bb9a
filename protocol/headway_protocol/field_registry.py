"""Every field of a message that may leave a device: what it is, what it is for, whether it is about a person, and how fine.

Nothing on a device reads this: it is what messages are held against (`headway fields`, docs/fields.md, and the tests that take
what devices send apart to the last item). A field that is not here does not leave; one that is here and never sent is a mistake
as well. What the numbers of a pack are (`PACKED`), the pack says; what MQTT itself tells is in `headway_protocol.mqtt_fields`.

>>> [field.name for field in RECORDS["loss"]]
['body', 'boot', 'first_seq', 'last_seq', 'reason']
>>> find(RECORDS["birth"], "7.2.5.1").name
'pack_name'
>>> find(RECORDS["birth"], "7.6") is None
True
"""

from headway_protocol import incident, record, service, state
from headway_protocol.field_entry import (
    ARRAY,
    BOOLEAN,
    DEVICE,
    NOBODY,
    OCTETS,
    OF_PACK,
    PACKED,
    PERSON,
    TEXT,
    Field,
    find,
    uint,
)
from headway_protocol.fields import TIME_MS_MAX
from headway_protocol.fold import CONTEXT_MAX, DAY_MAX, DAY_SPAN, DISTANCE_M_MAX, MONTH_SPAN, RANGES_MAX

__all__ = ["ENVELOPE", "INCIDENT_VALUES", "LOSS_REASONS", "RECORDS", "STATE", "find", "of_kind"]


def _array(path: str, name: str, purpose: str, high: int, null: bool = False) -> Field:
    return Field(path, name, ARRAY, NOBODY, purpose, high=high, null=null)


def _body(items: int) -> Field:
    return _array("7", "body", "the rest of the record", items)


def _pack_id(path: str, name: str = "definition", null: bool = False) -> Field:
    purpose = "which definition the numbers are of; other numbers are never compared with them"
    return Field(path, name, OCTETS, NOBODY, purpose, high=record.PACK_ID_BYTES, null=null)


def _ago(path: str, name: str, purpose: str, precision: str = "1 ms, as fine as the samples are apart") -> Field:
    return uint(path, name, PERSON, purpose, TIME_MS_MAX, unit="ms", precision=precision)


def _named(path: str, purpose: str) -> tuple:
    return (
        _array(path, "named", purpose, 2, null=True),
        uint(path + ".0", "named_boot", DEVICE, "its boot", low=1),
        uint(path + ".1", "named_seq", DEVICE, "its number within the boot", low=1),
    )


_KINDS = (record.BIRTH, record.EPISODE, record.DAY, record.INCIDENT, record.SERVICE, record.LOSS)
# Why records are lost: all that a device says of it (edge: pending_loss.py, exchange.py, loss_list.py).
LOSS_REASONS = (
    "the end of the store was lost",
    "damaged in the store",
    "dropped, the store was full",
    "the disk refused it for too long",
    "not kept any more",
    "storage full",
    "missing or damaged",
    "write failed",
    "write refused",
)

ENVELOPE = (
    _array("", "record", "one message on the device's topic `up`", 8),
    uint("0", "version", NOBODY, "how to read the rest", 1, 1),
    uint("1", "kind", NOBODY, "which of the records below it is", max(_KINDS), min(_KINDS)),
    uint("2", "boot", DEVICE, "with seq: which record it is; counts the device's starts", low=1),
    uint("3", "seq", DEVICE, "with boot: which record it is, and whether one is missing", low=1),
    uint(
        "4",
        "mono_ms",
        DEVICE,
        "when it was made, by the time since the start; nobody sets that",
        TIME_MS_MAX,
        unit="ms",
        precision="1 ms",
    ),
    uint(
        "5",
        "wall_ms",
        PERSON,
        "when it was made, by the clock; less start_ago_ms, when a trip began",
        TIME_MS_MAX,
        unit="Unix ms",
        precision="1 ms",
        null=True,
    ),
    uint("6", "clock", DEVICE, "how good that clock was", record.SYNCED),
)

RECORDS = {
    "birth": (
        _body(6),
        Field(
            "7.0", "firmware", TEXT, DEVICE, "which program it runs", high=record.TEXT_LENGTH_MAX, words=("headway *",)
        ),
        Field(
            "7.1",
            "vehicle_class",
            OF_PACK,
            PERSON,
            "whom to compare with: car, taxi, bus, truck",
            "a class of the pack",
            high=record.TEXT_LENGTH_MAX,
        ),
        _array("7.2", "packs", "the definitions that it holds", record.PACKS_MAX),
        _array("7.2.*", "pack", "one of them", 3),
        _pack_id("7.2.*.0", "pack_id"),
        Field("7.2.*.1", "pack_name", OF_PACK, NOBODY, "its name", high=record.TEXT_LENGTH_MAX),
        uint("7.2.*.2", "pack_version", NOBODY, "its version"),
        uint("7.3", "backlog", DEVICE, "records that wait on the device"),
        uint("7.4", "dropped", DEVICE, "records lost for good"),
        _array("7.5", "wiped", "of the last time its store was wiped at the server's order, where it ever was", 2),
        uint("7.5.0", "order", DEVICE, "which order that was", low=1),
        uint("7.5.1", "wiped_boot", DEVICE, "which boot began with it", low=1),
    ),
    "episode": (
        _body(6),
        _pack_id("7.0"),
        _ago("7.1", "start_ago_ms", "how long before the record it began: with wall_ms, when the trip began"),
        Field(
            "7.2",
            "counts",
            PACKED,
            PERSON,
            "what the pack counts over the trip or day: its table",
            "as the pack says",
            high=record.COUNTS_BYTES_MAX,
        ),
        Field(
            "7.3",
            "gates",
            PACKED,
            DEVICE,
            "how good the samples were: the gates below",
            "whole numbers",
            high=record.COUNTS_BYTES_MAX,
        ),
        uint(
            "7.4",
            "utc_offset_min",
            PERSON,
            "the person's own day; tells the time zone",
            record.UTC_OFFSET_MIN_MAX,
            -record.UTC_OFFSET_MIN_MAX,
            unit="min",
            precision="1 min",
            null=True,
        ),
    )
    + _named("7.5", "the record whose place this one takes, where the person corrected a day"),
    "day": (
        _body(8),
        _pack_id("7.0"),
        uint(
            "7.1",
            "day",
            PERSON,
            "the local day, or the first of the month, that the totals are of",
            DAY_MAX,
            unit="days since 1970",
            precision="1 day or month",
            null=True,
        ),
        uint("7.2", "span", NOBODY, "whether they are of the day or of its month", MONTH_SPAN, DAY_SPAN),
        uint(
            "7.3",
            "context",
            PERSON,
            "which contexts of the pack the trips were in, as bits: by night, at the weekend",
            CONTEXT_MAX,
        ),
        uint("7.4", "trips", PERSON, "how many trips it stands for", low=1),
        uint("7.5", "distance_m", PERSON, "how far they went", DISTANCE_M_MAX, unit="m", precision="1 m"),
        Field(
            "7.6",
            "totals",
            PACKED,
            PERSON,
            "what they add up to: the totals of the pack's table",
            "as the pack says",
            high=record.COUNTS_BYTES_MAX,
        ),
        _array("7.7", "replaces", "the records whose place it takes", RANGES_MAX),
        _array("7.7.*", "range", "of one boot", 3),
        uint("7.7.*.0", "range_boot", DEVICE, "its boot", low=1),
        uint("7.7.*.1", "range_first_seq", DEVICE, "the first of them", low=1),
        uint("7.7.*.2", "range_last_seq", DEVICE, "the last of them", low=1),
    ),
    "incident": (
        _body(6),
        uint(
            "7.0",
            "code",
            PERSON,
            "what it is: a number that changed, a warning code that came too often",
            incident.CODE_MAX,
            1,
        ),
        uint("7.1", "severity", NOBODY, "how urgent it is", incident.CRITICAL, incident.NOTICE),
        _ago("7.2", "start_ago_ms", "how long before the record it began"),
        _pack_id("7.3", null=True),
        _array("7.4", "values", "what is to be told of it: by code, below", incident.VALUES_MAX),
    )
    + _named("7.5", "the record that opened it, in the one that closes it"),
    "service": (
        _body(4),
        uint(
            "7.0",
            "what",
            PERSON,
            "what was done, as the person says: oil changed, refuelled, repaired",
            max(service.SERVICE_NAMES),
            1,
        ),
        _ago("7.1", "ago_ms", "how long before the record", "as the person says; a day is fine enough"),
        uint(
            "7.2",
            "odometer_km",
            PERSON,
            "what the odometer showed, if the person says so",
            service.ODOMETER_KM_MAX,
            unit="km",
            precision="1 km",
            null=True,
        ),
        uint(
            "7.3",
            "millilitres",
            PERSON,
            "how much was refuelled",
            service.MILLILITRES_MAX,
            1,
            unit="ml",
            precision="as the person says",
            null=True,
        ),
    ),
    "loss": (
        _body(4),
        uint("7.0", "boot", DEVICE, "of which boot records will never come", low=1),
        uint("7.1", "first_seq", DEVICE, "the first of them", low=1),
        uint("7.2", "last_seq", DEVICE, "the last of them", low=1),
        Field("7.3", "reason", TEXT, DEVICE, "why", high=record.TEXT_LENGTH_MAX, words=LOSS_REASONS),
    ),
}

_VALUE = incident.VALUE_MAX


def _value(path: str, name: str, purpose: str, low: int = -_VALUE, about: str = PERSON) -> Field:
    return uint(path, name, about, purpose, _VALUE, low, precision="the characteristic's own quantum")


# The values of an incident, by its code. The other codes have a number and no device sends them.
INCIDENT_VALUES = {
    incident.CHANGE: (
        uint("7.4.0", "characteristic", NOBODY, "which number of the pack changed", low=0),
        uint("7.4.1", "direction", PERSON, "whether it rose or fell", 1, -1),
        uint("7.4.2", "since", PERSON, "in how many of the latest trips or days it shows"),
        _value("7.4.3", "size", "by how much"),
        _value("7.4.4", "error", "how sure that is"),
        _value("7.4.5", "seen", "how many events there were, of a counted one", -1),
        _value("7.4.6", "expected_tenths", "how many were to be expected, in tenths", -1),
    ),
    incident.WARNING_CODE: (
        uint("7.4.0", "warning_code", PERSON, "the vehicle's code"),
        uint("7.4.1", "times", PERSON, "on how many trips it came"),
        uint("7.4.2", "days", NOBODY, "within how many days, as the pack's rule says"),
    ),
}

STATE = (
    _array("", "state", "the device's presence, on its topic `state`; also left as the last will", 4),
    uint("0", "version", NOBODY, "how to read the rest", 1, 1),
    uint("1", "boot", DEVICE, "of which start it speaks", low=1),
    Field("2", "online", BOOLEAN, PERSON, "whether the device is connected: often, whether the vehicle is in use"),
    _array("3", "ends", "how far the newest boots came, so that a restored server knows what it lacks", state.ENDS_MAX),
    _array("3.*", "end", "of one of them", 2),
    uint("3.*.0", "end_boot", DEVICE, "its boot", low=1),
    uint("3.*.1", "end_last_seq", DEVICE, "how many records it made", low=1),
)

_NAMES = {
    "birth": record.BIRTH,
    "episode": record.EPISODE,
    "day": record.DAY,
    "incident": record.INCIDENT,
    "service": record.SERVICE,
    "loss": record.LOSS,
}


def of_kind(kind: object) -> "str | None":
    """Return the name of the records of a kind that may leave a device; None for a kind that no device sends."""
    for name, its in _NAMES.items():
        if its == kind:
            return name
    return None
