"""A compiled pack: read, checked, and laid out for the device that is to run it.

A pack is the definition of one customer process as data (docs/packs.md). The device trusts nobody: whatever the
compiler and the server checked is checked again here, before anything is generated or allocated. What is refused is
refused with a reason, as ValueError.
"""

import hashlib

from headway_edge.core.pack_limits import FORMAT, PACK_BYTES_MAX, PACK_DEPTH_MAX
from headway_edge.core.pack_parts import read_parts
from headway_protocol import cbor

_VALUES = 8  # of the compiled array; from here on the parts are large
_PARTS = 20


class Pack:
    """A checked pack.

    data: its bytes. lean: leave the values and what comes after them in the bytes, and decode an item each time that it is
    looked at; for a device that checks a pack and writes its program in little memory, and nothing more. Either way the
    same packs are refused, with the same words: ValueError, or DecodeError for what is not the CBOR of this protocol.

    id: first 8 bytes of the SHA-256 of its bytes. cells: [(kind, width in the core), ...] in wire order, elapsed time
    and distance first, event counts last. first_event: the cell of event 0. speed, engine_speed, ignition, clock: the signal
    of that role, -1 if there is none. value_reads: of kind "day", what each value reads (`headway_edge.core.day_pack.reads`).
    Other attributes as in the compiled array.
    """

    def __init__(self, data: bytes, lean: bool = False) -> None:
        if len(data) > PACK_BYTES_MAX:
            raise ValueError("a pack of %d bytes; the limit is %d" % (len(data), PACK_BYTES_MAX))
        depth = PACK_DEPTH_MAX
        parts = read_parts(data, depth, _PARTS, _VALUES) if lean else cbor.decode(data, depth)
        if not isinstance(parts, list) or len(parts) != _PARTS or parts[0] != FORMAT:
            raise ValueError("not a compiled pack of format %d" % FORMAT)
        self.id = hashlib.sha256(data).digest()[:8]
        (
            _,
            self.name,
            self.version,
            self.kind,
            self.classes,
            self.signals,
            self.rules,
            self.parameters,
            self.values,
            self.accumulators,
            self.events,
            self.period,
            self.characteristics,
            self.contexts,
            self.axes,
            self.enough,
            self.series,
            self.consumables,
            self.factors,
            self.warnings,
        ) = parts
        self.speed = self.engine_speed = self.ignition = self.clock = -1
        self.value_ranges = []  # type: list
        self.value_reads = []  # type: list
        self.cells = []  # type: list
        self.first_event = 0
        from headway_edge.core.pack_check import check_pack  # noqa: PLC0415 - what runs a pack has no use for it

        check_pack(self)

    def class_index(self, vehicle_class: str) -> int:
        """Return the place of a vehicle class; raises ValueError naming those there are."""
        if vehicle_class not in self.classes:
            raise ValueError(
                "pack %s knows the classes %s, not %r" % (self.name, ", ".join(self.classes), vehicle_class)
            )
        return self.classes.index(vehicle_class)
