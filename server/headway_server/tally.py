"""A tally: how many trips there were, how far they went, and the totals that their pack defines.

The first two are of every pack, so that a fleet can be told what it drove whatever it counts.

>>> from headway_server.processes import shipped
>>> process = next(pack.process for pack in shipped() if pack.process.name == "private-driving")
>>> one = Tally(1, 500, process.totals([0] * len(process.pack.cells)))
>>> merge(process, one, one).trips, merge(process, None, one) == one
(2, True)
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
