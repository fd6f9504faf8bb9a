"""Where a value lies in a benchmark, said no finer than the number of people behind it allows.

The sampling error of a share of n persons is sqrt(p(1-p)/n): 16 points at n = 10, 9 at 30, 2.5 at 400. So under 30 persons
a device says a quarter, under 400 a tenth, and only above that a percentage.

>>> shares, values = [136, 386, 614, 864], [51, 80, 120, 230]
>>> [share_below(v, shares, values) for v in (10, 51, 100, 500)]
[136, 136, 500, 864]
>>> place(500, 22), place(136, 22), place(864, 22)
((4, 3), (4, 1), (4, 4))
"""

QUARTER, TENTH, HUNDREDTH = 4, 10, 100
_TENTH_FROM_PERSONS = 30
_HUNDREDTH_FROM_PERSONS = 400


def share_below(value: int, shares: list, values: list) -> int:
    """Return the share of persons below `value`, in per mille, between the knots by straight lines.

    shares: increasing, per mille; values: non-decreasing, as long. Outside the knots the share is that of the outermost
    one: a table says nothing about its ends. Where knots tie, the middle of their shares. Rounded half up.
    """
    last = len(values) - 1
    if value < values[0]:
        return shares[0]
    if value > values[last]:
        return shares[last]
    first_equal = last_equal = -1
    for i in range(last + 1):
        if values[i] == value:
            last_equal = i
            if first_equal < 0:
                first_equal = i
    if first_equal >= 0:
        return (shares[first_equal] + shares[last_equal] + 1) // 2
    i = 1
    while values[i] < value:
        i += 1
    width = values[i] - values[i - 1]
    rise = (shares[i] - shares[i - 1]) * (value - values[i - 1])
    return shares[i - 1] + (2 * rise + width) // (2 * width)


def tied(value: int, shares: list, values: list) -> int:
    """Return the share of persons, in per mille, between the outermost knots that equal `value`; 0 for fewer than two.

    Where most people have the same value, a place among them says nothing.

    >>> tied(0, [136, 386, 614, 864], [0, 0, 0, 45]), tied(45, [136, 386, 614, 864], [0, 0, 0, 45])
    (478, 0)
    """
    equal = [shares[i] for i in range(len(values)) if values[i] == value]
    return equal[-1] - equal[0] if equal else 0


def parts(persons: int) -> int:
    """Return how finely a place among `persons` may be told: QUARTER, TENTH or HUNDREDTH."""
    if persons < _TENTH_FROM_PERSONS:
        return QUARTER
    return TENTH if persons < _HUNDREDTH_FROM_PERSONS else HUNDREDTH


def place(share_permille: int, persons: int) -> tuple:
    """Return (parts, which): which part of the persons, counted from 1 at the lowest values, the share falls in."""
    fine = parts(persons)
    which = share_permille * fine // 1000 + 1
    return fine, which if which <= fine else fine
