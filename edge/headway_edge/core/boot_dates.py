"""When the trips of one boot began, on a device that learns the time late or better than it knew it.

All records of a boot have the milliseconds of that boot, which nobody sets. So the best clock that any of them had dates those
that had a worse one or none: of the clocks of a boot the one of the best quality counts, of equal ones the first. The device puts
the days of its person right by it, and the server, which dates stored trips by the same rule, follows what the device did.

>>> from headway_protocol.record import HOLDOVER, SYNCED, UNSYNCED
>>> clock, trips = BootClock(), BootTrips()
>>> clock.began_ms(30000, None, UNSYNCED, 10000) is None
True
>>> trips.take(20000, clock.quality, None, "a trip")
>>> clock.learn(90000, 1800000090000, SYNCED)
True
>>> trips.put_right(clock, lambda began_ms: began_ms // 86400000)
[('a trip', None, 20833)]
"""

from headway_protocol.record import SYNCED, UNSYNCED

TRIPS_MAX = 100  # of one boot, that wait for a better clock


class BootClock:
    """The best that is known of one boot's wall clock.

    quality: as of records, UNSYNCED while nothing is known. ahead_ms: how far the wall clock is ahead of the boot's milliseconds.
    """

    def __init__(self) -> None:
        self.quality = UNSYNCED
        self.ahead_ms = 0

    def learn(self, mono_ms: int, wall_ms: "int | None", quality: int) -> bool:
        """Take the times of the next record; return whether its clock is better than those before."""
        if wall_ms is None or quality <= self.quality:
            return False
        self.quality = quality
        self.ahead_ms = wall_ms - mono_ms
        return True

    def began_ms(self, mono_ms: int, wall_ms: "int | None", quality: int, ago_ms: int) -> "int | None":
        """Return the Unix time at which a trip began, None if nothing tells.

        mono_ms, wall_ms, quality: of its record. ago_ms: how long before that it began. Its own clock counts where it is as good.
        """
        if wall_ms is None or quality < self.quality:
            return None if self.quality == UNSYNCED else self.ahead_ms + mono_ms - ago_ms
        return wall_ms - ago_ms


class BootTrips:
    """Trips of one boot whose day may still turn out to be another: the latest TRIPS_MAX.

    left_out: how many there were no place for since days were put right last; these keep the day they had, or none.
    """

    def __init__(self) -> None:
        self._waiting = []  # type: list
        self.left_out = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self, began_mono_ms: int, quality: int, day: "int | None", trip: object) -> None:
        """Take a trip that was put on `day`, None: on none, by a clock of that quality; by a synced one it does not wait."""
        if quality >= SYNCED:
            return
        self._waiting.append([began_mono_ms, quality, day, trip])
        if len(self._waiting) > TRIPS_MAX:
            self._waiting.pop(0)
            self.left_out += 1

    def put_right(self, clock: BootClock, day_at: object) -> list:
        """Return [(trip, day before, day), ...] of those whose day is another by a better clock, in the order they were taken.

        day_at: the day of a trip by the Unix time in ms at which it began.
        """
        found = []
        still = []
        for item in self._waiting:
            began_mono_ms, quality, before, trip = item
            if quality < clock.quality:
                day = day_at(clock.ahead_ms + began_mono_ms)  # type: ignore[operator]
                if day != before:
                    found.append((trip, before, day))
                item[1], item[2] = clock.quality, day
            if item[1] < SYNCED:
                still.append(item)
        self._waiting = still
        self.left_out = 0
        return found

    def exchange(self, before: object, after: object) -> None:
        """A trip that may wait turned out to have other numbers."""
        for item in self._waiting:
            if item[3] == before:
                item[3] = after
                return


def taken_out(process: object, cell: list, totals: list) -> "list | None":
    """Return totals of some trips without those of one or more of them, None where nothing is left.

    process: `headway_edge.core.process.Process`. A highest or lowest value cannot be taken back out: it stays.
    """
    if cell == totals:
        return None
    found = list(cell)
    for i, (how, _) in enumerate(process.pack.period):  # type: ignore[attr-defined]
        if how == "sum":
            found[i] -= totals[i]
    return found
