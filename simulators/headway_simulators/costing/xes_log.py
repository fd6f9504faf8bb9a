"""Reads a service's log in XES (IEEE 1849), which process mining tools export: traces are cases, events are activities.

What an activity took: from its `start` event to its `complete` event, where the log has both (lifecycle:transition);
otherwise the time since the event before it in its case, which holds whatever waiting there was. The first event of a case
then has no time, and is not an activity here. Factors are attributes of an event; what was known when an activity began is
what the event before it says.

The file is parsed as a stream, by expat. A document type, and with it every entity, is refused: XES has none.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from headway_simulators.costing.csv_log import factor_value, unix_ms
from headway_simulators.costing.event_log import TIME_MAX_Q, Activity, EventLog, FactorName, quanta
from headway_simulators.errors import SimulatorError

NAME, MOMENT, RESOURCE, TRANSITION = "concept:name", "time:timestamp", "org:resource", "lifecycle:transition"
_CHUNK_BYTES = 1 << 16
_DEPTH_MAX = 32
# One tag that is longer than this is no log: expat would hold all of it.
_TAG_BYTES_MAX = 1 << 22
_EVENTS_IN_A_CASE_MAX = 200_000


@dataclass(slots=True)
class _Event:
    line: int
    values: dict[str, str] = field(default_factory=dict)


def read(
    path: Path,
    file: BinaryIO,
    factors: list[FactorName],
    customer: str = "customer",
    tell: Callable[[], None] = lambda: None,
) -> EventLog:
    """Return the log.

    factors: attributes that are factors, `name` being the attribute's key. customer: the attribute that says whose an event
    is; where an event has none, its case's. tell: called now and then.
    Raises SimulatorError: not XML, not XES, with a document type, without usable events.
    """
    log = EventLog(path, factors=factors)
    cases = _Cases(path)
    log_times = _Times(log, customer)
    for case in cases.parsed(file, tell):
        log_times.take(case)
    if not cases.is_log:
        raise SimulatorError(f"{path} is XML but no XES log: its outermost element is not <log>.")
    log.notes.extend(log_times.notes())
    log.finish()
    return log


class _Cases:
    # Turns expat's callbacks into cases: (attributes of the case, its events).
    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack: list[str] = []
        self._case: _Event | None = None
        self._event: _Event | None = None
        self._events: list[_Event] = []
        self._done: list[tuple[_Event, list[_Event]]] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self.is_log = False

    def parsed(self, file: BinaryIO, tell: Callable[[], None]) -> Iterator[tuple[_Event, list[_Event]]]:
        fed = 0
        try:
            while chunk := file.read(_CHUNK_BYTES):
                self._parser.Parse(chunk)
                fed += len(chunk)
                if fed - max(self._parser.CurrentByteIndex, 0) > _TAG_BYTES_MAX:
                    raise SimulatorError(
                        f"{self._path}, line {self._parser.CurrentLineNumber}: one tag is longer than "
                        f"{_TAG_BYTES_MAX >> 20} MB. This is no event log."
                    )
                tell()
                yield from self._done
                self._done.clear()
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise SimulatorError(f"{self._path}: {error}. It is not well-formed XML, or was cut short.") from None
        yield from self._done

    def _refuse(self, *_: object) -> None:
        raise SimulatorError(
            f"{self._path}, line {self._parser.CurrentLineNumber}: the file declares a document type or an entity, which a "
            "log has no use for and which can be made to fill the memory. Nothing was read; export the log again."
        )

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        line = self._parser.CurrentLineNumber
        if not self._stack:
            self.is_log = name == "log"
        self._stack.append(name)
        depth = len(self._stack)
        if depth > _DEPTH_MAX:
            raise SimulatorError(f"{self._path}, line {line}: elements are nested deeper than {_DEPTH_MAX}.")
        if depth == 2 and name == "trace":
            self._case, self._events = _Event(line), []
        elif depth == 3 and name == "event" and self._case is not None:
            if len(self._events) >= _EVENTS_IN_A_CASE_MAX:
                raise SimulatorError(
                    f"{self._path}, line {line}: a case has more than {_EVENTS_IN_A_CASE_MAX} events. This is no case."
                )
            self._event = _Event(line)
            self._events.append(self._event)
        elif depth == 4 and self._event is not None:
            _keep(self._event, attributes)
        elif depth == 3 and self._case is not None:
            _keep(self._case, attributes)

    def _end(self, _: str) -> None:
        depth = len(self._stack)
        name = self._stack.pop()
        if depth == 3 and name == "event":
            self._event = None
        elif depth == 2 and name == "trace" and self._case is not None:
            self._done.append((self._case, self._events))
            self._case = None


def _keep(event: _Event, attributes: dict[str, str]) -> None:
    if "key" in attributes and "value" in attributes:
        event.values[attributes["key"]] = attributes["value"]


class _Times:
    # Adds the activities of cases to the log.
    def __init__(self, log: EventLog, customer: str) -> None:
        self._log = log
        self._customer = customer
        self._measured = self._since_previous = self._first = 0

    def take(self, found: tuple[_Event, list[_Event]]) -> None:
        case, events = found
        number = case.values.get(NAME, f"line {case.line}")
        timed = []
        for event in events:
            moment_ms = unix_ms(event.values.get(MOMENT, ""))
            if moment_ms is None:
                self._lose("time_unreadable", event, MOMENT)
            elif NAME not in event.values:
                self._lose("activity_missing", event, NAME)
            else:
                timed.append((moment_ms, event))
        timed.sort(key=lambda pair: pair[0])
        began: dict[str, tuple[int, _Event]] = {}
        previous: tuple[int, _Event] | None = None
        for moment_ms, event in timed:
            transition = event.values.get(TRANSITION, "complete").lower()
            if transition == "start":
                began[event.values[NAME]] = (moment_ms, event)
                continue
            if transition != "complete":
                self._lose("transition_not_used", event, TRANSITION)
                continue
            opened = began.pop(event.values[NAME], None)
            if opened is not None:
                self._measured += 1
            elif previous is not None:
                self._since_previous += 1
            else:
                self._first += 1
            self._add(number, case, opened or previous, moment_ms, event)
            previous = (moment_ms, event)
        for _, event in began.values():
            self._lose("never_completed", event, NAME)

    def _add(self, number: str, case: _Event, opened: tuple[int, _Event] | None, end_ms: int, event: _Event) -> None:
        if opened is None:
            return
        start_ms, known = opened
        customer = event.values.get(self._customer) or case.values.get(self._customer, "")
        if not customer:
            self._lose("customer_missing", event, self._customer)
            return
        time_q = quanta(end_ms - start_ms)
        if time_q > TIME_MAX_Q:
            self._lose("longer_than_10485_h", event, MOMENT)
            return
        factors = tuple(
            factor_value(known.values.get(factor.name) or case.values.get(factor.name, ""))
            for factor in self._log.factors
        )
        self._log.add(
            Activity(
                start_ms,
                end_ms,
                time_q,
                customer,
                event.values[NAME],
                number,
                event.values.get(RESOURCE, ""),
                factors,
            )
        )

    def _lose(self, kind: str, event: _Event, key: str) -> None:
        self._log.losses.add(kind, f"line {event.line}, {key} {event.values.get(key, 'missing')!r}"[:80])

    def notes(self) -> Iterator[str]:
        if self._measured:
            yield f"{self._measured} activities have a start and a completion of their own."
        if self._since_previous:
            yield (
                f"{self._since_previous} activities have a completion only: their time is the time since the event before "
                f"in their case, waiting included; {self._first} events are the first of their case and have no time."
            )
