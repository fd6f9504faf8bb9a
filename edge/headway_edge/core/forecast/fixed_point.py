"""Numbers with a fraction on a machine of 31-bit integers: quanta, ulps, gains, and products split so that they fit.

- A value is a whole number of its characteristic's quantum, of size VALUE_MAX at most; what is larger is cut, never wrapped.
- A state is counted in ulps: ULPS = 256 to a quantum, so it stays within STATE_MAX = 2**28.
- A gain is a share from 0 to 1 in steps of 2**-15 (`gain(3, 10)` is 0.3 to 0.000015), GAIN_ONE being 1.
- A cell is a state with a remainder: two neighbours in an array('i'), ulps rounded down and what was rounded off, in 2**-15
  ulp. A recursion on plain ulps loses up to half an ulp a step, which adds up to 0.5 / alpha ulps, and stops short of
  its aim by as much; one on cells, whose errors are taken from the whole cell, stays within about half an ulp.

Every intermediate of an update is under 2**30 in size, so nothing is allocated where small integers have 31 bits.

>>> times(gain(3, 10), to_ulps(1000)), to_quanta(times(gain(3, 10), to_ulps(1000)))
(76797, 300)
>>> from array import array
>>> cells = array("i", [0, 0])
>>> for _ in range(1000):
...     add_times(cells, 0, gain(1, 1000), 1)
>>> rounded(cells, 0)
1
"""

from array import array

FRACTION_BITS = 8
ULPS = 1 << FRACTION_BITS  # in a quantum
VALUE_MAX = 1 << 20  # quanta, either way
STATE_MAX = VALUE_MAX << FRACTION_BITS
GAIN_BITS = 15
GAIN_ONE = 1 << GAIN_BITS
HORIZON_MAX = 56  # steps that anything is forecast ahead: eight weeks of days
_LOW = GAIN_ONE - 1
_HALF = GAIN_ONE >> 1
_HALF_QUANTUM = ULPS >> 1


def gain(numerator: int, denominator: int) -> int:
    """Return a share as a gain, half up. Raises ValueError outside of 0 to 1.

    >>> gain(1, 2), gain(1, 3), gain(1, 1)
    (16384, 10923, 32768)
    """
    if not 0 <= numerator <= denominator or denominator < 1:
        raise ValueError("a smoothing parameter of %d/%d: it is a share from 0 to 1" % (numerator, denominator))
    return (2 * GAIN_ONE * numerator + denominator) // (2 * denominator)


def check_gain(name: str, number: int, least: int = 0, most: int = GAIN_ONE) -> int:
    """Return `number` if it is a gain from `least` to `most`. Raises ValueError naming the parameter."""
    if not least <= number <= most:
        raise ValueError("%s is %d: it is counted in 1/32768 and lies from %d to %d" % (name, number, least, most))
    return number


def check_horizon(h: int) -> int:
    """Return `h` if it is a number of steps ahead. Raises ValueError."""
    if not 1 <= h <= HORIZON_MAX:
        raise ValueError("a forecast %d steps ahead: 1 to %d are possible" % (h, HORIZON_MAX))
    return h


def cut(number: int, most: int) -> int:
    """Return `number`, or the nearer of -most and most where it lies beyond.

    >>> cut(5, 9), cut(-10, 9), cut(1 << 40, 9)
    (5, -9, 9)
    """
    if number > most:
        return most
    return number if number >= -most else -most


def to_ulps(value: int) -> int:
    """Return a value in ulps, cut to what a state can hold."""
    return cut(value, VALUE_MAX) << FRACTION_BITS


def to_quanta(ulps: int) -> int:
    """Return ulps in whole quanta, half up.

    >>> to_quanta(128), to_quanta(127), to_quanta(-128), to_quanta(-129)
    (1, 0, 0, -1)
    """
    return (ulps + _HALF_QUANTUM) >> FRACTION_BITS


def times(share: int, number: int) -> int:
    """Return share * number for a gain and a number of size up to 2**29: exactly, then rounded half up."""
    return (number >> GAIN_BITS) * share + (((number & _LOW) * share + _HALF) >> GAIN_BITS)


def add_times(cells: array, at: int, share: int, number: int, less: int = 0) -> None:
    """Add share * (number - less) to the cell at `at`, cut at STATE_MAX; under 2**-15 ulp is lost.

    number: ulps, size up to 2**29. less: a remainder, 2**-15 ulp, 0..32767.
    """
    # The largest: (2**15 - 1) * 2**15 + 2**15 - 1 = 2**30 - 1, the largest small integer of 31 bits.
    low = cells[at + 1] + (number & _LOW) * share - (less * share >> GAIN_BITS)
    high = cells[at] + (number >> GAIN_BITS) * share + (low >> GAIN_BITS)
    if -STATE_MAX <= high < STATE_MAX:
        cells[at] = high
        cells[at + 1] = low & _LOW
    else:
        put(cells, at, cut(high, STATE_MAX))


def scale(cells: array, at: int, share: int) -> None:
    """Multiply the cell at `at` by a gain; under 2**-15 ulp is lost."""
    number = cells[at]
    low = (number & _LOW) * share + (cells[at + 1] * share >> GAIN_BITS)
    cells[at] = (number >> GAIN_BITS) * share + (low >> GAIN_BITS)
    cells[at + 1] = low & _LOW


def add_cell(cells: array, at: int, other: int) -> None:
    """Add the cell at `other` to the one at `at`, exactly, cut at STATE_MAX."""
    low = cells[at + 1] + cells[other + 1]
    high = cells[at] + cells[other] + (low >> GAIN_BITS)
    if -STATE_MAX <= high < STATE_MAX:
        cells[at] = high
        cells[at + 1] = low & _LOW
    else:
        put(cells, at, cut(high, STATE_MAX))


def put(cells: array, at: int, ulps: int) -> None:
    """Set the cell at `at` to whole ulps."""
    cells[at] = ulps
    cells[at + 1] = 0


def rounded(cells: array, at: int) -> int:
    """Return the cell at `at` in ulps, half up."""
    return cells[at] + (cells[at + 1] >> (GAIN_BITS - 1))
