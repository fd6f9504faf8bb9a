"""From a source to what devices run, and to what people read.

`compile_source` returns a `Compiled`: the canonical CBOR whose hash is the pack's id, the plain data behind it, and
the catalogue of texts. Names, titles and explanations are in the catalogue only, so that a better wording is not
another definition.

What changes the id: any number, condition or formula, and the order of classes, signals, parameters, values,
accumulators, events and totals, for that order is how they are numbered. What does not: texts, names of everything but
the pack, its classes and VSS signals, the order of the tables, of keys within them and of characteristics, comments,
spacing, and the way a literal is written.
"""

import hashlib
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from headway_edge.core import pack_limits as device
from headway_protocol import cbor
from headway_server.packs import declared
from headway_server.packs.arithmetic import as_condition, as_number
from headway_server.packs.catalogue import catalogue
from headway_server.packs.characteristic import Cell, FieldError, compile_characteristic
from headway_server.packs.desk import METRE, MILLISECOND, TENTH, Desk
from headway_server.packs.device_check import first_refused, refusal
from headway_server.packs.dimension import DISTANCE, PLAIN, TIME, Dimension
from headway_server.packs.expression import compiled
from headway_server.packs.names import Name, UsesWrongNameError, bands
from headway_server.packs.outlook import Outlook
from headway_server.packs.problems import none_of
from headway_server.packs.quantity import ExpressionError, Number, Quantity, Tree
from headway_server.packs.schema import DIRECTIONS
from headway_server.packs.source import Entry, Source, read

_BANDS = re.compile(r"(\w+)\s*(?:\[[^\]]*\])?")


@dataclass
class Compiled:
    """A compiled pack.

    data: canonical CBOR. parts: the same as plain data. totals: places in the period totals by name, several for bands.
    catalogue: the texts, as plain data.
    """

    data: bytes
    parts: list[Any]
    totals: dict[str, tuple[int, ...]]
    catalogue: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> bytes:
        """The first 8 bytes of the SHA-256 of `data`."""
        return hashlib.sha256(self.data).digest()[:8]


def compile_file(path: Path) -> Compiled:
    """Compile the source in a file. Raises PackRefused with all that is wrong, OSError if it cannot be read."""
    return compile_source(read(path))


def compile_source(source: Source) -> Compiled:
    """Compile a source. Raises PackRefused with all that is wrong."""
    return _Compilation(Desk(source)).compiled()


@dataclass
class _Compilation:
    desk: Desk
    counted: dict[str, Name] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    total_cells: list[Cell] = field(default_factory=list)
    totals: dict[str, tuple[int, ...]] = field(default_factory=dict)
    total_owners: list[str] = field(default_factory=list)  # the name of each total, once for each band
    # Totals that are wrong in themselves: who reads them is passed over.
    wrong_totals: set[str] = field(default_factory=set)
    epoch_ms: int = 0  # of a pack of kind "day"

    def compiled(self) -> Compiled:
        pack, tables = self.desk.source.pack, self.desk.source.tables
        rules = declared.rules(self.desk)
        if self.desk.is_day:
            self.epoch_ms = rules[0]
        signals = declared.signals(self.desk)
        parameters = declared.parameters(self.desk)
        values = self._values()
        accumulators = self._accumulators()
        events = [self._event(item) for item in tables["events"]]
        period = self._period()
        characteristics = self._characteristics()
        contexts = self._contexts()
        axes = self._axes()
        enough = self._enough()
        outlook = Outlook(self.desk, self.totals, self.total_cells, self.wrong_totals)
        ahead = [outlook.series(), outlook.consumables(), outlook.factors(), outlook.warnings()]
        self.desk.problems.raise_if_any()
        parts: list[Any] = [
            device.FORMAT,
            pack.text("name"),
            pack.fields["version"],
            pack.text("kind"),
            pack.texts("classes"),
            signals,
            rules,
            parameters,
            values,
            accumulators,
            events,
            period,
            characteristics,
            contexts,
            axes,
            enough,
            *ahead,
        ]
        self._check_device(parts)
        self.desk.problems.raise_if_any()
        found = Compiled(cbor.encode(parts, device.PACK_DEPTH_MAX), parts, self.totals)
        found.catalogue = catalogue(self.desk.source, found.id.hex(), self.desk.units, self._places())
        for item in found.catalogue["consumables"]:
            item["unit"], item["unit_size"] = outlook.shown_in.get(item["name"], ("1", 1))
        return found

    def _places(self) -> dict[tuple[str, str], tuple[int, ...]]:
        found = {("totals", name): places for name, places in self.totals.items()}
        for table in ("accumulators", "events"):
            found.update({(table, item.name): self.counted[item.name].cells for item in self.desk.source.tables[table]})
        return found

    def _check_device(self, parts: list[Any]) -> None:
        reason = refusal(parts)
        if reason is None:
            return
        culprit = first_refused(parts)
        path: tuple[str, ...] = ()
        if culprit is not None:
            table, index = culprit
            path = (
                (table, self.total_owners[index]) if table == "totals" else self.desk.source.tables[table][index].path
            )
        self.desk.wrong(path, f"no device would take it: {reason}")

    # What runs on every sample.

    def _compiled(self, path: tuple[str, ...], text: str, names: dict[str, Name], scope: str = "sample") -> Quantity:
        # Raises ExpressionError; a name that is defined further down gets a message of its own.
        try:
            return compiled(text, names, "day" if scope == "sample" and self.desk.is_day else scope, self.epoch_ms)
        except UsesWrongNameError:
            raise
        except ExpressionError as error:
            later = [item.name for item in self.desk.source.tables["values"] if item.name not in names]
            for name in later if path[0] == "values" else []:
                if f"unknown name: {name!r}" in str(error):
                    raise ExpressionError(
                        f"{name!r} is defined here or further down; a value uses earlier ones only"
                    ) from None
            raise

    def _values(self) -> list[Any]:
        trees = []
        for index, item in enumerate(self.desk.source.tables["values"]):
            path = (*item.path, "formula")
            try:
                number = as_number(self._compiled(path, item.text("formula"), self.desk.names))
                known = Name("value", Number(["v", index], number.dimension, number.quantum, number.wraps))
                self.desk.units[item.path] = number.described
                trees.append(number.tree)
            except ExpressionError as error:
                self.desk.wrong(path, error)
                known = Name("value", None)
            self.desk.names[item.name] = known
        return trees

    def _condition(self, item: Entry) -> list[Any]:
        path = (*item.path, "when")
        try:
            return as_condition(self._compiled(path, item.text("when"), self.desk.names)).tree
        except ExpressionError as error:
            self.desk.wrong(path, error)
            return []

    def _count(self, item: Entry | None, name: str, dimension: Dimension, quantum: Fraction) -> None:
        number = Number(["a", len(self.cells)], dimension, quantum)
        self.counted[name] = Name("count", number, (len(self.cells),))
        self.cells.append(Cell(dimension, quantum))
        if item is not None:
            self.desk.units[item.path] = number.described

    def _accumulators(self) -> list[Any]:
        self._count(None, "elapsed", TIME, TENTH)
        self._count(None, "distance", DISTANCE, METRE)
        if self.desk.is_day:
            del self.counted["distance"]  # its cell is always 0
        found: list[Any] = []
        for item in self.desk.source.tables["accumulators"]:
            kind = item.text("kind")
            if kind in {"time", "metres", "edges"}:
                found.append([kind, self._condition(item)])
                dimension, quantum = {"time": (TIME, TENTH), "metres": (DISTANCE, METRE)}.get(
                    kind, (PLAIN, Fraction(1))
                )
                self._count(item, item.name, dimension, quantum)
                continue
            path = (*item.path, "of")
            try:
                number = as_number(self._compiled(path, item.text("of"), self.desk.names))
            except ExpressionError as error:
                self.desk.wrong(path, error)
                self.counted[item.name] = Name("bands" if kind == "bands" else "count", None)
                continue
            if kind != "bands":
                found.append([kind, number.tree, *([self._condition(item)] if "when" in item.fields else [])])
                per = (TIME, TENTH) if kind == "integral" else (PLAIN, Fraction(1))
                self._count(item, item.name, number.dimension * per[0], number.quantum * per[1])
                continue
            edges = self._edges(item, number)
            found.append(["bands", number.tree, edges])
            first = len(self.cells)
            self.cells.extend([Cell(TIME, TENTH)] * (len(edges) + 1))
            self.counted[item.name] = Name("bands", None, tuple(range(first, len(self.cells))))
            self.desk.units[item.path] = f"{len(edges) + 1} times in 0.1 s, by {number.described}"
        return found

    def _edges(self, item: Entry, number: Number) -> list[int]:
        path = (*item.path, "edges")
        edges = [self.desk.count(path, text, number.dimension, number.quantum) for text in item.texts("edges")]
        if not edges:
            self.desk.wrong(path, "bands need one edge at least")
        if edges != sorted(set(edges)):
            self.desk.wrong(path, "edges ascend, each once")
        return edges

    def _event_time(self, item: Entry, key: str) -> Tree:
        # A literal, or a parameter of the class that counts milliseconds.
        text = item.text(key, "0*s")
        name = self.desk.names.get(text)
        if name is None or name.kind != "parameter" or name.quantity is None:
            return self.desk.count((*item.path, key), text, TIME, MILLISECOND)
        if (name.quantity.dimension, name.quantity.quantum) != (TIME, MILLISECOND):
            self.desk.wrong(
                (*item.path, key), f"{text} is {name.quantity.described}; a time in steps of 1*ms is needed"
            )
        return name.quantity.tree

    def _event(self, item: Entry) -> list[Any]:
        names = [event.name for event in self.desk.source.tables["events"]]
        times = [self._event_time(item, key) for key in ("hold", "quiet", "wait")]
        condition = self._condition(item)
        self._count(item, item.name, PLAIN, Fraction(1))
        suppressors = sorted({names.index(name) for name in item.texts("suppressed_by")})
        return [condition, times[0], times[1], suppressors, times[2]]

    # What runs once a trip, and what people read.

    def _period(self) -> list[Any]:
        found = []
        for item in self.desk.source.tables["totals"]:
            path = (*item.path, "formula")
            try:
                numbers = self._total(item.text("formula"))
            except ExpressionError as error:
                self.desk.wrong(path, error)
                self.wrong_totals.add(item.name)
                continue
            self.totals[item.name] = tuple(range(len(self.total_cells), len(self.total_cells) + len(numbers)))
            self.desk.units[item.path] = numbers[0].described + (f", {len(numbers)} times" if len(numbers) > 1 else "")
            for number in numbers:
                self.total_owners.append(item.name)
                self.total_cells.append(Cell(number.dimension, number.quantum))
                found.append([item.text("merge", "sum"), number.tree])
        return found

    def _total(self, text: str) -> list[Number]:
        match = _BANDS.fullmatch(text.strip())
        if match and match[1] in self.counted and self.counted[match[1]].kind == "bands":
            # Bands by themselves are a total each.
            return [Number(["a", cell], TIME, TENTH) for cell in bands(text, self.counted)]
        return [as_number(self._compiled(("totals",), text, self.counted, "trip"))]

    def _characteristics(self) -> list[Any]:
        trip = {name: known.cells for name, known in self.counted.items()}
        wrong = {name for name, known in self.counted.items() if not known.cells}
        found = []
        for level, table, cells, names, poisoned in (
            (0, "trip", self.cells, trip, wrong),
            (1, "period", self.total_cells, self.totals, self.wrong_totals),
        ):
            for item in self.desk.source.tables[table]:
                try:
                    quotient = compile_characteristic(item, names, cells, poisoned)
                except UsesWrongNameError:
                    continue
                except FieldError as error:
                    self.desk.wrong((*item.path, error.field), error)
                    continue
                direction = DIRECTIONS[item.text("direction")]
                counted = int(item.fields.get("counted", False))
                found.append([item.fields["id"], level, item.fields["decimals"], direction, *quotient, counted])
        return sorted(found)

    def _contexts(self) -> list[Any]:
        found = []
        for item in self.desk.source.tables["contexts"]:
            path = (*item.path, "when")
            try:
                found.append(as_condition(self._compiled(path, item.text("when"), self.counted, "trip")).tree)
            except ExpressionError as error:
                self.desk.wrong(path, error)
        return found

    def _axes(self) -> list[Any]:
        ids = {item.name: item.fields["id"] for item in self.desk.source.tables["period"]}
        neutral = {item.name for item in self.desk.source.tables["period"] if item.text("direction") == "neutral"}
        owners: dict[str, str] = {}
        found = []
        for item in self.desk.source.tables["score"]:
            numbers = []
            for key in item.texts("of"):
                if key not in ids:
                    self.desk.wrong(
                        (*item.path, "of"), "unknown characteristic of a period: " + none_of(key, sorted(ids))
                    )
                elif key in neutral:
                    self.desk.wrong((*item.path, "of"), f"{key!r} is neutral; an axis needs a better and a worse")
                elif key in owners:
                    self.desk.wrong((*item.path, "of"), f"{key!r} is on the axis {owners[key]} already")
                else:
                    owners[key] = item.name
                    numbers.append(ids[key])
            if not item.texts("of"):
                self.desk.wrong((*item.path, "of"), "names one characteristic at least")
            found.append([item.fields.get("weight", 1), numbers])
        return found

    def _enough(self) -> list[Any]:
        found = []
        for item in self.desk.source.tables["totals"]:
            places = self.totals.get(item.name, ())
            if "enough" not in item.fields or not places:
                continue
            path = (*item.path, "enough")
            if len(places) > 1:
                self.desk.wrong(path, "of a single total, not of bands")
                continue
            cell = self.total_cells[places[0]]
            found.append([places[0], self.desk.count(path, item.text("enough"), cell.dimension, cell.quantum)])
        return found
