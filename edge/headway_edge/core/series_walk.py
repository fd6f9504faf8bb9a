"""All series of a process, followed trip by trip: what has a number for each trip at once, what has one for each day later.

A day's number is taken when the first trip of a later day comes; a trip that comes late changes its day's totals, and no
series any more. An episode that is a day is taken as it comes.
"""

from headway_edge.core.process import Process

_SKIPS_MAX = 31  # a longer absence is as good as forgetting the days of the week


class SeriesWalk:
    """The series of one person by one process.

    day_totals: the totals of a day by its number, None for one without trips. series: each as `headway_edge.core.series.Series`,
    with is_daily, add and skip. day: the latest that there was a trip on, None before the first.
    """

    def __init__(self, process: Process, day_totals: object, series: list) -> None:
        self._process = process
        self._day_totals = day_totals
        self.day = None  # type: int | None
        self.series = series

    def add(self, totals: list, day: "int | None") -> list:
        """Take what one trip adds to its person's totals, before its day's totals have it; day: None where it is not known.

        Return [(series, flags), ...] of the series in which a change was opened or closed.
        """
        found = []
        if self._process.pack.kind != "day":
            found = self._end_days(day)
            found += self._take(totals, False)
        elif self.day is None or day is None or day > self.day:
            self._skip_to(day)
            found = self._take(totals, True)
        if day is not None and (self.day is None or day > self.day):
            self.day = day
        return found

    def put_right(self, before: "int | None", day: int) -> list:
        """A trip that was taken on the day `before`, None: on none, turns out to have been on `day`; before its totals move.

        Return as `add`. What a series has taken it keeps; but a latest day that only a wrong clock told is it no more.
        """
        if before is not None and before == self.day and day < before:
            self.day = day
            return []
        found = [] if self._process.pack.kind == "day" else self._end_days(day)
        if self.day is None or day > self.day:
            self.day = day
        return found

    def _end_days(self, day: "int | None") -> list:
        if day is None or self.day is None or day <= self.day:
            return []
        totals = self._day_totals(self.day)  # type: ignore[operator]
        found = [] if totals is None else self._take(totals, True)
        self._skip_to(day)
        return found

    def _skip_to(self, day: "int | None") -> None:
        if day is None or self.day is None:
            return
        for _ in range(min(day - self.day - 1, _SKIPS_MAX)):
            for item in self.series:
                if item.is_daily:
                    item.skip()

    def _take(self, totals: list, daily: bool) -> list:
        found = []
        for item in self.series:
            flags = item.add(totals) if item.is_daily == daily else 0
            if flags:
                found.append((item, flags))
        return found
