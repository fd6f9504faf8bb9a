"""What is wrong with a pack's source: where, in which field, why, and what would be right.

An author wants all of it at once, so problems are collected, and one error carries them all.

>>> found = Problems("mine.toml")
>>> found.add(7, "values.before.formula", "unknown name 'sped'")
>>> found.raise_if_any()
Traceback (most recent call last):
...
headway_server.packs.problems.PackRefused: mine.toml:7: values.before.formula: unknown name 'sped'
"""

from dataclasses import dataclass
from difflib import get_close_matches

from headway_server.errors import ServerError

PROBLEMS_MAX = 200  # a page or two; whoever has more has sent something that is no pack


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. line: from 1; 0 if it concerns the whole file. field: its path, as in `events.stop.wait`."""

    file: str
    line: int
    field: str
    what: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.what}" if self.field else f"{where}: {self.what}"


class PackRefused(ServerError):  # noqa: N818 - named for what happened
    """A source is not a pack. problems: everything that is wrong, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        Exception.__init__(self, "\n".join(str(problem) for problem in problems))
        self.problems = problems
        self.cause = str(self)
        self.next_step = "correct the source; docs/packs.md describes each field"


class Problems:
    """Collects the problems of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Problem] = []

    def add(self, line: int, field: str, what: str) -> None:
        """Note one problem; beyond PROBLEMS_MAX they are dropped. Control characters of a hostile source are shown escaped."""
        if len(self._found) < PROBLEMS_MAX:
            self._found.append(Problem(self.file, line, _escaped(field), _escaped(what)))

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_if_any(self) -> None:
        """Raise PackRefused with everything found so far."""
        if self._found:
            raise PackRefused(sorted(self._found, key=lambda problem: problem.line))


def _escaped(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def none_of(word: object, allowed: list[str]) -> str:
    """Return the part of a message that says what would have been right, nearest spelling first.

    >>> none_of("sume", ["max", "min", "sum"])
    "'sume' is none of max, min, sum; did you mean 'sum'?"
    """
    near = get_close_matches(word, allowed, 1) if isinstance(word, str) and len(word) <= 64 else []
    shown = word if not isinstance(word, str) or len(word) <= 64 else word[:64] + "…"
    return f"{shown!r} is none of {', '.join(allowed) or 'nothing'}" + (f"; did you mean {near[0]!r}?" if near else "")
