"""A process: a pack with the names people know its parts by, and what its numbers mean.

Agent, server and simulators hold one of these for each pack they know. The names come from the pack's catalogue, a
dictionary of texts that is no part of the definition; without one, things are called by their numbers.
"""

from headway_edge.core import pack_values
from headway_edge.core.pack import Pack
from headway_edge.core.pack_values import PERIOD_LEVEL, TRIP_LEVEL
from headway_protocol import counts

_DAY_MS = 86400000
LOWER_IS_BETTER, NEUTRAL, HIGHER_IS_BETTER = -1, 0, 1


class Characteristic:
    """One characteristic of a pack: how it is read, and what people call it.

    id: stable number. level: TRIP_LEVEL or PERIOD_LEVEL. key: name with the unit in it. title, about: for people. unit:
    as shown, "1" for a plain number. decimals: a value v means v / 10**decimals. direction: LOWER_IS_BETTER, NEUTRAL or
    HIGHER_IS_BETTER. counted: whether it counts events, so that it has a counting error. headline: shown first.
    """

    def __init__(self, item: list, texts: dict) -> None:
        self._item = item
        self.id, self.level, self.decimals, self.direction = item[:4]
        self.counted = item[8] == 1
        self.key = texts.get("key", "characteristic_%d" % self.id)
        self.title = texts.get("title", self.key)
        self.unit = texts.get("unit", "1")
        self.about = texts.get("about", "")
        self.headline = texts.get("headline", False)

    def value(self, numbers: list) -> "int | None":
        """Read the value out of a trip's numbers or a person's totals; None where it is not defined, which is not zero."""
        return pack_values.read(self._item, numbers)

    def counted_in(self, numbers: list) -> tuple:
        """Return (events, exposure) of a counted rate: what is above its line and what is below."""
        above, below = self._item[4], self._item[5]
        return sum([numbers[i] for i in above]), sum([numbers[i] for i in below])

    def is_count(self, index: int) -> bool:
        """Tell whether the characteristic is nothing but the number at `index`."""
        return self._item[4] == [index] and not self._item[5]

    def counting_error(self, numbers: list) -> "int | None":
        """Return the standard error of a counted value, in its quantum, half up; None for others.

        Events come by chance: n of them are as good as n plus or minus the square root of n (Poisson).
        """
        return pack_values.counting_error(self._item, numbers) if self.counted else None


class Process:
    """A pack and its names.

    trip, period: lists of Characteristic by level, ids ascending. by_id: all of them. events, contexts: names in the
    pack's order. axes: titles of the score's axes.
    """

    def __init__(self, pack: Pack, catalogue: "dict | None" = None) -> None:
        catalogue = catalogue or {}
        self.pack = pack
        self.id = pack.id
        self.name = pack.name
        self.version = pack.version
        self.title = catalogue.get("title", pack.name)
        self.catalogue = catalogue
        texts = {item["id"]: item for item in catalogue.get("characteristics", [])}
        found = [Characteristic(item, texts.get(item[0], {})) for item in pack.characteristics]
        self.trip = [c for c in found if c.level == TRIP_LEVEL]
        self.period = [c for c in found if c.level == PERIOD_LEVEL]
        self.by_id = {c.id: c for c in found}
        self.events = _names(catalogue, "events", "event", len(pack.events))
        self.axes = _names(catalogue, "score", "axis", len(pack.axes), "title")
        self.contexts = _names(catalogue, "contexts", "context", len(pack.contexts))
        self._counts = {"elapsed": [0], "distance": [1]}
        self._counts.update(_places(catalogue, "accumulators"))
        self._counts.update(_places(catalogue, "events"))
        self._totals = _places(catalogue, "totals")

    def numbers(self, packed: bytes) -> list:
        """Return a trip's numbers from the bytes of its record, signs restored. Raises DecodeError."""
        return self.signed(counts.unpack(packed, len(self.pack.cells)))

    def signed(self, wire: list) -> list:
        """Return a trip's numbers from those of the wire: what travels as zigzag has its sign again."""
        return pack_values.from_wire(self.pack, wire)

    def totals(self, numbers: list) -> list:
        """Return what one trip adds to its person's totals."""
        return pack_values.totals_of_trip(self.pack, numbers)

    def merge(self, first: "list | None", second: list) -> list:
        """Return both totals together; None is nothing. In any order, whenever a trip comes: the same totals."""
        return pack_values.merge(self.pack, first, second)

    def enough(self, totals: "list | None") -> bool:
        """Tell whether a person's totals are enough to be compared with anybody's, by the pack's own measure."""
        if totals is None:
            return False
        for index, least in self.pack.enough:
            if totals[index] < least:
                return False
        return True

    def context(self, numbers: list) -> int:
        """Return which contexts a trip is in: bit i is set where context i of the pack holds."""
        mask = 0
        for i, tree in enumerate(self.pack.contexts):
            if pack_values.holds(tree, numbers):
                mask |= 1 << i
        return mask

    def day(self, start_ms: int, utc_offset_min: int) -> int:
        """Return the person's day that an episode belongs to, in days since 1 January 1970.

        start_ms: Unix time. A trip belongs to the day on which it began; an episode that is a day to the one that its
        middle lies in, for it may begin on the evening before.
        """
        if self.pack.kind == "day":
            start_ms += _DAY_MS // 2
        return (start_ms + utc_offset_min * 60000) // _DAY_MS

    def count_names(self) -> list:
        """Return the names of a trip's counts, bands under one name, in no order."""
        return list(self._counts)

    def places(self, name: str) -> list:
        """Return where in a trip's numbers the counts of an accumulator or event stand; empty if the pack has none such."""
        return self._counts.get(name, [])

    def count(self, name: str, numbers: list) -> "int | None":
        """Return an accumulator or event count of a trip by name, bands added up; None where the pack has none such."""
        return _sum_at(self._counts, name, numbers)

    def total(self, name: str, totals: list) -> "int | None":
        """Return a total by name, bands added up; None where the pack has none such."""
        return _sum_at(self._totals, name, totals)

    def total_places(self, name: str) -> list:
        """Return where in a person's totals those of a name stand; empty if the pack has none such."""
        return self._totals.get(name, [])


def text(characteristic: Characteristic, value: "int | None") -> str:
    """Return `value` as a decimal number in the characteristic's unit; "-" for None."""
    return decimal_text(value, characteristic.decimals)


def decimal_text(value: "int | None", decimals: int) -> str:
    """Return value / 10**decimals, all decimals written out; "-" for None.

    >>> decimal_text(-125, 1), decimal_text(7, 2), decimal_text(12, 0), decimal_text(None, 1)
    ('-12.5', '0.07', '12', '-')
    """
    if value is None:
        return "-"
    if decimals == 0:
        return str(value)
    scale = 10**decimals
    sign = "-" if value < 0 else ""
    value = abs(value)
    fraction = str(value % scale)
    return sign + str(value // scale) + "." + "0" * (decimals - len(fraction)) + fraction


def _names(catalogue: dict, table: str, noun: str, count: int, key: str = "name") -> list:
    return [item[key] for item in catalogue.get(table, [])] or ["%s_%d" % (noun, i) for i in range(count)]


def _places(catalogue: dict, table: str) -> dict:
    return {item["name"]: item["places"] for item in catalogue.get(table, [])}


def _sum_at(places: dict, name: str, numbers: list) -> "int | None":
    return sum([numbers[i] for i in places[name]]) if name in places else None
