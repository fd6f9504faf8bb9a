"""Asks the device's own reader whether it would take a pack, and finds out which entry it stumbles over.

The limits of a device (ranges by interval arithmetic, depth, counts) are checked in one place, `headway_edge.core.pack`,
which on a microcontroller has no room for names. An author needs the line: so after a refusal the pack is offered again
piece by piece, until the first piece that is refused is the culprit.
"""

from typing import Any

from headway_edge.core.pack import Pack
from headway_edge.core.pack_limits import PACK_DEPTH_MAX
from headway_protocol import cbor
from headway_protocol.errors import ProtocolError

VALUES, ACCUMULATORS, EVENTS, PERIOD = range(8, 12)  # places in the compiled array; what reads them follows
_GROWING = ((VALUES, "values"), (ACCUMULATORS, "accumulators"), (EVENTS, "events"), (PERIOD, "totals"))


def refusal(parts: list[Any]) -> str | None:
    """Return why no device would take the pack, or None if they would."""
    try:
        Pack(cbor.encode(parts, PACK_DEPTH_MAX))
    except (ProtocolError, ValueError) as error:
        return str(error).removeprefix("pack: ")
    return None


def first_refused(parts: list[Any]) -> tuple[str, int] | None:
    """Return (table, index) of the entry that makes a refused pack one; None if it is none of those by itself."""
    events = [[*event[:3], [], event[4]] for event in parts[EVENTS]]  # suppressors are names in the source: never wrong
    for place, table in _GROWING:
        trial = list(parts)
        trial[EVENTS] = events
        for later in range(place, len(parts)):
            trial[later] = []
        whole = events if place == EVENTS else parts[place]
        for count in range(1, len(whole) + 1):
            trial[place] = whole[:count]
            if refusal(trial) is not None:
                return table, count - 1
    return None
