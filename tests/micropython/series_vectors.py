"""Follow the series of a process over made trips and print what becomes of them.

    series_vectors.py PACK SEED CLASS...

Runs unmodified on CPython and MicroPython. PACK is compiled; CLASS: for each customer factor of it the place of the person's
class, -1 where it is not known.
"""

import sys

from headway_edge.core.control_chart import OPENED
from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_edge.core.series import series_of
from headway_edge.core.series_walk import SeriesWalk

TRIPS = 300


class Dice:
    """The same numbers everywhere (Park and Miller's generator, by Schrage's division)."""

    def __init__(self, seed):
        self.state = seed + 1

    def roll(self, sides):
        """Return 0 to sides - 1."""
        self.state = 16807 * (self.state % 127773) - 2836 * (self.state // 127773)
        if self.state <= 0:
            self.state += 2147483647
        return self.state % sides


def main(pack, seed, classes):
    """Print what is told, and at the end everything."""
    with open(pack, "rb") as file:
        process = Process(Pack(file.read()))
    dice = Dice(seed)
    series = series_of(process, [MISSING if place < 0 else place for place in classes])
    days = {}
    walk = SeriesWalk(process, days.get, series)
    day = 20000
    scale = 1 if process.pack.kind == "trip" else 300  # a day is long
    for i in range(TRIPS):
        most = 400 if i % 120 < 70 else 3000
        numbers = [1 + scale * dice.roll(most) for _ in process.pack.cells]
        totals = process.totals(numbers)
        day += dice.roll(3) // 2
        known = None if dice.roll(20) == 0 else day
        for item, flags in walk.add(totals, known):
            change = item.change()
            told = item.sentence(change) if flags & OPENED else ""
            print(i, item.characteristic.id, flags, None if change is None else change.as_integers(), told)
        if known is not None:
            days[day] = process.merge(days.get(day), totals)
        if i % 30 == 0:
            print(i, [item.expected() for item in series])
    for item in series:
        print(item.state())


main(sys.argv[1], int(sys.argv[2]), [int(place) for place in sys.argv[3:]])
