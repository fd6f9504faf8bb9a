"""The clocks of a microcontroller: ticks that wrap, and a wall clock whose epoch depends on the port.

Runs on MicroPython and CPython; nothing is reached for:

    clock = BandClock(time.ticks_ms, time.ticks_diff, time.time, epoch_s(time.gmtime), floor_ms)

`tick` is to be called at least once in TICK_EVERY_S, for the ticks wrap at 2**30 ms (12.4 days), of which `ticks_diff` tells
half. It allocates nothing.
"""

from headway_edge.wall_time import WallTime

TICK_EVERY_S = 86400  # six times as often as would just do
_DAY_MS = 86400000


def epoch_s(gmtime: object) -> int:
    """Return what to add to `time.time()` for Unix time: 0 on ports that count from 1970, 946684800 from 2000."""
    return 946684800 if gmtime(0)[0] == 2000 else 0  # type: ignore[operator]


class BandClock:
    """The clocks of one device, with the interface of `headway_edge.clock.Clock`.

    ticks_ms, ticks_diff: as MicroPython's. time_s: seconds of the real-time clock, which may never have been set. epoch: what
    `epoch_s` returned. floor_ms: as in `WallTime`, which is `judge`.
    """

    def __init__(self, ticks_ms: object, ticks_diff: object, time_s: object, epoch: int, floor_ms: int = 0) -> None:
        self._ticks_ms, self._ticks_diff = ticks_ms, ticks_diff
        self._time_s, self._epoch = time_s, epoch
        self._last = ticks_ms()  # type: ignore[operator]
        self._days = 0
        self._day_ms = 0  # days apart, so that both stay small integers
        self._set_wall_ms = None  # type: int | None
        self._set_mono_ms = 0
        self.judge = WallTime(floor_ms)

    def tick(self) -> None:
        """Take over the ticks that have passed."""
        now = self._ticks_ms()  # type: ignore[operator]
        passed = self._ticks_diff(now, self._last)  # type: ignore[operator]
        if passed <= 0:
            return  # no time has passed, or more than anybody can tell
        self._last = now
        self._day_ms += passed
        while self._day_ms >= _DAY_MS:
            self._day_ms -= _DAY_MS
            self._days += 1

    def mono_ms(self) -> int:
        """Milliseconds since this object was made."""
        self.tick()
        return self._days * _DAY_MS + self._day_ms

    def set_wall(self, wall_ms: int) -> None:
        """A phone, a time server or a receiver says what time it is; believed until the next word, by the ticks."""
        self._set_mono_ms = self.mono_ms()
        self._set_wall_ms = wall_ms

    def wall(self) -> tuple:
        """Return (Unix time in ms, quality) as `headway_edge.clock.Clock.wall`."""
        mono_ms = self.mono_ms()
        if self._set_wall_ms is not None:
            return self.judge.look(mono_ms, self._set_wall_ms + mono_ms - self._set_mono_ms, True)
        return self.judge.look(mono_ms, (self._time_s() + self._epoch) * 1000, False)  # type: ignore[operator]
