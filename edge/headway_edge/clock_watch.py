"""Says what is wrong with the wall clock: each cause when it appears, jumps while they are few, all of them counted."""

import structlog

from headway_edge.wall_time import WallTime

log = structlog.get_logger("headway.agent")


class ClockWatch:
    """Looks at what the judge of a clock has found. judge: None for a clock that nobody can set wrong.

    cause: why there is no time now, empty if there is one. refusals: how often it began to be refused, for whatever cause.
    """

    def __init__(self, judge: WallTime | None) -> None:
        self._judge = judge
        self._jumps_seen = 0
        self._told: set[str] = set()
        self.cause = ""
        self.refusals = 0

    @property
    def jumps(self) -> int:
        """How often the wall clock was set while this ran."""
        return 0 if self._judge is None else self._judge.jumps

    def look(self) -> None:
        """To be called after each look at the clock."""
        judge = self._judge
        if judge is None:
            return
        if judge.jumps != self._jumps_seen:
            self._jumps_seen = judge.jumps
            # The first, the second, the fourth, the eighth: a clock that jumps every second must not fill the log.
            if not judge.jumps & (judge.jumps - 1):
                log.warning(
                    "agent.clock",
                    cause="the wall clock was set while this ran",
                    by_ms=judge.jump_ms,
                    jumps=judge.jumps,
                    next_step="none: durations do not go by it; if it goes on, see who sets the clock",
                )
        if judge.cause and judge.cause != self.cause:
            self.refusals += 1
            if judge.cause not in self._told:
                self._told.add(judge.cause)
                log.warning(
                    "agent.clock",
                    cause=judge.cause,
                    next_step="set the clock, or give it a time source; records of this boot are dated as soon as it is right",
                )
        self.cause = judge.cause
