"""The score: where a person stands on the axes of a pack, 0 to 100 each, and all of them together.

An axis is the mean of its characteristics' places, direction-corrected: 100 is the best place, 0 the worst, 50 the
middle. A place is the person's share in the cohort's benchmark, told no finer than the number of persons allows (the
middle of a quarter under 30 persons, of a tenth under 400), or, where there is no benchmark, the share among the person's
own past weeks. An axis without data is left out and never counts as a zero; under half of the weight there is no score.
(Spider chart of normalised characteristics: Lim et al., customer process management, Fig. 7a.)

>>> place_of_share(136, 22, -1), place_of_share(136, 22, 1), place_of_share(864, 2000, -1)
(875, 125, 136)
>>> axes = [[2, [1, 2]], [1, [3]], [1, [4]]]
>>> points = axis_points(axes, {1: 875, 2: 625, 3: 125})
>>> points, overall(axes, points)
([75, 13, None], 54)
>>> overall(axes, [None, 13, None]) is None
True
"""

from headway_edge.core.comparison import HUNDREDTH, parts, place, share_below

OWN_WEEKS_MIN = 5  # of one's own past, to be compared with
_STEPS_MAX = 3


def place_of_share(share_permille: int, persons: int, direction: int) -> int:
    """Return the place 0..1000, best at 1000, of a share of persons below; no finer than `persons` allows.

    direction: 1 higher is better, -1 lower is better.
    """
    fine, which = place(share_permille, persons)
    if fine < HUNDREDTH:
        share_permille = (2 * which - 1) * 500 // fine
    return share_permille if direction > 0 else 1000 - share_permille


def own_place(value: int, past: list, direction: int) -> "int | None":
    """Return the place 0..1000 of a value among one's own past values, ties in the middle; None with too few of them."""
    if len(past) < OWN_WEEKS_MIN:
        return None
    below = sum([2 if other < value else 1 if other == value else 0 for other in past])
    share = (1000 * below + len(past)) // (2 * len(past))
    return share if direction > 0 else 1000 - share


def axis_points(axes: list, places: dict) -> list:
    """Return each axis's points 0..100, half up; None without data. places: {characteristic id: 0..1000}."""
    points = []
    for _, numbers in axes:
        found = [places[number] for number in numbers if number in places]
        points.append((2 * sum(found) + 10 * len(found)) // (20 * len(found)) if found else None)
    return points


def overall(axes: list, points: list) -> "int | None":
    """Return the mean of the axes by weight, 0..100, half up; None where under half of the weight has data."""
    whole = sum([weight for weight, _ in axes])
    weight = total = 0
    for axis, value in zip(axes, points):
        if value is not None:
            weight += axis[0]
            total += axis[0] * value
    return (2 * total + weight) // (2 * weight) if weight and 2 * weight >= whole else None


def moved_by(axes: list, before: list, after: list) -> "tuple | None":
    """Return (axis, change of its points) of the axis that moved the score most; None if none moved.

    Axes without data at either time moved nothing. Among equals the first.
    """
    found = None
    most = 0
    for i in range(len(axes)):
        if before[i] is None or after[i] is None:
            continue
        moved = axes[i][0] * (after[i] - before[i])
        if abs(moved) > most:
            most = abs(moved)
            found = (i, after[i] - before[i])
    return found


def chances(axes: list, places: dict, tables: dict, directions: dict) -> list:
    """Return what would change the score most: [(gain, characteristic, value to reach), ...], the greatest gain first.

    For each characteristic that is not in the best part: the value at which the next better part begins (quarter, tenth
    or hundredth, as finely as places are told), and the points the score would gain at that value. One whose table does
    not reach that far is left out. tables: {id: (persons, shares, values)} of the benchmark. directions: {id: 1 or -1}.
    Points are those of `overall`, so small changes may gain 0. Among equal gains the lowest id comes first.
    """
    now = overall(axes, axis_points(axes, places))
    if now is None:
        return []
    found = []
    for _, numbers in axes:
        for number in numbers:
            if number not in places or number not in tables:
                continue
            reached = _next_better(places[number], tables[number], directions[number])
            if reached is None:
                continue
            value, better = reached
            other = dict(places)
            other[number] = better
            after = overall(axes, axis_points(axes, other))
            if after is not None:  # the same axes have data as before
                found.append((after - now, number, value))
    # By two keys: MicroPython's sort does not keep the order of equals.
    return sorted(found, key=lambda chance: (-chance[0], chance[1]))


def _next_better(place_permille: int, table: tuple, direction: int) -> "tuple | None":
    # (value, its place) with which the next better part begins.
    persons, shares, values = table
    fine = parts(persons)
    better = place_permille + 1000 // fine
    # Where that part begins, as a place; a place among hundreds is told as it is.
    least = better - (500 // fine if fine < HUNDREDTH else 0)
    # A part holds its lower end and not its upper one, which matters where less is better.
    share = least if direction > 0 else 1000 - least - (1 if fine < HUNDREDTH else 0)
    value = value_at(share, shares, values)
    # Values are whole numbers, and where people tie a place jumps: the next one or two may be it.
    for _ in range(3):
        if value < 0 <= values[0]:
            return None  # nobody has less than nothing
        reached = place_of_share(share_below(value, shares, values), persons, direction)
        if reached >= better:
            return value, reached
        value += direction
    return None


def value_at(share_permille: int, shares: list, values: list) -> int:
    """Return the value below which a share of persons lies, between knots by straight lines, half up; at the ends flat.

    >>> value_at(500, [136, 386, 614, 864], [51, 80, 120, 230]), value_at(0, [136, 386], [51, 80])
    (100, 51)
    """
    if share_permille <= shares[0]:
        return values[0]
    for i in range(1, len(shares)):
        if share_permille <= shares[i]:
            width = shares[i] - shares[i - 1]
            rise = (values[i] - values[i - 1]) * (share_permille - shares[i - 1])
            return values[i - 1] + (2 * rise + width) // (2 * width)
    return values[-1]
