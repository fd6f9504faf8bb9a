"""The size of an acceleration vector, which does not depend on how a band sits on the wrist; by integers alone.

>>> size = Size()
>>> size.of(0, 0, 1000), size.of(-600, 0, 800), size.of(0, 0, 0), size.of(1, 1, 1)
(1000, 1000, 0, 1)
"""

AXIS_MG_MAX = 8000  # of an axis, either way: three squares stay under 2**29


class Size:
    """Square roots of one sample after the other: each begins with the one before, so one or two steps are enough."""

    def __init__(self) -> None:
        self._root = 1000

    def of(self, x_mg: int, y_mg: int, z_mg: int) -> int:
        """Return the size in milli-g, rounded down. Axes beyond AXIS_MG_MAX are cut there."""
        x_mg = min(max(x_mg, -AXIS_MG_MAX), AXIS_MG_MAX)
        y_mg = min(max(y_mg, -AXIS_MG_MAX), AXIS_MG_MAX)
        z_mg = min(max(z_mg, -AXIS_MG_MAX), AXIS_MG_MAX)
        square = x_mg * x_mg + y_mg * y_mg + z_mg * z_mg
        # Newton's; after one step it is not under the root, whatever it began with.
        root = self._root
        root = (root + square // root) >> 1
        while root:
            better = (root + square // root) >> 1
            if better >= root:
                break
            root = better
        self._root = root if root else 1
        return root


def check_period(period_ms: int) -> None:
    """Raise ValueError for a sampling period that is not of 25 to 50 Hz."""
    if not 20 <= period_ms <= 40:
        raise ValueError("a period of %d ms: acceleration is sampled every 20 to 40 ms" % period_ms)
