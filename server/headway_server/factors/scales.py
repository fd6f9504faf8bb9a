"""How the values of a factor are counted: numbers on a scale from -1 to 1, names by their place in a list.

A scale is made from the time that is learned from and holds for all that comes later, so it sees nothing of the future.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from headway_edge.core.forecast.factor_weight import FACTOR_ONE, LEVELS_MAX, MISSING
from headway_server.factors.observation import FactorValue

_NAME_LEAST = 5  # observations of a name, for it to have a weight of its own
# Three bands of equal width: low, middle, high.
BAND_EDGES = [-FACTOR_ONE // 3, FACTOR_ONE // 3 + 1]


@dataclass(frozen=True, slots=True)
class NumberScale:
    """Numbers from `low` (-1) to `high` (1), cut beyond."""

    low: float
    high: float

    def index(self, value: FactorValue) -> int:
        """Return a value in 1/1024 from -1024 to 1024; MISSING for a name or nothing.

        >>> NumberScale(0, 10).index(7.5), NumberScale(0, 10).index(99), NumberScale(0, 10).index(None) == MISSING
        (512, 1024, True)
        """
        if not isinstance(value, float | int):
            return MISSING
        share = (value - self.low) / (self.high - self.low)
        return round((2 * max(0.0, min(1.0, share)) - 1) * FACTOR_ONE)


@dataclass(frozen=True, slots=True)
class NameScale:
    """Names, the most frequent first."""

    names: tuple[str, ...]

    def index(self, value: FactorValue) -> int:
        """Return a name's place; MISSING for one that is not in the list, and for nothing."""
        text = name_of(value)
        return self.names.index(text) if text in self.names else MISSING


def name_of(value: FactorValue) -> str | None:
    """Return a value as a name: numbers as they are written, 3.0 as "3"."""
    return f"{value:g}" if isinstance(value, float | int) else value


def scale_of(values: Sequence[FactorValue]) -> NumberScale | NameScale:
    """Return the scale for a factor, from its values in the time that is learned from.

    It is a number where all that is known are numbers. Numbers within -1 to 1 are taken as they are; others from their 5 %
    to their 95 % quantile, so that one outlier does not squeeze all others together. Of names the 32 most frequent that are
    there at least 5 times; equals in order of the alphabet.

    >>> scale_of([-0.5, None, 1]), scale_of([float(n) for n in range(101)]), scale_of([*5 * ["b"], "a", *6 * [3.0]])
    (NumberScale(low=-1.0, high=1.0), NumberScale(low=5.0, high=95.0), NameScale(names=('3', 'b')))
    """
    known = [value for value in values if value is not None]
    numbers = sorted(float(value) for value in known if isinstance(value, float | int))
    if len(numbers) < len(known):
        counted = Counter(name_of(value) or "" for value in known)
        often = sorted((-count, name) for name, count in counted.items() if count >= _NAME_LEAST)
        return NameScale(tuple(name for _, name in often[:LEVELS_MAX]))
    if not numbers or -1 <= numbers[0] <= numbers[-1] <= 1:
        return NumberScale(-1.0, 1.0)
    last = len(numbers) - 1
    low, high = numbers[(5 * last + 50) // 100], numbers[(95 * last + 50) // 100]
    return NumberScale(low, high) if low < high else NumberScale(numbers[0], numbers[-1] + (numbers[0] == numbers[-1]))
