"""The log of a service: activities that took time, for a customer, in order of their start."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from headway_simulators.errors import SimulatorError

HOUR_MS = 3_600_000
QUANTA_PER_HOUR = 100  # activity times are counted in hundredths of an hour, 36 s
TIME_MAX_Q = 1 << 20  # what the device's models take: 10,485.76 h
ACTIVITIES_MAX = 2_000_000  # some 600 MB; a longer log is cut into years
_PROBLEMS_NAMED = 4

FactorValue = float | str | None


@dataclass(frozen=True, slots=True)
class FactorName:
    """A customer factor: the class it belongs to ("experience", "information" …) and its own name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(slots=True)
class Activity:
    """One activity. time_q: what it took, in 0.01 h, 0..TIME_MAX_Q. It began at start_ms and is known from end_ms on.

    factors: what was known of the customer and the request when it began, in the order of `EventLog.factors`: a number, a
    name, or None.
    """

    start_ms: int
    end_ms: int
    time_q: int
    customer: str
    activity: str
    case: str
    resource: str
    factors: tuple[FactorValue, ...] = ()


class Losses:
    """What was left out of a log: how often by kind, and where each kind was met first."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def add(self, kind: str, where: str) -> None:
        """Count one. where: the line and what stands there."""
        self.counts[kind] += 1
        self.first.setdefault(kind, where)

    def __str__(self) -> str:
        named = [
            f"{kind} {count} (first: {self.first[kind]})" for kind, count in self.counts.most_common(_PROBLEMS_NAMED)
        ]
        more = len(self.counts) - _PROBLEMS_NAMED
        return ", ".join(named) + (f" and {more} other kinds" if more > 0 else "")


@dataclass
class EventLog:
    """What a file holds. notes: what a reader must know about where the times come from, a sentence each."""

    path: Path
    activities: list[Activity] = field(default_factory=list)
    factors: list[FactorName] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)
    notes: list[str] = field(default_factory=list)

    def add(self, activity: Activity) -> None:
        """Take an activity in. Raises SimulatorError when the log is longer than memory should bear."""
        if len(self.activities) >= ACTIVITIES_MAX:
            raise SimulatorError(f"{self.path} has more than {ACTIVITIES_MAX} activities. Cut it into shorter times.")
        self.activities.append(activity)

    def finish(self) -> None:
        """Put the activities in order of start, equals as they stood. Raises SimulatorError when there is none."""
        if not self.activities:
            why = f": {self.losses}" if self.losses.counts else ""
            raise SimulatorError(
                f"{self.path} has no usable activity{why}. `headway forecast evaluate --help` has the form."
            )
        self.activities.sort(key=lambda activity: activity.start_ms)


def quanta(duration_ms: int) -> int:
    """Return a time in hundredths of an hour, half up.

    >>> quanta(HOUR_MS), quanta(18_000), quanta(17_999)
    (100, 1, 0)
    """
    return (2 * duration_ms * QUANTA_PER_HOUR + HOUR_MS) // (2 * HOUR_MS)


def hours(time_q: float) -> float:
    """Return hours of hundredths of an hour."""
    return time_q / QUANTA_PER_HOUR
