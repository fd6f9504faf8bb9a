"""The series of a process on the device: what to tell the person of them, and their state in the outbox.

How they are forecast and watched is `headway_edge.core.series`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headway_edge.core import change_words
from headway_edge.core.control_chart import CLOSED, OPENED, Change
from headway_edge.core.process import Characteristic, Process
from headway_edge.core.series import Series, series_of
from headway_edge.core.series_walk import SeriesWalk
from headway_protocol import cbor

DayTotals = Callable[[int], list[int] | None]


@dataclass(frozen=True)
class Expected:
    """What the next number of a series is expected to be, with the interval that holds 80 % of what comes.

    noun: what it is of, "trip" or "day". low, high: None before there were errors enough.
    """

    characteristic: Characteristic
    noun: str
    value: int
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Turn:
    """A change that a chart has found (`change`), or that is over (None), as told to the person."""

    characteristic: Characteristic
    change: Change | None
    sentence: str

    @property
    def opened(self) -> bool:
        """Whether it was found, and is not over."""
        return self.change is not None


class OwnSeries:
    """All series of one process.

    day_totals: the totals of a day by its number, None for one without trips. classes: for each customer factor of the pack
    the place of the person's class, MISSING where it is not known.
    """

    def __init__(self, process: Process, day_totals: DayTotals, classes: list[int]) -> None:
        self._process = process
        self._day_totals = day_totals
        self._classes = classes
        self._walk = self._begun()

    def _begun(self) -> SeriesWalk:
        return SeriesWalk(self._process, self._day_totals, series_of(self._process, self._classes))

    @property
    def series(self) -> list[Series]:
        """The series, in the pack's order."""
        return list(self._walk.series)

    def add(self, totals: list[int], day: int | None) -> list[Turn]:
        """Take what one trip adds to the person's totals, before its day's totals have it (None: on which day is not known).

        Return the changes that it closed or opened; where one turned into the contrary one, the one that is over first.
        """
        return [turn for item, flags in self._walk.add(totals, day) for turn in _turns(item, flags)]

    def put_right(self, before: int | None, day: int) -> list[Turn]:
        """As `SeriesWalk.put_right`; return as `add`."""
        return [turn for item, flags in self._walk.put_right(before, day) for turn in _turns(item, flags)]

    def expected(self) -> list[Expected]:
        """Return what each series is expected to bring next; those that have too few numbers are left out."""
        found = []
        for item in self._walk.series:
            comes = item.expected()
            if comes is not None:
                found.append(Expected(item.characteristic, item.noun, *comes))
        return found

    def state(self) -> bytes:
        """Everything as bytes, for the outbox's state."""
        return cbor.encode([self._walk.day, [item.state() for item in self._walk.series]])

    def restore(self, data: bytes | None) -> bool:
        """Go on from `state`; begin anew, and return False, where there is none or it is of another version."""
        items: Any = None if data is None else cbor.decode(data)
        if not isinstance(items, list) or len(items) != 2 or len(items[1]) != len(self._walk.series):
            return False
        try:
            for item, state in zip(self._walk.series, items[1], strict=True):
                item.restore(state)
        except (ValueError, TypeError, IndexError, OverflowError):
            self._walk = self._begun()
            return False
        self._walk.day = items[0]
        return True


def _turns(item: Series, flags: int) -> list[Turn]:
    found = []
    if flags & CLOSED:
        found.append(Turn(item.characteristic, None, change_words.over(item.characteristic)))
    change = item.change()
    if flags & OPENED and change is not None:
        found.append(Turn(item.characteristic, change, item.sentence(change)))
    return found
