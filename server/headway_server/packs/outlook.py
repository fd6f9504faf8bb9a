"""What a pack says of what is to come, compiled: customer factors, series, consumables, warning codes and advice.

All of it is worked out once a trip or a day, from totals, and none of it is sent.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from headway_edge.core.forecast.fixed_point import GAIN_ONE
from headway_protocol import trouble_code
from headway_server.errors import ServerError
from headway_server.packs.characteristic import Cell
from headway_server.packs.desk import Desk
from headway_server.packs.dimension import DISTANCE, TIME
from headway_server.packs.permitted import refuse_protected
from headway_server.packs.problems import none_of
from headway_server.packs.schema import CHARTS, EACH, MODELS, WATCHES
from headway_server.packs.source import Entry

# What people count use in, of a dimension whose totals are in smaller steps; anything else is times.
_SHOWN_IN = {DISTANCE: ("km", Fraction(1000)), TIME: ("h", Fraction(3600))}
GAINS = {
    "alpha": Fraction(3, 10),
    "damping": Fraction(1, 2),
    "share": Fraction(1, 2),
}  # what is meant where none is said


@dataclass
class Outlook:
    """Compiles these tables on a desk.

    totals: places in the period totals by name, several for bands. total_cells: what each of them is. wrong_totals: those that
    are wrong in themselves. shown_in: of consumables by name, the unit that people read and how many of a total's it is.
    """

    desk: Desk
    totals: dict[str, tuple[int, ...]]
    total_cells: list[Cell]
    wrong_totals: set[str]
    shown_in: dict[str, tuple[str, int]] = field(default_factory=dict)

    def factors(self) -> list[Any]:
        """Return [[name, [class, ...]], ...]."""
        found = []
        for item in self.desk.source.tables["factors"]:
            classes = item.texts("classes")
            try:
                refuse_protected([item.name, *classes])
            except ServerError as error:
                self.desk.wrong(item.path, error.cause)
            found.append([item.name, classes])
        return found

    def series(self) -> list[Any]:
        """Return [[characteristic, of what, chart, what it is of, model], ...]."""
        ids = {item.name: item.fields["id"] for item in self.desk.source.tables["period"]}
        counted = {item.name for item in self.desk.source.tables["period"] if item.fields.get("counted")}
        seen: set[str] = set()
        found = []
        for item in self.desk.source.tables["series"]:
            key = item.text("of")
            if key not in ids:
                self.desk.wrong((*item.path, "of"), "unknown characteristic of a period: " + none_of(key, sorted(ids)))
            elif key in seen:
                self.desk.wrong((*item.path, "of"), f"there is a series of {key!r} already")
            elif item.text("chart") == "poisson" and key not in counted:
                self.desk.wrong((*item.path, "chart"), f"{key!r} is not counted; a Poisson chart is of events")
            elif "watch" in item.fields and item.text("chart", CHARTS[0]) in {"none", "poisson"}:
                self.desk.wrong(
                    (*item.path, "watch"), "for chart ewma or cusum: a Poisson chart is of events, none of nothing"
                )
            else:
                seen.add(key)
                each, chart = EACH.index(item.text("each")), CHARTS.index(item.text("chart", CHARTS[0]))
                watch = WATCHES.index(item.text("watch", WATCHES[0]))
                found.append([ids[key], each, chart, watch, self._model(item)])
        return found

    def _model(self, item: Entry) -> list[Any]:
        how = MODELS.index(item.text("model", MODELS[0]))
        if how == 0:
            for key in (*GAINS, "weights"):
                if key in item.fields:
                    self.desk.wrong((*item.path, key), 'only with model = "r1" or "r2", whose forecast it belongs to')
            return []
        given = {key: Fraction(item.fields.get(key, usual)) for key, usual in GAINS.items()}
        for key, gain in given.items():
            if not 0 <= gain <= 1:
                self.desk.wrong((*item.path, key), f"{float(gain):g} is not in 0..1")
        return [how, *(in_gains(gain) for gain in given.values()), self._weights(item)]

    def _weights(self, item: Entry) -> list[list[int]]:
        given: dict[str, list[Any]] = item.fields.get("weights", {})
        factors = {factor.name: factor.texts("classes") for factor in self.desk.source.tables["factors"]}
        path = (*item.path, "weights")
        for name, weights in given.items():
            if name not in factors:
                self.desk.wrong((*path, name), "unknown customer factor: " + none_of(name, sorted(factors)))
            elif len(weights) != len(factors[name]):
                classes = ", ".join(factors[name])
                self.desk.wrong(
                    (*path, name), f"{len(weights)} weights; {name} has the classes {classes}, one for each"
                )
            for weight in weights:
                if abs(weight) > 1:
                    self.desk.wrong((*path, name), f"{float(weight):g} is not in -1..1")
        return [[in_gains(Fraction(weight)) for weight in given.get(name, [])] for name in factors]

    def consumables(self) -> list[Any]:
        """Return [[id, [totals as they are], [totals as the wear is felt], limit, days], ...]."""
        numbers: dict[int, str] = {}
        found = []
        for item in self.desk.source.tables["consumables"]:
            number = item.fields["id"]
            other = numbers.setdefault(number, item.name)
            if other != item.name:
                self.desk.wrong((*item.path, "id"), f"{number} is also the id of consumables.{other}")
            used, cell = self._totals_of(item, "used")
            worn, other_cell = self._totals_of(item, "worn") if "worn" in item.fields else (used, cell)
            limit = 0
            if "limit" in item.fields and cell is not None:
                limit = self.desk.count((*item.path, "limit"), item.text("limit"), cell.dimension, cell.quantum)
            elif "limit" in item.fields:
                self.desk.wrong((*item.path, "limit"), "of what? name the totals that come near it under `used`")
            if cell is not None and other_cell is not None and cell != other_cell:
                self.desk.wrong((*item.path, "worn"), "counted otherwise than `used`, so no limit fits both")
            if cell is not None and cell.dimension in _SHOWN_IN:
                unit, size = _SHOWN_IN[cell.dimension]
                self.shown_in[item.name] = (unit, max(1, int(size / cell.quantum)))
            found.append([number, used, worn, limit, item.fields.get("days", 0)])
        return found

    def _totals_of(self, item: Entry, key: str) -> tuple[list[int], Cell | None]:
        places: list[int] = []
        for name in item.texts(key):
            if name in self.totals:
                places.extend(self.totals[name])
            elif name not in self.wrong_totals:
                self.desk.wrong((*item.path, key), "unknown total: " + none_of(name, sorted(self.totals)))
        for name in item.texts(key):
            total = next((one for one in self.desk.source.tables["totals"] if one.name == name), None)
            if total is not None and total.text("merge", "sum") != "sum":
                self.desk.wrong((*item.path, key), f"{name} is no sum; only what adds up wears something out")
        cells = {self.total_cells[place] for place in places}
        if len(cells) > 1:
            self.desk.wrong((*item.path, key), "totals of different kinds cannot be added up")
        return places, cells.pop() if len(cells) == 1 else None

    def warnings(self) -> list[Any]:
        """Return [signal of the codes, [signals kept around one], [[code, times, days], ...]]; [] where nothing warns."""
        warnings, advice = self.desk.source.warnings, self.desk.source.tables["advice"]
        if warnings is None:
            for item in advice:
                self.desk.wrong(item.path, "advice on warning codes, but no [warnings] says which signal carries them")
            return []
        names = [signal.name for signal in self.desk.source.tables["signals"]]
        place = self._signal(names, "code", warnings.text("code"))
        condition = [self._signal(names, "condition", name) for name in warnings.texts("condition")]
        return [place, condition, [self._rule(item) for item in advice]]

    def _signal(self, names: list[str], key: str, name: str) -> int:
        if name not in names:
            self.desk.wrong(("warnings", key), "unknown signal: " + none_of(name, sorted(names)))
            return 0
        return names.index(name)

    def _rule(self, item: Entry) -> list[int]:
        code = 0
        if "code" in item.fields:
            try:
                code = trouble_code.number_of(item.text("code"))
            except ValueError as error:
                self.desk.wrong((*item.path, "code"), error)
            else:
                if code == 0:
                    self.desk.wrong((*item.path, "code"), "0 is no code; leave `code` out for any")
        return [code, item.fields["times"], item.fields["days"]]


def in_gains(share: Fraction) -> int:
    """Return a share, or a weight, in the steps of 2**-15 in which devices count it, half up."""
    return int((2 * GAIN_ONE * share + 1) // 2)
