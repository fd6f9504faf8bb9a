"""The person's own totals on the device, by day and by month: rolled up to any period, and told apart by context.

Every total is a merge, so a trip that comes late counts in its own day, and a week is the same whether it is merged from
its days or computed at once. Days are kept for a quarter of a year, months for ten years; a week or a day further back
is not known any more, a month or a year is.
"""

from collections.abc import Callable, Iterable
from typing import Any

from headway_edge.calendar_periods import as_date, bounds
from headway_edge.core.boot_dates import taken_out
from headway_edge.core.process import Process
from headway_protocol import cbor

DAYS_KEPT = 92
MONTHS_KEPT = 120

Cells = dict[int, list[int]]  # totals by context mask
Load = Callable[[str], bytes | None]


class OwnHistory:
    """One process's totals by day and month, in the outbox's state. load, keys: as in `Outbox`; nothing is written here."""

    def __init__(self, process: Process, load: Load, keys: Callable[[str], list[str]]) -> None:
        self._process = process
        self._load = load
        self._keys = keys
        self._prefix = f"history/{process.id.hex()}"
        self._moved: dict[str, bytes | None] = {}

    def added(self, context: int, totals: list[int], day: int) -> dict[str, bytes | None]:
        """Return the state to store with a trip of `day`: its day and month with it, and None for what is too old.

        context: the contexts that the trip is in, as bits. totals: what it adds to its person's.
        """
        return self._added(context, totals, day) | self._outdated()

    def _added(self, context: int, totals: list[int], day: int) -> dict[str, bytes | None]:
        changes: dict[str, bytes | None] = {}
        for key in (self._day_key(day), self._month_key(day)):
            cells = self._cells(key)
            cells[context] = self._process.merge(cells.get(context), totals)
            changes[key] = self._bytes(cells)
        return changes

    def take_out(self, trips: Iterable[tuple[int, list[int], int]]) -> None:
        """Take trips, as (context, totals, day), out of their days and months; `moved` tells what is to be stored."""
        together: dict[tuple[str, int], list[int]] = {}
        for context, totals, day in trips:
            for key in (self._day_key(day), self._month_key(day)):
                together[key, context] = self._process.merge(together.get((key, context)), totals)
        for (key, context), totals in together.items():
            cells = self._cells(key)
            if context in cells:
                left = taken_out(self._process, cells.pop(context), totals)
                if left is not None:
                    cells[context] = left
                self._moved[key] = self._bytes(cells) if cells else None

    def put_in(self, context: int, totals: list[int], day: int) -> None:
        """Put a trip into a day and its month; `moved` tells what is to be stored."""
        self._moved |= self._added(context, totals, day)

    def moved(self) -> dict[str, bytes | None]:
        """Return the state to store after `take_out` and `put_in`; until this is called it is there to be read only."""
        changes, self._moved = self._moved, {}
        return changes | self._outdated()

    def corrected(self, before: list[list[int]], after: list[list[int]], day: int) -> dict[str, bytes | None]:
        """Return the state to store when the trips of `day`, so far `before`, turn out to be `after`.

        Totals cannot be taken back out of a maximum, so the day is merged anew, and its month from its days. Raises
        ValueError where `before` is not all of the day, or the month's days are not kept any more; nothing changes then.
        """
        day_key, month_key = self._day_key(day), self._month_key(day)
        if self._merged(before) != self._cells(day_key):
            raise ValueError(f"other trips of {as_date(day)} are not known any more: its totals stay")
        first, last = bounds("month", day)
        days = {key: self._cells(key) for key in self._parts("day", first, last)}
        if self._together(days.values()) != self._cells(month_key):
            raise ValueError(f"the days around {as_date(day)} are not all kept any more: its totals stay")
        days[day_key] = self._merged(after)
        return {day_key: self._bytes(days[day_key]), month_key: self._bytes(self._together(days.values()))}

    def _merged(self, trips: list[list[int]]) -> Cells:
        return self._together({self._process.context(n): self._process.totals(n)} for n in trips)

    def _together(self, parts: Iterable[Cells]) -> Cells:
        found: Cells = {}
        for cells in parts:
            for mask, totals in cells.items():
                found[mask] = self._process.merge(found.get(mask), totals)
        return found

    def totals(self, kind: str, day: int, fits: Callable[[int], bool] = lambda _mask: True) -> list[int] | None:
        """Return the totals of the day, week, month or year of `day`, of trips whose context mask fits; None: no trips."""
        first, last = bounds(kind, day)
        found = None
        for key in self._parts(kind, first, last):
            for mask, totals in self._cells(key).items():
                if fits(mask):
                    found = self._process.merge(found, totals)
        return found

    def weeks(self, before_day: int, count: int) -> list[list[int]]:
        """Return the totals of up to `count` whole weeks before the one of `before_day` that have trips, latest first."""
        monday = bounds("week", before_day)[0]
        found = [self.totals("week", monday - 7 * i) for i in range(1, count + 1)]
        return [totals for totals in found if totals is not None]

    def _parts(self, kind: str, first: int, last: int) -> list[str]:
        if kind in {"day", "week"}:
            return [self._day_key(day) for day in range(first, last + 1)]
        return sorted({self._month_key(day) for day in range(first, last + 1)})

    def _cells(self, key: str) -> Cells:
        data = self._moved[key] if key in self._moved else self._load(key)
        if data is None:
            return {}
        items: list[Any] = cbor.decode(data)  # type: ignore[assignment]
        return {items[i]: items[i + 1] for i in range(0, len(items), 2)}

    def _bytes(self, cells: Cells) -> bytes:
        return cbor.encode([item for mask in sorted(cells) for item in (mask, cells[mask])])

    def _day_key(self, day: int) -> str:
        return f"{self._prefix}/day/{day:08d}"

    def _month_key(self, day: int) -> str:
        found = as_date(day)
        return f"{self._prefix}/month/{found.year:05d}-{found.month:02d}"

    def _outdated(self) -> dict[str, bytes | None]:
        # By how many there are, not by their age: a clock that jumped must not throw a history away.
        gone: dict[str, bytes | None] = {}
        for part, most in (("day", DAYS_KEPT), ("month", MONTHS_KEPT)):
            keys = self._keys(f"{self._prefix}/{part}/")
            gone.update(dict.fromkeys(keys[: max(0, len(keys) - most)]))
        return gone
