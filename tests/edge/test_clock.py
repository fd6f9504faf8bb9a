"""Clocks that start in 1970, jump, roll over and lie: what is believed of them, and that no duration comes from them."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.band_clock import BandClock, epoch_s
from headway_edge.clock import SystemClock, kernel_synced
from headway_edge.wall_time import EARLIEST_MS, LATEST_MS, WallTime
from headway_protocol.record import HOLDOVER, SYNCED, UNSYNCED

DAY_MS = 86_400_000
ROLLOVER_MS = 1024 * 7 * DAY_MS
_TICKS = 1 << 30  # where MicroPython's ticks wrap


def unix_ms(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


@dataclass
class Machine:
    """A machine's own clocks, in ns, moved by hand."""

    wall_ms: int
    boot_ms: int = 5_000_000
    synced: bool = False

    def clock(self, floor_ms: int = 0) -> SystemClock:
        return SystemClock(floor_ms, lambda: self.wall_ms * 10**6, lambda: self.boot_ms * 10**6, lambda: self.synced)


@pytest.mark.parametrize(
    ("wall_ms", "cause"),
    [
        (0, "before the first release: never set"),
        (unix_ms(2000, 1, 1), "before the first release: never set"),
        (EARLIEST_MS - 1, "before the first release: never set"),
        (LATEST_MS, "after 2100: set wrong"),
        (unix_ms(2106, 2, 7), "after 2100: set wrong"),
        (unix_ms(2027, 3, 1) - ROLLOVER_MS, "before the first release: never set"),
    ],
)
def test_a_time_that_cannot_be_is_no_time_and_says_why(wall_ms: int, cause: str) -> None:
    clock = Machine(wall_ms).clock()
    assert clock.wall() == (None, UNSYNCED)
    assert clock.judge.cause == cause


@pytest.mark.parametrize(
    "date", [(2026, 12, 31, 23, 59, 59), (2028, 2, 29), (2038, 1, 19, 3, 14, 8), (2099, 12, 31), (2027, 3, 28, 1, 30)]
)
def test_leap_days_year_ends_and_the_year_2038_are_times_like_any_other(date: tuple[int, ...]) -> None:
    assert Machine(unix_ms(*date)).clock().wall() == (unix_ms(*date), HOLDOVER)


def test_a_rollover_is_never_put_right_in_silence() -> None:
    right = unix_ms(2031, 6, 1)
    clock = Machine(right - ROLLOVER_MS, synced=True).clock(floor_ms=right - DAY_MS)
    assert clock.wall() == (None, UNSYNCED)
    assert "rolled over" in clock.judge.cause
    # A clock that is as early for another reason is not called so.
    clock = Machine(right - ROLLOVER_MS - 30 * DAY_MS).clock(floor_ms=right - DAY_MS)
    assert clock.wall() == (None, UNSYNCED)
    assert clock.judge.cause == "before the first release: never set"


def test_a_clock_that_was_not_set_since_the_last_boot_cannot_say_less_than_was_known_then() -> None:
    machine = Machine(unix_ms(2027, 5, 1))
    clock = machine.clock(floor_ms=unix_ms(2027, 6, 1))
    assert clock.wall() == (None, UNSYNCED)
    assert clock.judge.cause == "earlier than a time this device knew"
    machine.wall_ms = unix_ms(2027, 6, 1)
    assert clock.wall() == (machine.wall_ms, HOLDOVER)


def test_a_synced_clock_is_believed_also_against_a_floor_from_a_receiver_that_was_far_ahead() -> None:
    machine = Machine(unix_ms(2027, 5, 1), synced=True)
    clock = machine.clock(floor_ms=unix_ms(2061, 1, 1))
    assert clock.wall() == (machine.wall_ms, SYNCED)
    assert clock.judge.floor_ms == machine.wall_ms


def test_a_jump_is_counted_and_changes_no_duration() -> None:
    machine = Machine(unix_ms(2027, 5, 1))
    clock = machine.clock()
    clock.wall()
    for jump_ms in (10 * 365 * DAY_MS, -10 * 365 * DAY_MS, -3_600_000):
        before_ms = clock.mono_ms()
        machine.wall_ms += jump_ms + 60_000
        machine.boot_ms += 60_000
        clock.wall()
        assert clock.mono_ms() - before_ms == 60_000
    assert clock.judge.jumps == 3


def test_a_machine_that_slept_has_not_jumped() -> None:
    machine = Machine(unix_ms(2027, 5, 1))
    clock = machine.clock()
    clock.wall()
    machine.wall_ms += 5 * 3_600_000
    machine.boot_ms += 5 * 3_600_000
    assert clock.wall() == (machine.wall_ms, HOLDOVER)
    assert clock.judge.jumps == 0
    assert clock.mono_ms() == 5 * 3_600_000


def test_this_machine_tells_whether_it_is_synced_and_its_clock_moves_forward() -> None:
    assert kernel_synced() in {True, False}
    clock = SystemClock()
    before_ms = clock.mono_ms()
    wall_ms, quality = clock.wall()
    assert wall_ms is not None
    assert quality in {HOLDOVER, SYNCED}
    assert clock.mono_ms() >= before_ms >= 0


def ticks_diff(end: int, start: int) -> int:
    """MicroPython's: the difference within half a turn either way."""
    return ((end - start + _TICKS // 2) & (_TICKS - 1)) - _TICKS // 2


@given(st.integers(0, _TICKS - 1), st.lists(st.integers(0, _TICKS // 2 - 1), min_size=1, max_size=40))
def test_ticks_that_wrap_add_up(start: int, steps: list[int]) -> None:
    ticks = [start]
    clock = BandClock(lambda: ticks[0] & (_TICKS - 1), ticks_diff, lambda: 0, 0)
    for step in steps:
        ticks[0] += step
        clock.tick()
    assert clock.mono_ms() == sum(steps)


def test_ticks_that_stand_or_go_back_move_nothing() -> None:
    ticks = [1000]
    clock = BandClock(lambda: ticks[0], ticks_diff, lambda: 0, 0)
    for now in (1000, 900, 1000):
        ticks[0] = now
        assert clock.mono_ms() == 0
    ticks[0] = 1001
    assert clock.mono_ms() == 1


@pytest.mark.parametrize("year", [1970, 2000])
def test_ports_count_from_1970_or_2000(year: int) -> None:
    assert epoch_s(lambda _seconds: (year, 1, 1, 0, 0, 0, 0, 1)) == (0 if year == 1970 else 946_684_800)
    now_s = unix_ms(2027, 5, 1) // 1000
    epoch = epoch_s(lambda _seconds: (year,))
    clock = BandClock(lambda: 0, ticks_diff, lambda: now_s - epoch, epoch)
    assert clock.wall() == (unix_ms(2027, 5, 1), HOLDOVER)
    # A clock that was never set is none, from either year.
    assert BandClock(lambda: 0, ticks_diff, lambda: 30, epoch).wall() == (None, UNSYNCED)


def test_a_band_that_is_told_the_time_keeps_it_by_its_ticks() -> None:
    ticks = [0]
    clock = BandClock(lambda: ticks[0], ticks_diff, lambda: 0, 0)
    ticks[0] = 2000
    clock.set_wall(unix_ms(2027, 5, 1))
    ticks[0] = 5500
    assert clock.wall() == (unix_ms(2027, 5, 1) + 3500, SYNCED)
    assert clock.judge.floor_ms == unix_ms(2027, 5, 1) + 3500


@given(st.lists(st.tuples(st.integers(0, 2**33), st.integers(-(2**40), 2**42), st.booleans()), max_size=20))
def test_whatever_clocks_say_what_is_believed_lies_between_the_bounds(looks: list[tuple[int, int, bool]]) -> None:
    judge, mono_ms = WallTime(0), 0
    for passed_ms, wall_ms, synced in looks:
        mono_ms += passed_ms
        believed, quality = judge.look(mono_ms, wall_ms, synced)
        assert (believed is None) == (quality == UNSYNCED) == bool(judge.cause)
        assert believed is None or EARLIEST_MS <= believed == wall_ms < LATEST_MS
