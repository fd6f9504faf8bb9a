"""The vehicle's warning codes on the device, as its pack defines them: counted, the condition around each kept, advice given.

Codes, counts and conditions stay here. What leaves is an incident when a rule asks for something to be done, with the code
and how often it came.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from headway_edge.calendar_periods import as_date
from headway_edge.core.condition_ring import ConditionRing
from headway_edge.core.process import Process
from headway_edge.core.warning_codes import WarningCodes
from headway_edge.core.warning_words import advice, code_of
from headway_protocol import cbor

Today = Callable[[], int | None]  # the person's day, in days since 1970; None while no clock was ever set


@dataclass(frozen=True)
class Advice:
    """What a rule asks for. code: the vehicle's. times: on how many trips it came within `days` days."""

    code: int
    times: int
    days: int
    sentence: str


@dataclass(frozen=True)
class KeptCondition:
    """Seven seconds around a code, the code's own in the middle.

    day: in days since 1970; None where no clock was set. rows: one a second, a number for each signal, None where missing.
    """

    code: str
    day: int | None
    rows: list[list[Fraction | None]]


@dataclass(frozen=True)
class CodeCount:
    """How often a code came. months: on how many trips in each of the last twelve, the latest last."""

    code: str
    trips: int
    months: list[int]
    rising: bool


class OwnWarnings:
    """The warning codes of one process; there are none, and nothing is kept, where its pack has no warnings.

    advice: what was advised and not yet seen to, by code. `changed`: whether `state` would say anything new.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        warnings: list[Any] = list(process.pack.warnings) or [-1, [], []]
        self._place: int = warnings[0]
        self._around: list[int] = warnings[1]
        self._rules: list[list[int]] = warnings[2]
        # 0 is no code, and MISSING lies below.
        self._least, self._most = max(1, process.pack.signals[self._place][4]), process.pack.signals[self._place][5]
        self._codes = WarningCodes(self._rules)
        self._ring = ConditionRing(self._around)
        self._last_ms: int | None = None
        self.advice: dict[int, Advice] = {}
        self.changed = False

    def take(self, time_ms: int, signals: Sequence[int], today: Today) -> Advice | None:
        """Take one sample of the open trip; return the advice that follows from the code it carries, if any.

        time_ms: on the source's clock. signals: in the pack's order. today: asked only where a code is new on this trip.
        """
        if self._place < 0:
            return None
        passed_ms = 0 if self._last_ms is None else time_ms - self._last_ms
        self._last_ms = time_ms
        self._ring.update(passed_ms, signals)  # type: ignore[arg-type]
        code = signals[self._place]
        if not self._least <= code <= self._most or self._codes.on_trip(code):
            return None
        day = today()
        self.changed = True
        self._ring.mark(code, day or 0)
        month = 0 if day is None else _month(day)
        rule = self._codes.appeared(code, day or 0, month)  # without a clock: as of the latest day there was
        if rule < 0:
            return None
        days = self._rules[rule][2]
        times = max(self._rules[rule][1], self._codes.times(code, day or 0, days))
        words = advice(self._process, rule, code, times, self._codes.rising(code, month))
        found = self.advice[code] = Advice(code, times, days, words)
        return found

    def end_trip(self) -> None:
        """The trip is over: each code counts anew on the next."""
        if self._place >= 0:
            self._ring.finish()
            self._codes.begin_trip()
            self.changed = True

    def repaired(self) -> None:
        """What warned was seen to: no advice is open, and rules begin anew."""
        self.advice = {}
        self._codes.repaired()

    def counts(self, day: int) -> list[CodeCount]:
        """Return how often each code came, as of a day."""
        month = _month(day)
        return [
            CodeCount(
                code_of(self._process, code),
                self._codes.total(code),
                self._codes.months(code),
                self._codes.rising(code, month),
            )
            for code in self._codes.codes()
        ]

    def condition_names(self) -> list[str]:
        """Return the names of the signals that are kept around a code."""
        return [self._process.pack.signals[place][0] for place in self._around]

    def conditions(self) -> list[KeptCondition]:
        """Return what is kept around the latest codes, the oldest first; numbers in the unit of each signal."""
        kept = [self._process.pack.signals[place] for place in self._around]
        return [
            KeptCondition(
                code_of(self._process, found.code),
                found.day or None,
                [[_shown(signal, number) for signal, number in zip(kept, row, strict=True)] for row in found.rows],
            )
            for found in self._ring.kept()
        ]

    def state(self) -> bytes:
        """Everything but the seconds of the open trip as bytes, for the outbox's state."""
        self.changed = False
        told = [[item.code, item.times, item.days, item.sentence] for item in self.advice.values()]
        return cbor.encode([self._codes.state(), self._ring.state(), told])

    def restore(self, data: bytes | None) -> None:
        """Go on from `state`; begin anew where there is none, or it is of other signals."""
        items: Any = None if data is None else cbor.decode(data)
        if (
            isinstance(items, list)
            and len(items) == 3
            and self._ring.restore(items[1])
            and self._codes.restore(items[0])
        ):
            self.advice = {item[0]: Advice(*item) for item in items[2]}


def _shown(signal: list[Any], number: int) -> Fraction | None:
    _, _, above, below, low, high, _, _ = signal
    return Fraction(number * above, below) if low <= number <= high else None


def _month(day: int) -> int:
    found = as_date(day)
    return 12 * found.year + found.month
