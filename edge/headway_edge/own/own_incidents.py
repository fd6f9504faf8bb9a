"""The incidents of this device that are open: each is opened by one record and closed by another that names the first.

Which record opened one is kept in the outbox's state, written in one transaction with the record itself: no power cut comes
between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from headway_edge.store.outbox import Outbox, State
from headway_edge.store.record_keeper import RecordKeeper
from headway_protocol import cbor, incident, record

_PREFIX = "incident/"  # of keys in the outbox's state


@dataclass(frozen=True)
class Incident:
    """What an incident says: its code and severity, what its numbers are of, and the numbers (`headway_protocol.incident`)."""

    code: int
    severity: int
    definition: bytes
    values: Sequence[int]


class OwnIncidents:
    """Opens and closes the incidents of one device, each under a name such as that of the series that changed.

    outbox: where it is kept which are open. keeper: takes the records. While the disk refuses an opening, nobody can name it:
    then it is not closed, nor is another one opened under its name.
    """

    def __init__(self, outbox: Outbox, keeper: RecordKeeper) -> None:
        self._keeper = keeper
        self._open: dict[str, tuple[int, int] | None] = {}  # None: its record is not on disk yet
        self._told: dict[str, Incident] = {}  # of those, with the first of their values
        for key in outbox.keys(_PREFIX):
            boot, seq, *told = cast(list[Any], cbor.decode(outbox.load(key) or b""))
            self._open[key], self._told[key] = (boot, seq), Incident(*told)

    def is_open(self, name: str) -> bool:
        """Whether an incident is open under this name."""
        return _PREFIX + name in self._open

    def open(self, name: str, told: Incident, ago_ms: int, state: State | None = None) -> None:
        """Open an incident that began `ago_ms` ago, with other state to store; what is open under the name is closed first."""
        self.close(name, told, ago_ms)
        key = _PREFIX + name
        if key in self._open:
            return
        self._open[key] = None
        self._told[key] = replace(told, values=list(told.values[:1]))

        def opened(boot: int, seq: int) -> bytes:
            self._open[key] = boot, seq
            return cbor.encode([boot, seq, told.code, told.severity, told.definition, list(told.values[:1])])

        body = incident.incident_body(told.code, told.severity, ago_ms, told.definition, list(told.values))
        self._keeper.append(record.INCIDENT, body, {**(state or {}), key: opened})

    def close(self, name: str, told: Incident, ago_ms: int) -> None:
        """Close what is open under a name, if anything is. told: of its values only the first, what it is of, goes along."""
        key = _PREFIX + name
        closes = self._open.get(key)
        if closes is None:
            return
        del self._open[key], self._told[key]
        values = list(told.values[:1])
        body = incident.incident_body(told.code, told.severity, ago_ms, told.definition, values, closes)
        self._keeper.append(record.INCIDENT, body, {key: None})

    def close_all(self, code: int, ago_ms: int, but_of: bytes = b"") -> None:
        """Close what is open with a code, but for those of the definition `but_of`."""
        for key, told in list(self._told.items()):
            if told.code == code and told.definition != but_of:
                self.close(key.removeprefix(_PREFIX), told, ago_ms)
