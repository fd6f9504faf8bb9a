"""Which class each person is of, by customer factor: a small table that a fleet keeps, as CSV.

    person,experience,route
    depot-7/bus-0142,beginner,town
    depot-7/bus-0143,settled,

An empty cell is not known. The table stays where forecasts are learned: devices are each told of their own person.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.pack import Pack
from headway_server.errors import ServerError
from headway_server.packs.permitted import refuse_protected

_PERSON = "person"
_ROWS_MAX = 1_000_000


@dataclass(frozen=True)
class PersonClasses:
    """factors: their names. classes: by person, the class of each factor in that order, None where it is not known."""

    factors: tuple[str, ...]
    classes: Mapping[str, Sequence[str | None]] = field(default_factory=dict)

    def of(self, person: str) -> Sequence[str | None]:
        """Return the class of each factor of one person."""
        return self.classes.get(person, [None] * len(self.factors))

    def known(self, factor: str) -> list[str]:
        """Return the classes of a factor that there are persons of, in order of the alphabet."""
        at = self.factors.index(factor)
        return sorted({name for classes in self.classes.values() if (name := classes[at]) is not None})

    def places(self, pack: Pack, person: str) -> list[int]:
        """Return for each customer factor of a pack the place of a person's class; MISSING where it is not known."""
        told = dict(zip(self.factors, self.of(person), strict=True))
        return [classes.index(told[name]) if told.get(name) in classes else MISSING for name, classes in pack.factors]


def read_person_classes(path: Path) -> PersonClasses:
    """Return the table in a file. Raises ServerError: unreadable, no such table, a person twice, a protected attribute."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ServerError(f"{path} cannot be read: {error}", "give a CSV file in UTF-8") from error


def _read(path: Path, rows: Iterator[list[str]]) -> PersonClasses:
    header = [name.strip() for name in next(rows, [])]
    if header[:1] != [_PERSON] or len(header) < 2 or "" in header or len(set(header)) != len(header):
        raise ServerError(
            f"{path} does not begin with a header such as person,experience: {','.join(header)[:80]!r}",
            "name the persons in the first column and a customer factor in each other one",
        )
    refuse_protected(header[1:])
    classes: dict[str, list[str | None]] = {}
    for line, row in enumerate(rows, 2):
        if not row:
            continue
        cells = [cell.strip() for cell in row]
        if len(cells) != len(header) or not cells[0]:
            raise ServerError(f"{path}, line {line}: {len(cells)} cells, not {len(header)}", "correct that line")
        if cells[0] in classes:
            raise ServerError(f"{path}, line {line}: {cells[0]} is there already", "keep one line a person")
        if len(classes) >= _ROWS_MAX:
            raise ServerError(f"{path} has more than {_ROWS_MAX} persons", "split it by cohort")
        classes[cells[0]] = [cell or None for cell in cells[1:]]
    return PersonClasses(tuple(header[1:]), classes)
