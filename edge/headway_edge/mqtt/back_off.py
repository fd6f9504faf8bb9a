"""How long to wait before the next attempt: full jitter, so that devices which lost a broker together come back spread out.

The pause is drawn anew each time between the least and a limit that doubles (M. Brooker, Exponential Backoff and Jitter,
AWS Architecture Blog, 2015), so over time it costs a broker as little as a fixed pause of half the limit.

>>> back_off = BackOff(1.0, 5.0, lambda low, high: high)
>>> [back_off.next_s() for _ in range(4)]
[2.0, 4.0, 5.0, 5.0]
>>> back_off.reset()
>>> back_off.next_s()
2.0
"""

from collections.abc import Callable


class BackOff:
    """Pauses between `least_s` and at most `most_s` seconds. uniform: random float between two bounds, passed in."""

    def __init__(self, least_s: float, most_s: float, uniform: Callable[[float, float], float]) -> None:
        self._least_s = least_s
        self._most_s = max(least_s, most_s)
        self._uniform = uniform
        self._limit_s = least_s

    def next_s(self) -> float:
        """Return the next pause; its limit is twice that of the one before."""
        self._limit_s = min(2 * self._limit_s, self._most_s)
        return self._uniform(self._least_s, self._limit_s)

    def reset(self) -> None:
        """An attempt was worth something: the next pause is short again."""
        self._limit_s = self._least_s
