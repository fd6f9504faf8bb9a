"""A device's series followed trip by trip, with the days that the device put right meanwhile: the same steps as on the device."""

from typing import Any

from headway_edge.core.boot_dates import taken_out
from headway_edge.core.process import Process
from headway_edge.core.series_walk import SeriesWalk
from headway_server.reading.device_trips import DeviceTrip, PutRight


class FollowedDays:
    """Takes a device's trips in their order. series: as of `SeriesWalk`, all new."""

    def __init__(self, process: Process, series: list[Any]) -> None:
        self._process = process
        self._cells: dict[int, dict[int, list[int]]] = {}  # totals by day and context, as a device keeps them
        self._walk = SeriesWalk(process, self._totals, series)

    @property
    def series(self) -> list[Any]:
        """The series after the trips so far, in the pack's order."""
        return list(self._walk.series)

    def take(self, trip: DeviceTrip) -> None:
        """Take the next trip, and what the device put right before the one after it."""
        self._walk.add(trip.totals, trip.day)
        if trip.day is not None:
            self._put_in(trip.day, trip.context, trip.totals)
        self._take_out(trip.put_right)
        for right in trip.put_right:
            self._walk.put_right(right.before, right.day)
            self._put_in(right.day, right.context, right.totals)

    def _totals(self, day: int) -> list[int] | None:
        found = None
        for totals in self._cells.get(day, {}).values():
            found = self._process.merge(found, totals)
        return found

    def _put_in(self, day: int, context: int, totals: list[int]) -> None:
        cells = self._cells.setdefault(day, {})
        cells[context] = self._process.merge(cells.get(context), totals)

    def _take_out(self, rights: tuple[PutRight, ...]) -> None:
        together: dict[tuple[int, int], list[int]] = {}
        for right in rights:
            if right.before is not None:
                at = right.before, right.context
                together[at] = self._process.merge(together.get(at), right.totals)
        for (day, context), totals in together.items():
            cells = self._cells.get(day, {})
            if context in cells:
                left = taken_out(self._process, cells.pop(context), totals)
                if left is not None:
                    cells[context] = left
