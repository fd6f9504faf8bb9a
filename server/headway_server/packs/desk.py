"""The desk on which a source is compiled: the source, the names defined so far, and the problems found so far.

The parts of the compiler (`declared`, `compile`) work on one desk, so that a mistake in one table does not keep those in
the next from being found.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from headway_server.packs.dimension import Dimension
from headway_server.packs.expression import literal
from headway_server.packs.names import Name, UsesWrongNameError
from headway_server.packs.problems import Problems
from headway_server.packs.quantity import ExpressionError, Number, in_quanta
from headway_server.packs.source import Source

MILLISECOND = Fraction(1, 1000)
MINUTE = Fraction(60)
TENTH = Fraction(1, 10)  # of a second: times on the wire
METRE = Fraction(1)


@dataclass
class Desk:
    """names: what expressions may use. units: what each named thing was found to be, in words, by (table, name)."""

    source: Source
    problems: Problems = field(init=False)
    names: dict[str, Name] = field(default_factory=dict)
    units: dict[tuple[str, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.problems = Problems(self.source.file)

    @property
    def is_day(self) -> bool:
        """Whether the pack is of kind "day"."""
        return self.source.pack.text("kind") == "day"

    def wrong(self, path: tuple[str, ...], what: object) -> None:
        """Note what is wrong with a field. What merely uses something wrong is not noted: one mistake, one message."""
        if not isinstance(what, UsesWrongNameError):
            self.problems.add(self.source.line(*path), ".".join(path), str(what))

    def count(self, path: tuple[str, ...], text: str, dimension: Dimension, quantum: Fraction) -> int:
        """Return the literal in `text` counted in `quantum`; 0, and a problem noted, if it cannot be."""
        try:
            return in_quanta(literal(text), Number(0, dimension, quantum))
        except ExpressionError as error:
            self.wrong(path, error)
            return 0
