"""The last epochs of a few numbers: what an epoch's number was some epochs ago, and totals and spread over the last ones.

An epoch's number is a count over a stretch of time, no reading at a moment: so there is nothing between two epochs to look
up, and an epoch that was not observed is a slot that is MISSING. `history` is the counterpart for moments.

>>> epochs = Epochs(1, 6)
>>> for count in (4, 8, 6, 6):
...     epochs.push(1)
...     epochs.put(0, count)
>>> epochs.ago(0, 2), epochs.total(0, 4), epochs.deviation(0, 4)
(8, 24, 1633)
>>> epochs.push(3)
>>> epochs.ago(0, 3), epochs.ago(0, 2) == MISSING, epochs.total(0, 4) == MISSING
(6, True, True)
"""

from array import array

from headway_edge.core.program import MISSING


class Epochs:
    """A ring of epochs, `columns` numbers each, all MISSING at first.

    length: how many epochs are kept. Memory: 4 * length * columns bytes. Nothing is allocated after construction. Call `push`
    once an epoch, then `put` each column; then ask.
    """

    def __init__(self, columns: int, length: int) -> None:
        self._length = length
        self._columns = [array("i", [MISSING] * length) for _ in range(columns)]
        self._at = 0

    def push(self, epochs: int) -> None:
        """Begin the epoch that is `epochs` after the one before; those between are MISSING."""
        length = self._length
        at = self._at
        for _ in range(min(epochs, length)):
            at += 1
            if at == length:
                at = 0
            for column in self._columns:
                column[at] = MISSING
        self._at = at

    def put(self, column: int, number: int) -> None:
        """Store a number of the present epoch."""
        self._columns[column][self._at] = number

    def ago(self, column: int, epochs: int) -> int:
        """The number of `epochs` ago, 0..length-1; MISSING if there was none."""
        return self._columns[column][self._at - epochs]  # below 0 it counts from the end, as a ring does

    def total(self, column: int, epochs: int) -> int:
        """The sum over the last `epochs`, the present one included; MISSING if one of them is."""
        numbers = self._columns[column]
        at = self._at
        total = 0
        for back in range(epochs):
            number = numbers[at - back]
            if number == MISSING:
                return MISSING
            total += number
        return total

    def deviation(self, column: int, epochs: int) -> int:
        """1000 times the sample standard deviation (divisor n - 1) of the last `epochs`, 2 or more, rounded half up.

        MISSING if one of them is. The range of the numbers times `epochs` must be under 2**14.5, which the reader of packs
        sees to.
        """
        numbers = self._columns[column]
        at = self._at
        base = numbers[at]
        total = squares = 0
        for back in range(epochs):
            number = numbers[at - back]
            if number == MISSING:
                return MISSING
            number -= base  # a shift changes no spread, and keeps the squares small
            total += number
            squares += number * number
        return root_milli(epochs * squares - total * total, epochs * (epochs - 1))

    def state(self) -> list:
        """The ring as integers, for a checkpoint."""
        state = [self._at]
        for numbers in self._columns:
            state.extend(numbers)
        return state

    def restore(self, state: list) -> None:
        """Go on from `state`, given by a ring of the same shape."""
        self._at = state[0]
        at = 1
        for i in range(len(self._columns)):
            self._columns[i] = array("i", state[at : at + self._length])
            at += self._length

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 1 + self._length * len(self._columns)


def root_milli(above: int, below: int) -> int:
    """Return 1000 * sqrt(above / below), rounded half up; above is 0 to 2**29 - 1, below 2 to 2**20.

    Digit by digit as by hand, so that no number on the way outgrows 2**29.

    >>> root_milli(2, 4), root_milli(810000, 30), root_milli(9, 4)
    (707, 164317, 1500)
    """
    whole = above // below
    left = above % below
    root = 0
    bit = 1 << 28
    while bit > whole:
        bit >>= 2
    while bit:  # the root of the whole part, bit by bit
        if whole >= root + bit:
            whole -= root + bit
            root = (root >> 1) + bit
        else:
            root >>= 1
        bit >>= 2
    for _ in range(3):  # three decimals: `whole` is what is left of the radicand, `left` of its fraction
        left *= 100
        whole = whole * 100 + left // below
        left %= below
        digit = 0
        while whole >= 20 * root + 2 * digit + 1:
            whole -= 20 * root + 2 * digit + 1
            digit += 1
        root = 10 * root + digit
    # More than half a thousandth is left if what remains exceeds root + 1/4.
    return root + 1 if whole > root or (whole == root and 4 * left >= below) else root
