"""Which records need no more care, as a few ranges of (boot, seq), however many records and boots they span.

The first range begins at (0, 0): in the order in which records are made it grows from the oldest on. A device that sends its
newest records first has a second one at the other end. Two ranges become one as soon as no open record lies between them.
"""

RANGES_MAX = 32


class SettledRanges:
    """At most RANGES_MAX disjoint ranges in order, each (boot, seq, boot, seq), both ends in it.

    Beyond that the shortest is forgotten: its records are sent again and settled again. `forgotten` counts such ranges.
    """

    def __init__(self) -> None:
        self.ranges = [(0, 0, 0, 0)]
        self.forgotten = 0

    def step(self, boot: int, seq: int, last: int) -> tuple:
        """Return (whether `seq` is settled, the last seq up to `last` of which the same is true)."""
        for low_boot, low_seq, high_boot, high_seq in self.ranges:
            if (low_boot, low_seq) > (boot, seq):
                return False, min(last, low_seq - 1) if low_boot == boot else last
            if (high_boot, high_seq) >= (boot, seq):
                return True, min(last, high_seq) if high_boot == boot else last
        return False, last

    def add(self, boot: int, first: int, last: int, open_between: object) -> None:
        """Settle first..last of a boot.

        open_between: a function of (low, high), both (boot, seq), that says whether an open record lies between them.
        """
        merged = []  # type: list
        for item in sorted(self.ranges + [(boot, first, boot, last)]):
            if merged and self._joins(merged[-1], item, open_between):
                end = max(merged[-1][2:], item[2:])
                merged[-1] = merged[-1][:2] + end
            else:
                merged.append(item)
        self._keep(merged)

    def _joins(self, low: tuple, high: tuple, open_between: object) -> bool:
        if high[:2] <= low[2:] or (high[0] == low[2] and high[1] == low[3] + 1):
            return True
        return not open_between(low[2:], high[:2])  # type: ignore[operator]

    def remove(self, boot: int, first: int, last: int) -> None:
        """Make first..last of a boot open again."""
        low, high = (boot, first), (boot, last)
        left = []
        for item in self.ranges:
            if item[2:] < low or item[:2] > high:
                left.append(item)
                continue
            if item[:2] < low:
                left.append(item[:2] + (boot, first - 1))
            if item[2:] > high:
                left.append((boot, last + 1) + item[2:])
        self._keep(left)

    def _keep(self, ranges: list) -> None:
        while len(ranges) > RANGES_MAX:
            self.forgotten += 1
            del ranges[min(range(1, len(ranges)), key=lambda at: _length(ranges[at]))]
        self.ranges = ranges


def _length(item: tuple) -> int:
    # Of a range over several boots nobody knows how long it is: long.
    return item[3] - item[1] if item[0] == item[2] else 0x3FFFFFFF
