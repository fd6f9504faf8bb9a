"""Hard acceleration and braking: the change of speed over one second of time, whatever the sampling rate.

At 10 Hz a change over one sample would be a tenth of what a 1 Hz device sees; counts of the two could not be compared.
So the speed one second ago is looked up in a short ring, interpolated between its neighbours.

Rules 3 to 6 of the tachograph criteria: acceleration from v0 >= 6 km/h and start from v0 <= 5 count as hard
acceleration; deceleration to v1 >= 6 and stop to v1 <= 5 as hard braking. Speeds are rounded to whole km/h first, because
the criteria are stated for integer speeds and would leave 5.5 km/h to nobody. One event per excursion (rising edge).
"""

from array import array

_RING = 32  # more than a second at 25 Hz
_SECOND_MS = 1000


class SpeedChange:
    """Rising edges of hard acceleration (+1) and braking (-1).

    thresholds: eight km/h per second, as in `definition.HARD_CHANGE`.

    >>> change = SpeedChange((12, 10, 8, 10, 14, 15, 15, 14))
    >>> found = []
    >>> for speed_ckmh in (3000, 3800, 4600, 4700, 3100, 1500, 1500):
    ...     change.push(1000, speed_ckmh)
    ...     found.append(change.hard())
    >>> found
    [0, 1, 0, 0, -1, 0, 0]
    """

    def __init__(self, thresholds: "tuple[int, ...]") -> None:
        self._thresholds = thresholds
        self._steps_ms = array("i", [0] * _RING)
        self._speeds_ckmh = array("i", [0] * _RING)
        self._at = 0
        self._filled = 0
        self._accelerating = 0
        self._braking = 0

    def reset(self) -> None:
        """Forget the past, as after a gap: the next second has no change."""
        self._filled = 0
        self._accelerating = self._braking = 0

    def push(self, step_ms: int, speed_ckmh: int) -> None:
        """Add a sample `step_ms` after the one before."""
        at = self._at + 1
        if at == _RING:
            at = 0
        self._at = at
        self._steps_ms[at] = step_ms
        self._speeds_ckmh[at] = speed_ckmh
        if self._filled < _RING:
            self._filled += 1

    def hard(self) -> int:
        """Return +1 when hard acceleration begins with the sample just pushed, -1 for hard braking, else 0."""
        before = self._second_ago()
        if before < 0:
            return 0
        v0 = (before + 50) // 100
        v1 = (self._speeds_ckmh[self._at] + 50) // 100
        change = v1 - v0
        limits = self._thresholds
        if change > 0:
            self._braking = 0
            if v0 <= 5:
                limit = limits[3]
            elif v0 <= 10:
                limit = limits[0]
            elif v0 <= 20:
                limit = limits[1]
            else:
                limit = limits[2]
            hit = 1 if change >= limit else 0
            edge = hit and not self._accelerating
            self._accelerating = hit
            return 1 if edge else 0
        self._accelerating = 0
        if v1 <= 5:
            limit = limits[7]
        elif v0 <= 30:
            limit = limits[4]
        elif v0 <= 50:
            limit = limits[5]
        else:
            limit = limits[6]
        hit = 1 if -change >= limit else 0
        edge = hit and not self._braking
        self._braking = hit
        return -1 if edge else 0

    def _second_ago(self) -> int:
        # Walk back until a second is covered; -1 when the ring does not reach that far.
        steps, speeds = self._steps_ms, self._speeds_ckmh
        at = self._at
        covered = 0
        for _ in range(self._filled - 1):
            step = steps[at]
            covered += step
            newer = speeds[at]
            at -= 1
            if at < 0:
                at = _RING - 1
            if covered >= _SECOND_MS:
                older = speeds[at]
                return older + (newer - older) * (covered - _SECOND_MS) // step
        return -1
