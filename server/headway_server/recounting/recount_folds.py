"""Of `recount`: which trips and folds count, given the folds of a device; worked out from all of them at once.

Pure. `fold_rows` says by which rules, and does the same batch by batch.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headway_server.ingest import fold_table
from headway_server.ingest.arrival import Find
from headway_server.ingest.folded import Folded
from headway_server.totals.tally import Tally, less

Place = tuple[int, int]  # boot, seq


@dataclass(frozen=True, slots=True)
class Fold:
    """A record that stands for several."""

    person: str
    epoch: int
    says: Folded


@dataclass(frozen=True, slots=True)
class FoldMark:
    """How a fold counts. counted: what it adds to `counted_epoch`."""

    superseded: bool
    counted_epoch: int | None
    counted: Tally | None


class Named:
    """What folds name, and since which epoch."""

    def __init__(self, folds: Mapping[Place, Fold]) -> None:
        self._ranges: defaultdict[tuple[bytes, int], list[tuple[int, int, int]]] = defaultdict(list)
        for fold in folds.values():
            for boot, first, last in fold.says.ranges:
                self._ranges[fold.says.pack_id, boot].append((first, last, fold.epoch))

    def since(self, pack_id: bytes, places: Iterable[Place]) -> int | None:
        """Return the first epoch in which any of the places was named, None if none is."""
        return min(
            (
                epoch
                for boot, seq in places
                for first, last, epoch in self._ranges.get((pack_id, boot), ())
                if first <= seq <= last
            ),
            default=None,
        )


def fold_marks(
    find: Find,
    folds: Mapping[Place, Fold],
    closed: Mapping[Place, list[Tally]],
) -> dict[Place, FoldMark]:
    """Return how each fold counts.

    closed: {fold: [what of the trips that it names was in the totals of epochs before its own]}.
    """
    found: dict[Place, FoldMark] = {}
    over = {place: _over(folds, place) for place in folds}
    for place in sorted(folds, key=lambda at: (folds[at].epoch, at)):
        fold = folds[place]
        process = find(fold.says.pack_id)
        if process is None or any(folds[at].epoch <= fold.epoch for at in over[place]):
            found[place] = FoldMark(bool(over[place]), None, None)
            continue
        counted = fold.says.tally
        for tally in closed.get(place, ()):
            counted = less(process, counted, tally)
        for at, mark in found.items():
            if place in over[at] and mark.counted is not None and (mark.counted_epoch or 0) < fold.epoch:
                counted = less(process, counted, mark.counted)
        counts = counted.trips > 0
        found[place] = FoldMark(bool(over[place]), fold.epoch if counts else None, counted if counts else None)
    return found


def _over(folds: Mapping[Place, Fold], place: Place) -> set[Place]:
    """The folds that stand in the place of one: later ones that name it, or everything that it names."""
    its = folds[place].says
    found = set()
    for at, other in folds.items():
        if at <= place or other.says.pack_id != its.pack_id:
            continue
        wider = [
            any(boot == b and low <= first and last <= high for b, low, high in other.says.ranges)
            for boot, first, last in its.ranges
        ]
        if all(wider) or any(b == place[0] and low <= place[1] <= high for b, low, high in other.says.ranges):
            found.add(at)
    return found


def fold_columns(fold: Fold, mark: FoldMark) -> dict[str, Any]:
    """Return what the row of a fold should be."""
    counted = mark.counted
    return {
        **fold_table.columns(fold.says),
        "superseded": mark.superseded,
        "counted_epoch": mark.counted_epoch,
        "counted_trips": None if counted is None else counted.trips,
        "counted_distance_m": None if counted is None else counted.distance_m,
        "counted_totals": None if counted is None else counted.totals,
    }
