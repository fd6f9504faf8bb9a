"""What a trip's or a day's numbers may hold of what came before it: time driven since a rest, windows of epochs.

Samples that begin in the middle of a device's life cannot tell such numbers until they have gone on for long enough.
"""

from dataclasses import dataclass
from typing import Any

from headway_edge.core.pack import Pack

_WINDOWS = ("lag", "total", "deviation", "count")  # of a day's epochs; those of a trip end with it


@dataclass(frozen=True)
class Memory:
    """cells: places among a trip's numbers of those that remember; back_ms: the longest rest, or the longest time of windows.

    back_ms is 0 where nothing remembers.
    """

    cells: frozenset[int]
    back_ms: int


def memory_of(pack: Pack, vehicle_class: str) -> Memory:
    """Return what a pack remembers in a class. Raises ValueError for a class that it does not know."""
    walk = _Walk(pack, vehicle_class)
    back_ms: dict[int, int] = {}
    place = 2  # after elapsed time and distance
    for item in pack.accumulators:
        width = len(item[2]) + 1 if item[0] == "bands" else 1
        back_ms |= dict.fromkeys(range(place, place + width), walk.back_ms(item[1:]))
        place += width
    events = [walk.back_ms(event[0]) for event in pack.events]
    for _ in events:  # what suppresses may be suppressed itself
        events = [max([own, *(events[i] for i in event[3])]) for own, event in zip(events, pack.events, strict=True)]
    back_ms |= {pack.first_event + i: needed for i, needed in enumerate(events)}
    return Memory(frozenset(cell for cell, needed in back_ms.items() if needed), max(back_ms.values(), default=0))


class _Walk:
    def __init__(self, pack: Pack, vehicle_class: str) -> None:
        self._parameters: list[int] = pack.parameters[pack.class_index(vehicle_class)]
        self._is_day = pack.kind == "day"
        self._values: list[int] = []
        for tree in pack.values:  # each reads only those before it
            self._values.append(self.back_ms(tree))

    def back_ms(self, tree: Any) -> int:
        """Return how far back an expression, or a list of such, looks beyond its own trip or day."""
        if not isinstance(tree, list) or not tree:
            return 0
        operator = tree[0]
        if operator == "v":
            return self._values[tree[1]]
        if operator == "driven":
            rest = tree[1]
            return self._parameters[rest[1]] if isinstance(rest, list) else int(rest)
        inner = max(self.back_ms(part) for part in tree)
        return int(tree[2]) + inner if self._is_day and operator in _WINDOWS else inner
