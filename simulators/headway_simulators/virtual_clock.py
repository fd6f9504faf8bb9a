"""The clock of a replay: it says what the recording says, as fast as the recording is read."""

from headway_protocol.record import SYNCED


class VirtualClock:
    """Moves with the samples, never backwards, even where a recording does.

    start_wall_ms: Unix time of the recording's first sample; monotonic time counts from there.
    """

    def __init__(self, start_wall_ms: int) -> None:
        self._start_wall_ms = start_wall_ms
        self._wall_ms = start_wall_ms

    def advance(self, wall_ms: int) -> None:
        """The recording has come to `wall_ms`."""
        self._wall_ms = max(self._wall_ms, wall_ms)

    def mono_ms(self) -> int:
        """Milliseconds since the recording's first sample."""
        return self._wall_ms - self._start_wall_ms

    def wall(self) -> tuple[int, int]:
        """The recording's time, taken as right."""
        return self._wall_ms, SYNCED
