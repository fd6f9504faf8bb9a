"""The person's own totals, on the device: what a benchmark is compared with.

Two stretches are kept, the one before the last benchmark came and the one since; a comparison takes both. So it never
starts from nothing on the day of a new benchmark, and never reaches further back than two epochs.
"""

from headway_edge.core.process import Process
from headway_protocol import cbor

Totals = list[int] | None  # None: no trip yet


class OwnTotals:
    """Totals of this device's trips by one process, before and since the last benchmark."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.epoch = 0
        self._before: Totals = None
        self._since: Totals = None

    def add(self, totals: list[int]) -> None:
        """Count one trip by what it adds to its person's totals."""
        self._since = self._process.merge(self._since, totals)

    def exchange(self, before: list[int], after: list[int]) -> None:
        """A trip's numbers turned out to be others. What was a highest or lowest value stays one: it cannot be taken back."""
        old, new = self._process.totals(before), self._process.totals(after)
        # It may have been counted before the last benchmark came; the comparison takes both stretches anyway.
        since = self._process.merge(self._since, new)
        for i, (how, _) in enumerate(self._process.pack.period):
            if how == "sum":
                since[i] -= old[i]
        self._since = since

    def turn(self, epoch: int) -> None:
        """A benchmark of a new epoch has come."""
        self.epoch = epoch
        self._before, self._since = self._since, None

    def both(self) -> Totals:
        """The totals a comparison is made with."""
        if self._since is None:
            return self._before
        return self._process.merge(self._before, self._since)

    def state(self) -> bytes:
        """The totals as bytes, for the outbox's state."""
        return cbor.encode([self.epoch, self._before, self._since])

    @classmethod
    def from_state(cls, process: Process, data: bytes | None) -> "OwnTotals":
        """Return the totals that `state` gave; new ones when there is nothing, or another version's."""
        totals = cls(process)
        items = cbor.decode(data) if data is not None else None
        if isinstance(items, list) and len(items) == 3 and all(_fits(process, part) for part in items[1:]):
            totals.epoch, totals._before, totals._since = items
        return totals


def _fits(process: Process, totals: object) -> bool:
    return totals is None or (isinstance(totals, list) and len(totals) == len(process.pack.period))
