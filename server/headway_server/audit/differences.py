"""What is different between a stored trip and what its samples give, named as people know it."""

from dataclasses import dataclass

from headway_edge.core.data_quality import BRIDGED, GAP_TIME, GATES
from headway_edge.core.day_pack import REPORTED, reads
from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.pack import Pack
from headway_edge.core.process import Process, text
from headway_protocol import counts as packed

START, COUNT, GATE, CHARACTERISTIC = "start", "count", "gate", "characteristic"
_FIRST_NAMES = [("elapsed", "0.1 s"), ("distance", "m")]
_GATE_UNITS = {GAP_TIME: "0.1 s", BRIDGED: "m"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One number that is stored otherwise than the samples give.

    kind: one of the above. place: of a count or a gate, in the order of the record; of a characteristic, its id. name: of a
    count or a gate as in the pack, of a characteristic its title. unit: "" for a mere number. stored, computed: in that unit.
    """

    kind: str
    place: int
    name: str
    unit: str
    stored: str
    computed: str


def count_differences(process: Process, stored: bytes, computed: bytes) -> list[Difference]:
    """Return the counts that differ; both packed."""
    names = _count_names(process)
    pairs = zip(names, process.numbers(stored), process.numbers(computed), strict=True)
    return [
        Difference(COUNT, place, name, unit, str(is_stored), str(is_computed))
        for place, ((name, unit), is_stored, is_computed) in enumerate(pairs)
        if is_stored != is_computed
    ]


def gate_differences(stored: bytes, computed: bytes) -> list[Difference]:
    """Return the gates that differ; both packed."""
    pairs = zip(GATE_NAMES, packed.unpack(stored, GATES), packed.unpack(computed, GATES), strict=True)
    return [
        Difference(GATE, place, name, _GATE_UNITS.get(place, ""), str(is_stored), str(is_computed))
        for place, (name, is_stored, is_computed) in enumerate(pairs)
        if is_stored != is_computed
    ]


def characteristic_differences(process: Process, stored: bytes, computed: bytes) -> list[Difference]:
    """Return the trip's characteristics that people read otherwise for it; both packed."""
    is_stored, is_computed = process.numbers(stored), process.numbers(computed)
    found = []
    for item in process.trip:
        one, other = item.value(is_stored), item.value(is_computed)
        if one != other:
            unit = "" if item.unit == "1" else item.unit
            found.append(Difference(CHARACTERISTIC, item.id, item.title, unit, text(item, one), text(item, other)))
    return found


def reported_places(pack: Pack) -> set[int]:
    """Return the places of the counts that a person's later report may change, which no sample tells."""
    found: set[int] = set()
    if pack.kind != "day":
        return found
    place = 2  # after elapsed time and distance
    for item in pack.accumulators:
        width = len(item[2]) + 1 if item[0] == "bands" else 1
        if reads(pack, item[1:]) == REPORTED:
            found |= set(range(place, place + width))
        place += width
    return found


def _count_names(process: Process) -> list[tuple[str, str]]:
    # Name and unit of each count in the order of the record.
    found = [*_FIRST_NAMES, *((f"count {place}", "") for place in range(2, len(process.pack.cells)))]
    for table in ("accumulators", "events"):
        for item in process.catalogue.get(table, []):
            places, unit = item["places"], _unit(item.get("is", ""))
            for band, place in enumerate(places):
                found[place] = f"{item['name']}[{band}]" if len(places) > 1 else item["name"], unit
    return found


def _unit(described: str) -> str:
    """Return the unit in a catalogue's words for a number.

    >>> [_unit(words) for words in ("time in 0.1 s", "17 times in 0.1 s, by speed in 0.01 km/h", "plain number")]
    ['0.1 s', '0.1 s', '']
    """
    return described.partition(",")[0].partition(" in ")[2]
