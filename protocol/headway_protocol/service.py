"""The body of a SERVICE record: what the person contributes, as an oil change or a refuel, because no sensor knows it.

    [what, ago_ms, odometer_km / null, millilitres / null]

>>> body = service_body(REFUELLED, 0, 84210, 41500)
>>> body, parse_service(body)
([2, 0, 84210, 41500], (2, 0, 84210, 41500))
"""

from headway_protocol.codes import IMPLAUSIBLE
from headway_protocol.errors import DecodeError
from headway_protocol.fields import TIME_MS_MAX, check_length, readable, uint

# What was done. What is replaced begins anew on the device; a receiver keeps what it does not know.
OIL_CHANGED = 1
REFUELLED = 2
TYRES_CHANGED = 3
BATTERY_CHANGED = 4
AIR_FILTER_CHANGED = 5
REPAIRED = 6  # a workshop has seen to what warned
SERVICE_NAMES = {
    OIL_CHANGED: "oil changed",
    REFUELLED: "refuelled",
    TYRES_CHANGED: "tyres changed",
    BATTERY_CHANGED: "battery changed",
    AIR_FILTER_CHANGED: "air filter changed",
    REPAIRED: "repaired",
}

WHAT_MAX = 255
ODOMETER_KM_MAX = 9999999
MILLILITRES_MAX = 2000000  # a tractor unit has two tanks of 750 l


def service_body(what: int, ago_ms: int, odometer_km: "int | None" = None, millilitres: "int | None" = None) -> list:
    """Return the body of a SERVICE.

    what: one of those above. ago_ms: how long before the record's mono_ms it was done, as the person says; a day is fine
    enough. odometer_km: what the odometer showed, None where it was not entered. millilitres: how much was refuelled, and None
    for anything else. Raises EncodeError for a body that `parse_service` would refuse.
    """
    return readable(parse_service, [what, ago_ms, odometer_km, millilitres])


def parse_service(body: list) -> tuple:
    """Return (what, ago_ms, odometer_km, millilitres). Raises DecodeError."""
    check_length(body, 4, "service")
    what = uint(body, 0, WHAT_MAX, "what", 1)
    millilitres = None if body[3] is None else uint(body, 3, MILLILITRES_MAX, "millilitres", 1)
    if what in SERVICE_NAMES and (what == REFUELLED) != (millilitres is not None):
        raise DecodeError(IMPLAUSIBLE, "%s with millilitres %r" % (SERVICE_NAMES[what], millilitres))
    return (
        what,
        uint(body, 1, TIME_MS_MAX, "ago_ms"),
        None if body[2] is None else uint(body, 2, ODOMETER_KM_MAX, "odometer_km"),
        millilitres,
    )
