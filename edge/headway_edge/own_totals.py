"""The person's own totals, on the device: what a benchmark is compared with.

Two stretches are kept, the one before the last benchmark came and the one since; a comparison takes both. So it never
starts from nothing on the day of a new benchmark, and never reaches further back than two epochs.
"""

from headway_edge.core import period
from headway_protocol import cbor

CREDIBLE_TRIPS = 5
CREDIBLE_M = 20_000


class OwnTotals:
    """Period totals (`headway_edge.core.period`) of this device's trips, before and since the last benchmark."""

    def __init__(self) -> None:
        self.epoch = 0
        self._before = period.empty()
        self._since = period.empty()

    def add(self, counts: list[int]) -> None:
        """Count one trip; `counts` as on the wire."""
        self._since = period.merge(self._since, period.of_trip(counts))

    def turn(self, epoch: int) -> None:
        """A benchmark of a new epoch has come."""
        self.epoch = epoch
        self._before, self._since = self._since, period.empty()

    def both(self) -> list[int]:
        """The totals a comparison is made with."""
        return period.merge(self._before, self._since)

    @staticmethod
    def credible(totals: list[int]) -> bool:
        """Whether there is enough driving in `totals` to compare it with anybody's."""
        return totals[period.TRIPS] >= CREDIBLE_TRIPS and totals[period.DISTANCE_M] >= CREDIBLE_M

    def state(self) -> bytes:
        """The totals as bytes, for the outbox's state."""
        return cbor.encode([self.epoch, self._before, self._since])

    @classmethod
    def from_state(cls, data: bytes | None) -> "OwnTotals":
        """Return the totals that `state` gave; new ones when there is nothing, or another version's."""
        totals = cls()
        items = cbor.decode(data) if data is not None else None
        if isinstance(items, list) and len(items) == 3 and len(items[1]) == len(items[2]) == period.TOTALS:
            totals.epoch, totals._before, totals._since = items
        return totals
