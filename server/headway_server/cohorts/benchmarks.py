"""Knots: a cohort's distribution as a few points, none of which is one person's value.

Pure. The persons are sorted by value and cut into adjacent groups of at least five; each knot is a group's place (the
share of persons below its middle) and the mean of its values, of which none may dominate the others (`dominance`). So there are
at most floor(n / 5) knots, the ends are means of the five lowest and highest or more, and no published value is taken from one
person: a mean that is somebody's value is so by chance, or because all five have it.

>>> knots([51, 80, 120, 230], 10) is None
True
>>> knots(list(range(0, 220, 10)), 10)
([136, 386, 614, 864], [25, 80, 130, 185])
>>> shares, values = knots(list(range(105)), 10)
>>> len(shares), values[:3], values[-1]
(21, [2, 7, 12], 102)
"""

from itertools import pairwise

from headway_protocol.benchmark import FLOOR_MIN, KNOTS_MAX, PERSONS_PER_KNOT
from headway_server.cohorts.dominance import cut

# Where 21 knots do best (a rank error under 1 % for skewed distributions, against 4 % for equal steps): per mille.
TARGETS_PERMILLE = (
    *(0, 10, 25, 50, 100, 150, 200, 250, 300, 400, 500),
    *(600, 700, 750, 800, 850, 900, 950, 975, 990, 1000),
)


def knots(values: list[int], k_floor: int) -> tuple[list[int], list[int]] | None:
    """Return (shares in per mille, values), or None for fewer than max(k_floor, FLOOR_MIN) persons.

    values: one of each person, any order. Guaranteed: each knot is over at least PERSONS_PER_KNOT persons; every person
    is in exactly one group; shares increase strictly within 0..1000, values never decrease. With n < 105, n // 5 groups
    whose sizes differ by at most one, the larger ones outside. From n = 105 on, 21 groups around TARGETS_PERMILLE, as
    near as groups of five allow; from n = 1000 on no group is pushed aside by another. Ties are not resolved: equal
    values in two groups give equal knot values, and a reader takes the middle of their shares.
    """
    n = len(values)
    if n < max(k_floor, FLOOR_MIN):
        return None
    ordered = sorted(values)
    edges = _edges(n)
    # The middle of a group: (first + last) / 2 persons below, out of n; rounded half up.
    shares = [(1000 * (first + last) + n) // (2 * n) for first, last in pairwise(edges)]
    means = [_mean(cut(ordered[first:last])) for first, last in pairwise(edges)]
    return shares, means


def _edges(n: int) -> list[int]:
    count = min(KNOTS_MAX, n // PERSONS_PER_KNOT)
    if count < KNOTS_MAX:
        edges = [0]
        for size in _equal_sizes(n, count):
            edges.append(edges[-1] + size)
        return edges
    # Borders half way between targets, each at least five persons after the one before; the upper half mirrors it.
    lower = [0]
    for j in range(KNOTS_MAX // 2):
        border = (n * (TARGETS_PERMILLE[j] + TARGETS_PERMILLE[j + 1]) + 1000) // 2000
        lower.append(max(border, lower[-1] + PERSONS_PER_KNOT))
    return lower + [n - edge for edge in reversed(lower)]


def _equal_sizes(n: int, count: int) -> list[int]:
    size, larger = divmod(n, count)
    sizes = [size] * count
    if larger % 2 and count % 2:
        sizes[count // 2] += 1
        larger -= 1
    for i in range(larger):
        # From the ends inwards, left and right in turn: the ends are the most telling, so they get the larger groups.
        sizes[i // 2 if i % 2 == 0 else count - 1 - i // 2] += 1
    return sizes


def _mean(values: list[int]) -> int:
    return (2 * sum(values) + len(values)) // (2 * len(values))
