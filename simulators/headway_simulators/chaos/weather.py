"""What the network does to one device's messages at the moment: loses, doubles, delays, reorders them, or is not there."""

import random
from dataclasses import dataclass, field

from headway_simulators.chaos.script import Fault
from headway_simulators.chaos.timeline import Timeline

_LATENCY_MS = (20, 400)
UP, DOWN = "up", "down"


@dataclass
class _Direction:
    last_ms: int = 0  # when the message before this one arrives
    cut_after: int = 0  # messages until the connection breaks; 0: it does not
    cut_bytes: int = 0


@dataclass
class Weather:
    """The state of one device's network. Faults that last are added and removed; a cut happens once."""

    timeline: Timeline
    dice: random.Random
    _lasting: list[Fault] = field(default_factory=list)
    _ways: dict[str, _Direction] = field(default_factory=lambda: {UP: _Direction(), DOWN: _Direction()})

    def begin(self, fault: Fault) -> None:
        """A fault that lasts begins."""
        self._lasting.append(fault)

    def end(self, fault: Fault) -> None:
        """It is over."""
        if fault in self._lasting:
            self._lasting.remove(fault)

    def clear(self) -> None:
        """No fault any more."""
        self._lasting.clear()
        for way in self._ways.values():
            way.cut_after = 0

    def cut(self, way: str, after: int, at_byte: int) -> None:
        """Break the connection `at_byte` bytes into the message that is `after` messages ahead."""
        self._ways[way].cut_after, self._ways[way].cut_bytes = after, at_byte

    def over_at_ms(self, kind: str) -> int | None:
        """Return when the faults of a kind that are on now will be over; None if there are none."""
        return max((f.at_ms + f.for_ms for f in self._lasting if f.kind == kind), default=None)

    def _worst(self, kind: str) -> int:
        return max((f.n for f in self._lasting if f.kind == kind), default=0)

    def least(self, kind: str) -> int | None:
        """Return the lowest number of the faults of a kind that are on; None if there are none."""
        return min((f.n for f in self._lasting if f.kind == kind), default=None)

    def breaks(self, way: str, size: int) -> bool | None:
        """Count a message of `size` bytes; return None, or, where the connection breaks, whether all of it got through."""
        direction = self._ways[way]
        if direction.cut_after == 0:
            return None
        direction.cut_after -= 1
        return None if direction.cut_after else direction.cut_bytes >= size

    def arrivals(self, way: str) -> list[int]:
        """Return when one message arrives: once, twice, or never."""
        dice, direction, now_ms = self.dice, self._ways[way], self.timeline.now_ms
        if not self._lasting:
            direction.last_ms = max(direction.last_ms, now_ms + dice.randint(*_LATENCY_MS))
            return [direction.last_ms]
        if self.over_at_ms("half-open") is not None:
            return []
        found = []
        lost, doubled, spread_ms = self._worst("lossy"), self._worst("duplicating"), self._worst("reordering")
        for _ in range(2 if dice.randrange(1000) < doubled else 1):
            if dice.randrange(1000) < lost:
                continue
            at_ms = now_ms + dice.randint(*_LATENCY_MS) + self._worst("slow")
            if spread_ms:
                found.append(at_ms + dice.randint(0, spread_ms))
            else:
                direction.last_ms = max(direction.last_ms, at_ms)
                found.append(direction.last_ms)
        return found
