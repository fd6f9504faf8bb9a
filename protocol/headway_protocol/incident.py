"""The body of an INCIDENT record: something on the device or in the process that somebody should look at.

    [code, severity, start_ago_ms, definition / null, values, closes / null]

An incident is opened by one record and closed by another, which names the first: how long it took is the time between. What
the values mean goes by the code; those of a characteristic are in its own quantum, and of the definition that is named.

>>> pack_id = bytes(8)
>>> body = incident_body(CHANGE, NOTICE, 86400000, pack_id, [6, 1, 7, 62, 29, -1, -1])
>>> parse_incident(body) == (CHANGE, NOTICE, 86400000, pack_id, [6, 1, 7, 62, 29, -1, -1], None)
True
>>> parse_incident(incident_body(CHANGE, NOTICE, 90000000, pack_id, [6], (3, 17)))[5]
(3, 17)
"""

from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError
from headway_protocol.fields import TIME_MS_MAX, UINT32_MAX, array, check_length, integer, octets, readable, uint

# Of the process. values: as each line says.
CHANGE = 1  # characteristic id, then `headway_edge.core.control_chart.Change.as_integers`
EVENT_CHANGE = 2  # number of the event in the pack, then the same
CONSUMABLE_DUE = 3  # id of the consumable, days left, per mille used
WARNING_CODE = 4  # the vehicle's code, times, within so many days
# Of the device.
SENSOR_STUCK = 16  # number of the signal in the pack
CLOCK_JUMP = 17  # ms the clock jumped by
STORAGE_FULL = 18  # records dropped
PACK_REFUSED = 19
LOW_COVERAGE = 20  # per mille of the odometer's distance that was observed
CODE_NAMES = {
    CHANGE: "change",
    EVENT_CHANGE: "event change",
    CONSUMABLE_DUE: "consumable due",
    WARNING_CODE: "warning code",
    SENSOR_STUCK: "sensor stuck",
    CLOCK_JUMP: "clock jump",
    STORAGE_FULL: "storage full",
    PACK_REFUSED: "pack refused",
    LOW_COVERAGE: "low coverage",
}

NOTICE, WARNING, CRITICAL = 1, 2, 3
SEVERITY_NAMES = {NOTICE: "notice", WARNING: "warning", CRITICAL: "critical"}

CODE_MAX = 65535
VALUES_MAX = 16
VALUE_MAX = (1 << 53) - 1  # either way: what JSON and a double hold exactly
_PACK_ID_BYTES = 8


def incident_body(
    code: int, severity: int, start_ago_ms: int, definition: "bytes | None", values: list, closes: "tuple | None" = None
) -> list:
    """Return the body of an INCIDENT.

    code: one of those above, or another from 1 to 65535. severity: NOTICE, WARNING or CRITICAL. start_ago_ms: how long before
    the record's mono_ms it began. definition: id of the pack that the values are of; None where they are of none. values: up
    to 16 integers. closes: (boot, seq) of the record of this device that opened it; None: this one opens it. Raises
    EncodeError for a body that `parse_incident` would refuse.
    """
    opened_by = None if closes is None else [closes[0], closes[1]]
    return readable(parse_incident, [code, severity, start_ago_ms, definition, list(values), opened_by])


def parse_incident(body: list) -> tuple:
    """Return (code, severity, start_ago_ms, definition, values, closes). Raises DecodeError."""
    check_length(body, 6, "incident")
    values = array(body, 4, VALUES_MAX, "values")
    for i in range(len(values)):
        if not -VALUE_MAX <= integer(values, i, "a value") <= VALUE_MAX:
            raise DecodeError(IMPLAUSIBLE, "a value of %d" % values[i])
    closes = None
    if body[5] is not None:
        found = array(body, 5, 2, "closes")
        if len(found) != 2:
            raise DecodeError(MALFORMED, "closes is [boot, seq]")
        closes = uint(found, 0, UINT32_MAX, "boot", 1), uint(found, 1, UINT32_MAX, "seq", 1)
    return (
        uint(body, 0, CODE_MAX, "code", 1),
        uint(body, 1, CRITICAL, "severity", NOTICE),
        uint(body, 2, TIME_MS_MAX, "start_ago_ms"),
        None if body[3] is None else octets(body, 3, _PACK_ID_BYTES, "definition", _PACK_ID_BYTES),
        values,
        closes,
    )
