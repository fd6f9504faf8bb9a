"""A tally: how many trips there were, how far they went, and the totals that their pack defines.

The first two are of every pack, so that a fleet can be told what it drove whatever it counts.

>>> from headway_server.packs.processes import shipped
>>> process = next(pack.process for pack in shipped() if pack.process.name == "private-driving")
>>> one = Tally(1, 500, process.totals([0] * len(process.pack.cells)))
>>> merge(process, one, one).trips, merge(process, None, one) == one, less(process, one, one).trips
(2, True, 0)
"""

from dataclasses import dataclass

from headway_edge.core.process import Process


@dataclass(frozen=True, slots=True)
class Tally:
    """What trips of one pack add up to. totals: in the pack's order."""

    trips: int
    distance_m: int
    totals: list[int]


def merge(process: Process, first: Tally | None, second: Tally) -> Tally:
    """Return both together; None is nothing. Commutative and associative."""
    if first is None:
        return second
    return Tally(
        first.trips + second.trips,
        first.distance_m + second.distance_m,
        process.merge(first.totals, second.totals),
    )


def less(process: Process, tally: Tally, part: Tally) -> Tally:
    """Return a tally without a part of it. A highest or lowest value stays as it is: nothing can be taken out of it."""
    totals = [
        a - b if how == "sum" else a
        for (how, _), a, b in zip(process.pack.period, tally.totals, part.totals, strict=True)
    ]
    return Tally(tally.trips - part.trips, tally.distance_m - part.distance_m, totals)
