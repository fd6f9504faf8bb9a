"""The windows of epochs, logarithms and roots of packs of kind "day", over whole arrays.

As `headway_edge.core.epochs` and `headway_edge.core.logarithm`, to the same integer.
"""

import numpy as np

from headway_server.bulk.samples import Integers, Truths

_FRACTION = 14  # bits below one, as in the scalar logarithm: its steps are part of the result
_LN2 = 45426


class Windows:
    """Windows over one person's epochs.

    slots: shape (rows), rising; the number of each row's epoch, so that numbers between two rows are epochs that nobody
    observed. Columns are (numbers, is_valid), both of shape (rows); so are results. Where a result is not valid its numbers
    mean nothing.
    """

    def __init__(self, slots: Integers) -> None:
        self._slots = slots

    def ago(self, numbers: Integers, is_valid: Truths, epochs: int) -> tuple[Integers, Truths]:
        """Return the numbers of `epochs` (0 or more) ago."""
        sought = self._slots - epochs
        rows = np.searchsorted(self._slots, sought)  # what is sought is never after the row itself
        return numbers[rows], (self._slots[rows] == sought) & is_valid[rows]

    def total(self, numbers: Integers, is_valid: Truths, epochs: int) -> tuple[Integers, Truths]:
        """Return the sums over the last `epochs` (1 or more), where none of them is missing."""
        return _last(np.where(is_valid, numbers, 0), epochs), self._is_whole(is_valid, epochs)

    def deviation(self, numbers: Integers, is_valid: Truths, epochs: int) -> tuple[Integers, Truths]:
        """Return 1000 times the sample standard deviations of the last `epochs` (2 or more), half up, where none is missing.

        The range of the numbers times `epochs` is under 2**14.5, which the reader of packs sees to.
        """
        is_whole = self._is_whole(is_valid, epochs)
        if not is_whole.any():
            return np.zeros(len(numbers), np.int64), is_whole
        shifted = np.where(is_valid, numbers - numbers[is_valid].min(), 0)  # keeps the squares small
        totals = _last(shifted, epochs)
        above = np.where(is_whole, epochs * _last(shifted * shifted, epochs) - totals * totals, 0)
        return roots_milli(above, epochs * (epochs - 1)), is_whole

    def _is_whole(self, is_valid: Truths, epochs: int) -> Truths:
        # The epochs are there if the row so many rows ago is as many epochs ago.
        is_whole = np.zeros(len(is_valid), np.bool_)
        back = epochs - 1
        slots = self._slots
        is_whole[back:] = slots[back:] - slots[: max(len(slots) - back, 0)] == back
        is_whole &= _last(is_valid.astype(np.int64), epochs) == epochs
        return is_whole


def _last(numbers: Integers, rows: int) -> Integers:
    # Sums over the last so many rows, or as many as there are.
    sums: Integers = np.cumsum(numbers)
    sums[rows:] -= sums[:-rows].copy()
    return sums


def roots_milli(above: Integers, below: int) -> Integers:
    """Return 1000 * sqrt(above / below), rounded half up; above is 0 to 2**29 - 1, below 2 to 2**20.

    >>> roots_milli(np.array([2, 9, 0]), 4).tolist()
    [707, 1500, 0]
    """
    # The largest root with (root - 1/2)^2 <= 10^6 * above / below, from one that floating point has at most 1 off.
    limit = 4_000_000 * above
    root: Integers = np.floor(1000 * np.sqrt(above / below) + 0.5).astype(np.int64)
    root += (2 * root + 1) ** 2 * below <= limit
    root -= (root > 0) & ((2 * root - 1) ** 2 * below > limit)
    return root


def logarithms_milli(numbers: Integers) -> Integers:
    """Return what `headway_edge.core.logarithm.ln_milli` does for each of the numbers, 1 to 2**29 - 1.

    >>> logarithms_milli(np.array([1, 2, 301, 536870911])).tolist()
    [0, 693, 5707, 20101]
    """
    whole = np.frexp(numbers.astype(np.float64))[1].astype(np.int64) - 1
    rest = np.where(
        whole <= _FRACTION, numbers << np.maximum(_FRACTION - whole, 0), numbers >> np.maximum(whole - _FRACTION, 0)
    )
    bits = np.zeros(len(numbers), np.int64)
    for _ in range(12):
        rest = (rest * rest) >> _FRACTION
        is_two = rest >= 2 << _FRACTION
        rest = np.where(is_two, rest >> 1, rest)
        bits = (bits << 1) + is_two
    found: Integers = (whole * _LN2 * 125 + (bits * _LN2 >> 12) * 125 + 4096) >> 13
    return found
