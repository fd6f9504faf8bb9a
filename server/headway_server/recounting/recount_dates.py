"""Of `recount`: when trips began, given all the records of a device at once. Pure; `dating` says by which rules."""

from collections import defaultdict
from typing import Any

from headway_protocol.record import UNSYNCED
from headway_server.ingest.arrival import Arrival
from headway_server.ingest.dating import EARLIEST_MS, LATEST_MS

Place = tuple[int, int]  # boot, seq


class BootTimes:
    """The times of a device's records.

    >>> from headway_protocol.record import HOLDOVER
    >>> times = BootTimes()
    >>> times.add(Arrival("depot/bus-1", 1, 2, b"", b"", 1, 1, HOLDOVER, mono_ms=5000, wall_ms=1_700_000_000_000))
    >>> times.columns()
    {(1, 2): {'clock': 1, 'ahead_ms': 1699999995000}}
    """

    def __init__(self) -> None:
        self._told: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)  # (-clock, seq, ahead_ms), by boot

    def add(self, arrival: Arrival) -> None:
        """Take a record, of any kind."""
        if _is_dated(arrival):
            ahead_ms = (arrival.wall_ms or 0) - (arrival.mono_ms or 0)
            self._told[arrival.boot].append((-(arrival.clock or 0), arrival.seq, ahead_ms))

    def start(self, arrival: Arrival) -> tuple[int | None, bool]:
        """Return when a trip began as Unix time, and whether by its boot; to be asked when all records were taken."""
        assert arrival.episode is not None  # noqa: S101 - of a trip that was read
        return self.at(arrival, arrival.episode.ago_ms)

    def at(self, arrival: Arrival, ago_ms: int) -> tuple[int | None, bool]:
        """Return the same of `ago_ms` before any record was made."""
        assert arrival.mono_ms is not None  # noqa: S101 - of a record that was read
        began_ms = arrival.mono_ms - ago_ms
        clock, _, ahead_ms = min(self._told.get(arrival.boot, [(UNSYNCED, 0, 0)]))
        if not _is_dated(arrival):
            return (None, False) if clock == UNSYNCED else (ahead_ms + began_ms, True)
        if -clock > (arrival.clock or 0):
            return ahead_ms + began_ms, True
        return (arrival.wall_ms or 0) - ago_ms, False

    def columns(self) -> dict[Place, dict[str, Any]]:
        """Return the rows that there should be of `boot_clocks`."""
        best = {boot: min(told) for boot, told in self._told.items()}
        return {(boot, seq): {"clock": -clock, "ahead_ms": ahead_ms} for boot, (clock, seq, ahead_ms) in best.items()}


def _is_dated(arrival: Arrival) -> bool:
    return arrival.wall_ms is not None and arrival.mono_ms is not None and EARLIEST_MS <= arrival.wall_ms < LATEST_MS
