"""Print what a process makes of trips' numbers, and what the score makes of places; the same lines on every host.

    process_vectors.py PACK FILE

Runs unmodified on CPython and MicroPython. FILE has the packed counts of one trip a line, in hex. Printed: of each trip its
context, values and totals; of them together totals, values and counting errors; then scores of drawn places and benchmarks.
"""

import gc
import sys

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # what is left over from compiling must not lie about between what is kept

from headway_edge.core import comparison, score
from headway_edge.core.logarithm import ln_milli
from headway_edge.core.pack import Pack
from headway_edge.core.process import Process, text

DRAWN = 60


class Dice:
    """A linear congruential generator (Numerical Recipes) in 16-bit steps: the same numbers on every host."""

    def __init__(self, seed):
        self._state = seed

    def below(self, limit):
        """Return the next number in 0..limit-1."""
        self._state = (self._state * 25173 + 13849) % 65536
        return (self._state * limit) >> 16


def trips(process, lines, tell):
    """Tell each trip's values, then those of all of them."""
    together = None
    for line in lines:
        numbers = process.numbers(bytes.fromhex(line.strip()))
        values = [text(c, c.value(numbers)) for c in process.trip]
        totals = process.totals(numbers)
        tell("trip %d %s | %s" % (process.context(numbers), " ".join(values), spaced(totals)))
        together = process.merge(together, totals)
    values = [text(c, c.value(together)) for c in process.period]
    errors = [text(c, c.counting_error(together)) for c in process.period]
    tell("all %d %s | %s | %s" % (process.enough(together), spaced(together), " ".join(values), " ".join(errors)))


def scores(tell):
    """Tell scores, chances and logarithms of drawn numbers."""
    dice = Dice(1)
    for _ in range(DRAWN):
        axes = [[1 + dice.below(5), [10 * axis + i for i in range(1 + dice.below(3))]] for axis in range(1, 5)]
        directions, tables, places, earlier = {}, {}, {}, {}
        for _, ids in axes:
            for number in ids:
                directions[number] = 1 - 2 * dice.below(2)
                table = drawn_table(dice)
                share = comparison.share_below(dice.below(1200), table[1], table[2])
                if dice.below(5):
                    places[number] = score.place_of_share(share, table[0], directions[number])
                    tables[number] = table
                earlier[number] = dice.below(1001)
        points, before = score.axis_points(axes, places), score.axis_points(axes, earlier)
        past = [dice.below(9) for _ in range(3 + dice.below(9))]
        found = (points, score.overall(axes, points), score.moved_by(axes, before, points))
        own = score.own_place(dice.below(9), past, 1 - 2 * dice.below(2))
        tell("%s %s" % (found, own))
        tell("%s" % (score.chances(axes, places, tables, directions),))
    tell(spaced([ln_milli(1 + dice.below(1 << (1 + i % 15)) * (1 + dice.below(1 << 13))) for i in range(DRAWN)]))


def drawn_table(dice):
    """Return (persons, shares, values) of a benchmark, with ties."""
    count = 2 + dice.below(9)
    shares = [(2 * i + 1) * 500 // count for i in range(count)]
    values = sorted([dice.below(10) * dice.below(130) for _ in range(count)])
    return [10, 29, 30, 399, 400, 5000][dice.below(6)], shares, values


def spaced(numbers):
    """Numbers with a space between."""
    return " ".join([str(number) for number in numbers])


def main(pack_path, trips_path, tell=print):
    """Tell it all, a line at a time."""
    with open(pack_path, "rb") as file:
        process = Process(Pack(file.read()))
    with open(trips_path) as lines:
        trips(process, lines, tell)
    scores(tell)


if __name__ == "__main__":
    main(*sys.argv[1:3])
