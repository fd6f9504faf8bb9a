"""Where a person stands: the score of their totals beside a benchmark or their own past, what moved it, what would.

Pure, and the same on the device, which shows it to the person, and on the server, which shows it to the operator.
"""

from headway_edge.core import score
from headway_edge.core.comparison import share_below
from headway_edge.core.process import NEUTRAL, Characteristic, Process

WEEKS_MAX = 13  # of one's own past that stand in for a benchmark: all that a device keeps by day


class Chance:
    """What would change the score: `characteristic` brought to `value` would gain `points`."""

    def __init__(self, characteristic: Characteristic, value: int, points: int) -> None:
        self.characteristic = characteristic
        self.value = value
        self.points = points


class Standing:
    """The score and what it is made of.

    points: 0..100 of all axes; None where too few of them have data. axes: [(title, points or None), ...] in the pack's
    order. past: the score of the person's latest week, None where it is not known. moved: (title, change) of the axis that
    moved it most since then, or None. own: whether any place is among the person's own past instead of a cohort's.
    chances: what would change the score most, the greatest gain first.

    process: whose numbers these are. totals: of the person. tables: {characteristic id: (persons, shares, values)} of the
    benchmark, {} without one. weeks: totals of the person's own weeks before the present one, the latest first: those of
    the last WEEKS_MAX that have any.
    """

    def __init__(self, process: Process, totals: list, tables: dict, weeks: list) -> None:
        axes = process.pack.axes
        places, self.own = _places(process, totals, tables, weeks)
        points = score.axis_points(axes, places)
        before = [None] * len(axes)
        if weeks:
            before = score.axis_points(axes, _places(process, weeks[0], tables, weeks[1:])[0])
        self.points = score.overall(axes, points)
        self.axes = list(zip(process.axes, points))
        self.past = score.overall(axes, before)
        moved = score.moved_by(axes, before, points)
        self.moved = None if moved is None else (process.axes[moved[0]], moved[1])
        directions = {number: process.by_id[number].direction for _, numbers in axes for number in numbers}
        found = score.chances(axes, places, tables, directions)
        self.chances = [Chance(process.by_id[number], value, gain) for gain, number, value in found if gain > 0]


def _places(process: Process, totals: list, tables: dict, weeks: list) -> tuple:
    # The place 0..1000 of each characteristic on an axis that has one, and whether any is among the person's own weeks.
    found = {}  # type: dict
    own = False
    for _, numbers in process.pack.axes:
        for number in numbers:
            characteristic = process.by_id[number]
            value = characteristic.value(totals)
            if value is None or characteristic.direction == NEUTRAL:
                continue
            if number in tables:
                persons, shares, values = tables[number]
                share = share_below(value, shares, values)
                found[number] = score.place_of_share(share, persons, characteristic.direction)
                continue
            past = [v for v in [characteristic.value(week) for week in weeks] if v is not None]
            place = score.own_place(value, past, characteristic.direction)
            if place is not None:
                found[number] = place
                own = True
    return found, own
