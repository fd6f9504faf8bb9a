"""What of a pack's process leaves a device: each count of a trip or day, and each total of a fold, as the compiled pack has it.

A count is worked out over all samples of a trip; which samples they were is in no message. What kind of count it is, and which
signals go into it, is read from the pack itself, as the device runs it, not from what its author wrote about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headway_edge.core.process import Process

# By kind: what is kept of the samples. {} is what the count is of.
_AGGREGATIONS = {
    "time": "sum: time while a condition held",
    "metres": "sum: distance while a condition held",
    "edges": "number of times that a condition began",
    "sum": "sum over the samples",
    "integral": "sum over time",
    "bands": "histogram: time in each band",
    "max": "the highest value",
    "min": "the lowest value",
    "first": "the first value",
    "last": "the last value",
}
ONE_VALUE = frozenset({"max", "min", "first", "last"})


@dataclass(frozen=True)
class PackField:
    """One run of numbers of a record: `count` of them from `place` on.

    level: what one number is of: "trip", "day", or "day or month" of a fold. unit: with the quantum; "" where only the compiled
    pack is known. one_value: whether it is a single value, of one sample or of the few seconds that the value is made of, and no
    sum or number. reads: signals that go into it, by their VSS names; of totals none are told, which are made of counts. serves:
    characteristics that people read, made of it.
    """

    name: str
    place: int
    count: int
    level: str
    unit: str
    aggregation: str
    one_value: bool
    reads: tuple[str, ...]
    serves: tuple[str, ...]
    about: str


class PackFields:
    """The fields of a process. catalogue: the full one, with units and words; None where only the compiled pack is known.

    `counts` are those of a trip's or day's record, `totals` those of a fold, `signals` what the device reads and keeps to itself.
    `warning_signal`: whose values may leave one by one, as codes of incidents; None: no such.
    """

    def __init__(self, process: Process, catalogue: dict[str, Any] | None = None) -> None:
        self._process, self._pack = process, process.pack
        self.name = process.name
        self._texts = {
            (table, item["name"]): item
            for table in ("accumulators", "events", "totals")
            for item in (catalogue or {}).get(table, [])
        }
        self._reads = self._reads_of_values()
        self.signals = tuple(signal[0] for signal in self._pack.signals)
        self.warning_signal = self.signals[self._pack.warnings[0]] if self._pack.warnings else None
        self.counts = tuple(self._counts())
        self.totals = tuple(self._totals())

    def _reads_of_values(self) -> list[frozenset[int]]:
        found: list[frozenset[int]] = []
        for tree in self._pack.values:
            found.append(self._signals_in(tree, found))
        return found

    def _signals_in(self, tree: object, values: list[frozenset[int]]) -> frozenset[int]:
        if not isinstance(tree, list) or not tree:
            return frozenset()
        match tree[0]:
            case "s" | "turn" | "turned":
                return frozenset({tree[1]})
            case "v":
                return values[tree[1]]
            case "p" | "a":
                return frozenset()
            case "driven":
                return frozenset({self._pack.speed}) | self._signals_in(tree[1:], values)
        return frozenset().union(*(self._signals_in(part, values) for part in tree))

    def _names(self, *trees: object) -> tuple[str, ...]:
        found = frozenset().union(*(self._signals_in(tree, self._reads) for tree in trees))
        return tuple(self.signals[place] for place in sorted(found))

    def _counts(self) -> Iterator[PackField]:
        pack = self._pack
        level = pack.kind
        yield self._built_in("elapsed", 0, "time in 0.1 s", "sum: time from the first sample to the last", ())
        if level == "trip":
            speed = (self.signals[pack.speed],)
            yield self._built_in("distance", 1, "distance in m", "sum: speed over time", speed)
        place = 2
        for item in pack.accumulators:
            kind = item[0]
            width = len(item[2]) + 1 if kind == "bands" else 1
            reads = self._names(*item[1:2] if kind == "bands" else item[1:])
            if kind == "metres":
                reads = tuple(dict.fromkeys([self.signals[pack.speed], *reads]))
            name, text = self._named("accumulators", place)
            yield self._field(name, place, width, level, text, _AGGREGATIONS[kind], kind in ONE_VALUE, reads, 0)
            place += width
        for item in pack.events:
            name, text = self._named("events", place)
            yield self._field(name, place, 1, level, text, "number of events", False, self._names(item[0]), 0)
            place += 1

    def _built_in(self, name: str, place: int, unit: str, aggregation: str, reads: tuple[str, ...]) -> PackField:
        return self._field(name, place, 1, self._pack.kind, {"is": unit}, aggregation, False, reads, 0)

    def _totals(self) -> Iterator[PackField]:
        words = {"sum": "sum over the trips", "max": "the highest of the trips", "min": "the lowest of the trips"}
        names = self._totals_by_place()
        for place, item in enumerate(self._pack.period):
            name, text = names.get(place, (f"total_{place}", {}))
            yield self._field(name, place, 1, "day or month", text, words[item[0]], item[0] != "sum", (), 1)

    def _totals_by_place(self) -> dict[int, tuple[str, dict[str, Any]]]:
        found = {}
        for item in self._process.catalogue.get("totals", []):
            places = item["places"]
            for number, place in enumerate(places):
                name = item["name"] if len(places) == 1 else f"{item['name']}_{number:02d}"
                found[place] = name, self._texts.get(("totals", item["name"]), {})
        return found

    def _named(self, table: str, place: int) -> tuple[str, dict[str, Any]]:
        for item in self._process.catalogue.get(table, []):
            if item["places"][:1] == [place]:
                return item["name"], self._texts.get((table, item["name"]), {})
        return f"count_{place}", {}

    def _field(
        self,
        name: str,
        place: int,
        count: int,
        level: str,
        text: dict[str, Any],
        aggregation: str,
        one_value: bool,
        reads: tuple[str, ...],
        read_at: int,
    ) -> PackField:
        own = set(range(place, place + count))
        serves = tuple(
            self._process.by_id[item[0]].key
            for item in self._pack.characteristics
            if item[1] == read_at and own & {*item[4], *item[5]}
        )
        unit, about = str(text.get("is", "")), " ".join(text.get("about", "").split())
        return PackField(name, place, count, level, unit, aggregation, one_value, reads, serves, about)
