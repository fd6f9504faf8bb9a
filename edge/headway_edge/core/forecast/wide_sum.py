"""Sums that outgrow a machine word, in limbs of 29 bits side by side in an array('i'); nothing is allocated by adding.

A sum has two limbs (size under 2**58, signed), a sum of squares three (under 2**87). The lowest limb comes first and is
never negative. What would not fit stays at the largest sum there is.

>>> from array import array
>>> limbs = array("i", [0, 0, 0, 0, 0])
>>> for error in (-536870912, 3, 536870911):
...     add(limbs, 0, error)
...     add_square(limbs, 2, error)
>>> value(limbs, 0, 2), value(limbs, 2, 3) == 536870912**2 + 9 + 536870911**2
(2, True)
"""

from array import array

BITS = 29
SUM, SQUARES = 2, 3  # limbs
_LIMB = (1 << BITS) - 1
_HALF_BITS = 15
_HALF = (1 << _HALF_BITS) - 1


def add(limbs: array, at: int, number: int) -> None:
    """Add a number of size up to 2**29 to the sum at `at`."""
    low = limbs[at] + number  # from -2**29 to under 2**30
    high = limbs[at + 1] + (low >> BITS)
    if -_LIMB <= high <= _LIMB:
        limbs[at] = low & _LIMB
        limbs[at + 1] = high


def add_square(limbs: array, at: int, number: int) -> None:
    """Add the square of a number of size up to 2**29 to the sum of squares at `at`."""
    if number < 0:
        number = -number
    # (a * 2**15 + b)**2 = a**2 * 2**30 + a * b * 2**16 + b**2, each part spread over the limbs that it reaches into.
    a = number >> _HALF_BITS
    b = number & _HALF
    square = b * b
    cross = a * b
    low = limbs[at] + (square & _LIMB)
    middle = limbs[at + 1] + (square >> BITS) + (cross >> 13) + (low >> BITS)
    low = (low & _LIMB) + ((cross & 8191) << 16)
    middle += low >> BITS
    # a * a is at most 2**28, so twice as much would not fit beside the rest.
    middle += a * a
    high = limbs[at + 2] + (middle >> BITS)
    middle = (middle & _LIMB) + a * a
    high += middle >> BITS
    if high <= _LIMB:
        limbs[at] = low & _LIMB
        limbs[at + 1] = middle & _LIMB
        limbs[at + 2] = high


def value(limbs: array, at: int, count: int) -> int:
    """Return the sum of `count` limbs at `at` as one integer."""
    total = 0
    for i in range(at + count - 1, at - 1, -1):
        total = (total << BITS) + limbs[i]
    return total
