"""The outbox of a microcontroller: what it keeps, what it gives up and says so, and what it does when the medium will not."""

import contextlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from headway_edge.flash.boot_counter import ENDS_MAX
from headway_edge.flash.flash_log import ASIDE_MAX, FlashLog
from headway_edge.flash.kept_segments import SEGMENTS_MAX
from headway_edge.flash.log_folder import LogFolder
from headway_edge.flash.log_segment import STATE_BYTES_MAX
from headway_edge.flash.loss_list import LOSSES_MAX
from headway_edge.flash.settled_ranges import RANGES_MAX
from headway_edge.flash.write_repair import FULL_PATIENCE
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.codes import CONFLICT
from headway_protocol.errors import EncodeError
from headway_simulators.simulated_flash import COMMITTED, INPUT_OUTPUT, PowerCut, SimulatedFile, SimulatedFlash

SEGMENT_BYTES = 256
LOG_BYTES_MAX = 1024

Files = dict[str, bytes]


def opened(files: Files, medium: LogFolder | None = None, first_boot: int = 1, sync_every: int = 1) -> FlashLog:
    return FlashLog(medium or SimulatedFlash(files), first_boot, LOG_BYTES_MAX, SEGMENT_BYTES, sync_every)


def append(log: FlashLog, size_bytes: int = 40, **state: object) -> bytes:
    return log.append(record.EPISODE, 1000, None, record.UNSYNCED, [log.last_seq + 1, bytes(size_bytes)], state)


def declare(log: FlashLog) -> list[tuple[int, int, int, str]]:
    found = []
    while log.may_have_losses:
        key, *loss = log.undeclared()[0]
        log.append(record.LOSS, 1000, None, record.UNSYNCED, record.loss_body(*loss), {key: None})
        found.append(tuple(loss))
    return found


def segments(files: Files) -> list[str]:
    return sorted(name for name in files if name.startswith("log.0"))


def segment_bytes(files: Files) -> int:
    return sum(len(files[name]) for name in segments(files))


def keys(log: FlashLog) -> list[tuple[int, int]]:
    return [(boot, seq) for boot, seq, _ in log.to_send((0, 0), 1000)]


# --- keeping ------------------------------------------------------------------------------------------------------


def test_records_survive_a_restart_and_each_boot_counts_from_one(tmp_path: Path) -> None:
    payloads = []
    for boot in (1, 2):
        log = FlashLog(LogFolder(str(tmp_path)), 1)
        assert (log.boot, log.last_seq) == (boot, 0)
        payloads += [append(log), append(log)]
    log = FlashLog(LogFolder(str(tmp_path)), 1)
    assert keys(log) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [row[2] for row in log.to_send((0, 0), 9)] == payloads
    assert log.to_send((1, 2), 1) == [(2, 1, payloads[2])]
    assert log.to_send((0, 0), 0) == []
    assert log.newest(3) == [(2, 2, payloads[3]), (2, 1, payloads[2]), (1, 2, payloads[1])]
    assert log.ends(5) == [(2, 2), (1, 2)]
    append(log)
    assert log.ends(2) == [(3, 1), (2, 2)]


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FlashLog(LogFolder(str(tmp_path / "none")), 1)


@pytest.mark.parametrize(("log_bytes_max", "sync_every", "first_boot"), [(1023, 1, 1), (1024, 0, 1), (1024, 1, 0)])
def test_senseless_limits_are_refused(log_bytes_max: int, sync_every: int, first_boot: int) -> None:
    with pytest.raises(ValueError, match=r"four segments|first_boot"):
        FlashLog(SimulatedFlash({}), first_boot, log_bytes_max, SEGMENT_BYTES, sync_every)


def test_it_has_what_the_outbox_on_linux_has() -> None:
    for name in (
        "append",
        "to_send",
        "newest",
        "acknowledge",
        "backlog",
        "resend",
        "ends",
        "undeclared",
        "set_undeliverable",
        "retry_undeliverable",
        "skip",
        "save",
        "load",
    ):
        mine, its = (list(inspect.signature(getattr(log, name)).parameters) for log in (FlashLog, Outbox))
        assert mine == its[: len(mine)], name


# --- settling -----------------------------------------------------------------------------------------------------


def test_acknowledgement_survives_a_restart_and_settles_one_boot_only() -> None:
    files: Files = {}
    first = opened(files)
    for _ in range(3):
        append(first)
    log = opened(files)
    append(log)
    assert log.acknowledge(1, 2, []) == 2
    assert log.acknowledge(1, 2, []) == 0
    assert keys(log) == [(1, 3), (2, 1)]
    assert keys(opened(files)) == [(1, 3), (2, 1)]
    assert opened(files).backlog() == 2


def test_an_acknowledgement_settles_nothing_that_is_not_made_yet() -> None:
    files: Files = {}
    log = opened(files)
    append(log)
    log.acknowledge(1, 100, [(7, CONFLICT)], [(50, 60)])
    log.acknowledge(2, 100, [])
    append(log)
    assert keys(log) == [(1, 2)]
    after = opened(files)
    append(after)
    assert keys(after) == [(1, 2), (2, 1)]


def test_what_is_refused_or_stored_above_a_gap_is_settled() -> None:
    files: Files = {}
    log = opened(files)
    for _ in range(8):
        append(log, 10)
    assert log.acknowledge(1, 1, [(3, CONFLICT), (8, CONFLICT)], [(5, 6)]) == 5
    assert log.acknowledge(1, 1, [(3, CONFLICT), (8, CONFLICT)], [(5, 6)]) == 0
    assert (keys(log), log.refused) == ([(1, 2), (1, 4), (1, 7)], 2)
    assert keys(opened(files)) == [(1, 2), (1, 4), (1, 7)]


def test_more_ranges_than_there_is_room_for_are_sent_again() -> None:
    log = FlashLog(SimulatedFlash({}), 1)
    count = 2 * RANGES_MAX + 10
    for _ in range(count):
        append(log, 1)
    log.acknowledge(1, 0, [(seq, CONFLICT) for seq in range(2, count + 1, 2)])
    open_ = {seq for _, seq in keys(log)}
    assert open_ >= set(range(1, count + 1, 2))
    assert log.counters()["forgotten"] == len(open_) - count // 2 == 6
    log.acknowledge(1, count, [])
    assert keys(log) == []


# --- boots --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["boot.0", "boot.1", "ledger.0", "ledger.1"])
def test_losing_either_copy_never_uses_a_boot_twice_and_loses_nothing(name: str) -> None:
    files: Files = {}
    boots = []
    for _ in range(6):
        log = opened(files)
        append(log, 10)
        boots.append(log.boot)
        files[name] = b"rubbish"
    assert boots == [1, 2, 3, 4, 5, 6]
    log = opened(files)
    assert (keys(log), log.undeclared()) == ([(boot, 1) for boot in boots], [])
    assert log.counters()["damaged_copies"] == 1


def test_without_its_counter_a_log_goes_on_from_the_boots_it_has_seen() -> None:
    files: Files = {}
    for _ in range(3):
        append(opened(files))
    for name in ("boot.0", "boot.1"):
        files[name] = b""
    log = opened(files)
    assert (log.boot, log.counters()["boot_guessed"]) == (4, 1)
    del files["boot.0"], files["boot.1"]
    # What the caller passes is higher: it grows with time, so it is the safer one.
    assert opened(files, first_boot=77).boot == 77
    assert opened(files, first_boot=1).boot == 78


def test_without_segments_the_ledger_tells_how_far_it_had_come() -> None:
    files: Files = {}
    for _ in range(3):
        append(opened(files))
    kept = {name: files[name] for name in files if name.startswith("ledger")}
    log = opened(kept)
    assert (log.boot, log.ends(9)) == (4, [(3, 1)])
    assert [loss[1:4] for loss in log.undeclared()] == [(3, 1, 1)]


def test_where_nothing_is_left_the_caller_says_which_boot_it_is() -> None:
    log = opened({}, first_boot=2**31 - 1)
    append(log)
    assert log.boot == 2**31 - 1
    assert log.counters()["boot_guessed"] == 0


def test_of_many_boots_the_ends_of_the_newest_are_known() -> None:
    files: Files = {}
    for _ in range(ENDS_MAX + 4):
        log = opened(files)
        append(log, 1)
        log.acknowledge(log.boot, 1, [])
        opened(files)  # one that makes nothing
    ends = opened(files).ends(100)
    assert ends == [(2 * boot + 1, 1) for boot in range(ENDS_MAX + 3, 3, -1)]


# --- a full log ---------------------------------------------------------------------------------------------------


def test_settled_segments_go_first_also_newer_ones_and_nothing_is_lost_by_it() -> None:
    files: Files = {}
    log = opened(files)
    made = 0
    while "log.000003" not in files:
        append(log)
        made += 1
    log.acknowledge(1, 0, [(seq, CONFLICT) for seq in range(4, made)])  # the second segment among them
    while "log.000002" in files:
        append(log)
        made += 1
    assert "log.000001" in files
    assert (log.undeclared(), log.dropped) == ([], 0)
    assert {(1, 1), (1, 2), (1, 3), (1, made)} <= set(keys(log))
    after = opened(files)
    assert (keys(after), after.undeclared()) == (keys(log), [])


def test_a_full_log_drops_the_oldest_and_names_it_and_never_refuses() -> None:
    files: Files = {}
    log = opened(files)
    lost: set[int] = set()
    for _ in range(100):
        append(log)
        for boot, first, last, reason in declare(log):
            assert (boot, reason) == (1, "storage full")
            lost |= set(range(first, last + 1))
        assert segment_bytes(files) <= LOG_BYTES_MAX
    kept = {seq for _, seq in keys(log)}
    assert kept | lost == set(range(1, log.last_seq + 1))
    assert log.dropped == len(lost - kept) == log.last_seq - len(kept)
    after = opened(files)
    assert (after.undeclared(), after.dropped) == ([], log.dropped)
    # One LOSS at the end stands for all that went before it, so they do not fill the log themselves.
    losses = [found.body for _, _, payload in log.newest(1000) if (found := record.decode(payload)).kind == record.LOSS]
    assert record.parse_loss(losses[0])[:3] == (1, 1, max(lost))


def test_a_loss_counts_until_the_server_has_heard_of_it() -> None:
    files: Files = {}
    log = opened(files)
    while not log.may_have_losses:
        append(log)
    [(_, _, first, last, _)] = log.undeclared()
    declare(log)
    loss_seq = log.last_seq
    while (1, loss_seq) in keys(log):  # that LOSS record is dropped as well
        append(log)
    again = log.undeclared()[0]
    assert again[2] == first
    assert again[3] > last
    declare(log)
    log.acknowledge(1, log.last_seq, [])
    assert (keys(log), log.undeclared(), log._kept.ledger.losses.entries) == ([], [], [])
    assert (keys(opened(files)), opened(files).undeclared()) == ([], [])


def test_a_loop_of_restarts_that_tear_records_stays_bounded() -> None:
    files: Files = {}
    for _ in range(300):
        medium = SimulatedFlash(files)
        log = opened(files, medium)
        medium.cut_at = medium.steps + 30
        with pytest.raises(PowerCut):
            append(log, 20)
        assert len(files) <= SEGMENTS_MAX + 10
        assert sum(map(len, files.values())) <= LOG_BYTES_MAX + 2 * SEGMENT_BYTES + 2000
    log = opened(files)
    append(log)
    assert (log.boot, log.last_seq) in keys(log)


def test_of_more_losses_than_there_is_room_for_each_is_told_in_the_end() -> None:
    files: Files = {}
    boots = LOSSES_MAX + 20
    for _ in range(boots):
        log = FlashLog(SimulatedFlash(files), 1, 65536, 4096)
        for _ in range(3):
            append(log, 1)
        log.acknowledge(log.boot, 0, [(2, CONFLICT)])
    for name in segments(files)[:-1]:
        del files[name]
    told = set()
    for _ in range(3):
        log = FlashLog(SimulatedFlash(files), 1, 65536, 4096)
        while log.may_have_losses:
            told |= {(boot, seq) for boot, first, last, _ in declare(log) for seq in range(first, last + 1)}
            log.acknowledge(log.boot, log.last_seq, [])
    kept = set(keys(log))
    # The ends of boots are known of the newest ENDS_MAX only; what they settled hides what comes before.
    for boot in range(boots - ENDS_MAX + 1, boots + 1):
        for seq in (1, 3):
            assert (boot, seq) in told | kept, (boot, seq)


def test_a_medium_that_is_full_gives_up_settled_segments_first() -> None:
    files: Files = {}
    medium = SimulatedFlash(files)
    log = opened(files, medium)
    while len(segments(files)) < 3:
        append(log)
    log.acknowledge(1, 4, [])
    medium.capacity_bytes = medium.used_bytes() + 20
    last = log.last_seq
    append(log)
    assert log.last_seq == last + 1
    assert "log.000001" not in files
    assert keys(log) == [(1, seq) for seq in range(5, last + 2)]


def test_a_medium_that_is_full_refuses_and_uses_up_no_seq_until_it_has_room() -> None:
    files: Files = {}
    medium = SimulatedFlash(files)
    log = opened(files, medium)
    for _ in range(5):
        append(log)
    medium.capacity_bytes = medium.used_bytes() + 20
    for _ in range(3):
        with pytest.raises(OSError, match="full"):
            append(log)
    medium.capacity_bytes = 1 << 20
    append(log)
    assert keys(log) == [(1, seq) for seq in range(1, 7)]
    after = opened(files)
    assert (keys(after), after.undeclared()) == (keys(log), [])


def test_a_medium_smaller_than_the_budget_is_no_refusal_for_ever() -> None:
    files: Files = {}
    medium = SimulatedFlash(files, kind=COMMITTED)
    log = FlashLog(medium, 1, 64 * SEGMENT_BYTES, SEGMENT_BYTES)
    medium.capacity_bytes = 8 * SEGMENT_BYTES
    made, refused = 0, 0
    while made < 200:
        try:
            append(log)
            declare(log)
        except OSError:
            refused += 1
            assert refused < 10 * FULL_PATIENCE
        else:
            made += 1
    assert log.dropped > 0
    assert keys(log)[-1] == (1, log.last_seq)


# --- a medium that fails ------------------------------------------------------------------------------------------


def failing(
    medium: SimulatedFlash, operation: str, late: bool, persistent: bool = False, error: int = INPUT_OUTPUT
) -> None:
    medium.only, medium.operations, medium.fail_at = (operation,), 0, 1
    medium.late, medium.persistent, medium.error = late, persistent, OSError(error, "it fails")


@pytest.mark.parametrize("operation", ["open", "write", "close"])
def test_an_append_that_leaves_nothing_uses_up_no_seq(operation: str) -> None:
    files: Files = {}
    medium = SimulatedFlash(files, kind=COMMITTED)
    log = opened(files, medium)
    append(log)
    failing(medium, operation, late=False)
    with pytest.raises(OSError, match="fails"):
        append(log, 11)
    append(log, 12)
    assert keys(log) == [(1, 1), (1, 2)]
    assert len(files["log.000001"]) < 200
    assert (keys(opened(files)), opened(files).undeclared()) == ([(1, 1), (1, 2)], [])


def test_a_torn_append_leaves_its_segment_behind_and_its_seq_to_the_next() -> None:
    files: Files = {}
    medium = SimulatedFlash(files)
    log = opened(files, medium)
    append(log)
    medium.capacity_bytes = medium.used_bytes() + 20
    with pytest.raises(OSError, match="full"):
        append(log, 11)
    medium.capacity_bytes = 1 << 20
    append(log, 12)
    assert keys(log) == [(1, 1), (1, 2)]
    assert set(files) >= {"log.000001", "log.000002"}
    after = opened(files)
    assert (keys(after), after.undeclared()) == ([(1, 1), (1, 2)], [])
    assert after.counters()["torn_bytes"] == 20
    assert after.counters()["retired_segments"] == 1


def test_a_close_that_fails_after_it_has_worked_is_a_record_stored() -> None:
    files: Files = {}
    medium = SimulatedFlash(files, kind=COMMITTED)
    log = opened(files, medium)
    failing(medium, "close", late=True)
    payload = append(log)
    assert log.to_send((0, 0), 9) == [(1, 1, payload)]


def in_doubt(files: Files) -> tuple[FlashLog, SimulatedFlash]:
    # The record is stored, but neither the close says so, nor can the segment be read.
    medium = SimulatedFlash(files, kind=COMMITTED)
    log = opened(files, medium)
    append(log)
    failing(medium, "close", late=True, persistent=True)
    medium.only = ("close", "read")
    with pytest.raises(OSError, match="fails"):
        append(log, 11)
    return log, medium


def test_what_is_in_doubt_and_given_again_is_stored_once() -> None:
    files: Files = {}
    log, medium = in_doubt(files)
    medium.error = None
    append(log, 11)
    append(log, 12)
    assert keys(log) == [(1, 1), (1, 2), (1, 3)]
    assert (keys(opened(files)), opened(files).undeclared()) == (keys(log), [])


def test_what_is_in_doubt_is_stored_beside_what_is_given_instead() -> None:
    files: Files = {}
    log, medium = in_doubt(files)
    medium.error = None
    payload = append(log, 12)
    assert [record.decode(row[2]).body[1] for row in log.to_send((0, 0), 9)] == [bytes(40), bytes(11), bytes(12)]
    assert log.to_send((1, 2), 9) == [(1, 3, payload)]


def test_a_seq_that_stays_in_doubt_is_given_up_and_named_and_never_used_again() -> None:
    files: Files = {}
    log, medium = in_doubt(files)
    failing(medium, "read", late=False, persistent=True)
    append(log, 11)
    medium.error = None
    assert log.last_seq == 3
    assert [loss[1:] for loss in log.undeclared()] == [(1, 2, 2, "write failed")]
    after = opened(files)
    # The record is in the segment after all; but it was given again under another seq, so it is not sent.
    assert keys(after) == [(1, 1), (1, 3)]
    assert declare(after) == [(1, 2, 2, "write failed")]


def test_a_ledger_that_cannot_be_written_holds_up_the_next_record_and_no_more() -> None:
    files: Files = {}
    medium = SimulatedFlash(files, kind=COMMITTED)
    log = opened(files, medium)
    write = medium.write
    broken = True

    def refuse(name: str, mode: str, data: bytes) -> None:
        if broken and name.startswith("ledger"):
            raise OSError(INPUT_OUTPUT, "no ledger")
        write(name, mode, data)

    medium.write = refuse  # type: ignore[method-assign]
    append(log)
    for _ in range(3):
        with pytest.raises(OSError, match="no ledger"):
            append(log)
    with pytest.raises(OSError, match="no ledger"):
        log.acknowledge(1, 1, [])
    assert keys(log) == []  # the server has it all the same
    broken = False
    append(log)
    assert keys(opened(files)) == [(1, 2)]


def test_a_segment_that_is_spoilt_while_it_runs_is_cut_and_named() -> None:
    files: Files = {}
    log = opened(files)
    for _ in range(3):
        append(log, 10)
    frame_bytes = len(files["log.000001"]) // 3
    for at in (frame_bytes + 5, 2 * frame_bytes + 5):
        spoilt = bytearray(files["log.000001"])
        spoilt[at] ^= 1
        files["log.000001"] = bytes(spoilt)
    assert keys(log) == [(1, 1)]
    assert log.backlog() == 1
    assert declare(log) == [(1, 2, 3, "missing or damaged")]
    assert keys(log) == [(1, 1), (1, 4)]
    assert "log.000002" in files
    assert log.counters()["retired_segments"] == 1


def test_a_read_that_fails_for_once_is_tried_once_more() -> None:
    files: Files = {}
    medium = SimulatedFlash(files)
    log = opened(files, medium)
    append(log)
    failing(medium, "read", late=False)
    assert keys(log) == [(1, 1)]
    failing(medium, "read", late=False, persistent=True)
    with pytest.raises(OSError, match="fails"):
        log.to_send((0, 0), 9)
    medium.error = None
    assert keys(log) == [(1, 1)]


class BadBlock(SimulatedFlash):
    """One file that can be neither read nor removed, for ever."""

    bad = ""

    def open(self, name: str, mode: str) -> SimulatedFile:  # type: ignore[override]
        if name.startswith(self.bad or "-") and mode == "rb":
            raise OSError(INPUT_OUTPUT, "bad block")
        return super().open(name, mode)

    def remove(self, name: str) -> None:
        if name.startswith(self.bad or "-"):
            raise OSError(INPUT_OUTPUT, "bad block")
        super().remove(name)


def patiently(do: Callable[[], object]) -> int:
    """Do it until it is done; return how often it was refused."""
    for refused in range(10):
        with contextlib.suppress(OSError):
            do()
            return refused
    raise AssertionError("refused for ever")


def test_a_segment_that_can_never_be_read_holds_up_no_other() -> None:
    files: Files = {}
    medium = BadBlock(files)
    log = opened(files, medium)
    while "log.000003" not in files:
        append(log)
    medium.bad = "log.000001"
    first = log._kept.segments[0].runs[0][2] + 1
    assert patiently(lambda: log.to_send((0, 0), 9)) == 2
    assert keys(log) == [(1, seq) for seq in range(first, log.last_seq + 1)]
    assert [row[1] for row in log.newest(1)] == [log.last_seq]
    assert log.backlog() == log.last_seq  # it is not given up before the next start has tried
    medium.bad = ""
    assert keys(log) == [(1, seq) for seq in range(1, log.last_seq + 1)]
    medium.bad = "log.000001"
    after = opened(files, medium)
    assert declare(after) == [(1, 1, first - 1, "missing or damaged")]


def test_a_segment_that_can_never_be_removed_holds_up_no_other() -> None:
    files: Files = {}
    medium = BadBlock(files)
    log = opened(files, medium)
    append(log)
    medium.bad = "log.000001"
    refused = sum(patiently(lambda: append(log)) for _ in range(40))
    assert refused == 3
    assert "log.000001" in files
    assert segment_bytes(files) <= LOG_BYTES_MAX
    assert keys(log)[-1] == (1, log.last_seq)
    lost = {seq for _, first, last, _ in declare(log) for seq in range(first, last + 1)}
    assert lost | {seq for _, seq in keys(log)} == set(range(1, log.last_seq + 1))


def test_state_that_can_never_be_read_holds_up_no_record() -> None:
    files: Files = {}
    medium = BadBlock(files)
    log = opened(files, medium)
    log.save("totals", b"one")
    append(log, totals=b"two")
    medium.bad = "state."
    while "log.000001" in files:
        append(log)
    with pytest.raises(OSError, match="bad block"):
        log.load("totals")
    medium.bad = ""
    assert log.load("totals") == b"two"


def test_a_segment_of_which_nothing_can_be_read_is_put_aside_and_the_next_ones_are_read() -> None:
    files: Files = {}
    log = opened(files)
    while "log.000003" not in files:
        append(log)
    first = list(log._kept.segments[0].runs)
    files["log.000001"] = bytes(50)
    after = opened(files)
    assert "log.000001" not in files
    assert files["log.bad"] == bytes(50)
    assert [loss[1:4] for loss in after.undeclared()] == [tuple(first[0])]
    assert keys(after) == [(1, seq) for seq in range(first[0][2] + 1, log.last_seq + 1)]


def test_a_segment_that_goes_backwards_is_none_of_this_log() -> None:
    files: Files = {}
    log = opened(files)
    while "log.000002" not in files:
        append(log)
    files["log.000009"] = files["log.000001"]
    after = opened(files)
    assert keys(after) == keys(log)
    append(after)
    assert (keys(opened(files)), "log.000009" in files) == (keys(after), False)


# --- what a power cut may take with sync_every --------------------------------------------------------------------


def test_with_sync_every_at_most_so_many_are_cut_off_and_all_of_them_are_named() -> None:
    files: Files = {}
    log = opened(files, SimulatedFlash(files, kind=COMMITTED), sync_every=4)
    for _ in range(7):
        append(log, 1)
    after = opened(files, SimulatedFlash(files, kind=COMMITTED), sync_every=4)
    assert keys(after) == [(1, 1), (1, 2), (1, 3), (1, 4)]
    # It is known that up to four more may have been made: one too many is named.
    assert declare(after) == [(1, 5, 8, "missing or damaged")]
    after.sync()
    assert opened(files, SimulatedFlash(files, kind=COMMITTED), sync_every=4).undeclared() == []


def test_what_is_sent_is_on_the_medium_first() -> None:
    files: Files = {}
    log = opened(files, SimulatedFlash(files, kind=COMMITTED), sync_every=4)
    append(log, 1)
    sent = keys(log)
    assert keys(opened(files)) == sent == [(1, 1)]


# --- state --------------------------------------------------------------------------------------------------------


def test_state_is_stored_with_its_record_or_alone_and_the_newest_counts() -> None:
    files: Files = {}
    log = opened(files)
    assert log.load("totals") is None
    append(log, totals=b"one", who=lambda boot, seq: b"%d/%d" % (boot, seq))
    assert (log.load("totals"), log.load("who")) == (b"one", b"1/1")
    log.save("totals", b"two")
    assert opened(files).load("totals") == b"two"
    log = opened(files)
    append(log, totals=b"three")
    assert (log.load("totals"), opened(files).load("totals")) == (b"three", b"three")
    log = opened(files)
    append(log, totals=None)
    assert (log.load("totals"), opened(files).load("totals")) == (None, None)
    assert opened(files).load("who") == b"1/1"


def test_state_outlives_the_segment_that_has_it() -> None:
    files: Files = {}
    log = opened(files)
    append(log, early=b"kept", gone=b"not kept")
    append(log, gone=None)
    while "log.000001" in files:
        append(log)
    assert (log.load("early"), opened(files).load("early")) == (b"kept", b"kept")
    assert (log.load("gone"), opened(files).load("gone")) == (None, None)


def test_damaged_state_is_the_one_before() -> None:
    files: Files = {}
    log = opened(files)
    log.save("totals", b"one")
    log.save("totals", b"two")
    newest = max(name for name in files if name.startswith("state.totals") and files[name].endswith(b"two"))
    files[newest] = files[newest][:-1]
    assert opened(files).load("totals") == b"one"
    append(log, totals=b"three")
    segment = bytearray(files["log.000001"])
    segment[-6] ^= 1
    files["log.000001"] = bytes(segment)
    assert log.load("totals") == b"one"


def test_a_state_or_a_record_over_its_limit_is_refused_and_nothing_is_stored() -> None:
    files: Files = {}
    log = opened(files)
    with pytest.raises(EncodeError, match=f"the limit is {STATE_BYTES_MAX}"):
        append(log, large=bytes(STATE_BYTES_MAX))
    with pytest.raises(EncodeError, match="the limit is"):
        append(log, record.RECORD_BYTES_MAX)
    append(log)
    append(log, 900, large=bytes(2000))  # larger than this log: it is kept, alone
    assert keys(log) == keys(opened(files)) == [(1, 2)]
    assert [loss[1:] for loss in log.undeclared()] == [(1, 1, 1, "storage full")]


# --- asked again, undeliverable, given up -------------------------------------------------------------------------


def test_what_the_server_asks_for_again_is_sent_or_named_as_missing() -> None:
    files: Files = {}
    log = opened(files)
    while "log.000001" in files or log.last_seq == 0:
        append(log)
        log.acknowledge(1, log.last_seq, [])
    kept = log._kept.runs()[0][1]
    assert keys(log) == []
    count, missing = log.resend([(1, 1, 2**32 - 1)])
    assert missing == [(1, 1, kept - 1)]
    assert (count, keys(log)) == (log.last_seq - kept + 1, [(1, seq) for seq in range(kept, log.last_seq + 1)])
    assert keys(opened(files)) == keys(log)
    assert log.resend([(1, kept, kept)]) == (0, [])  # asked twice
    log.acknowledge(1, log.last_seq, [])
    assert log.resend([(1, kept, kept), (1, log.last_seq + 1, 2**32 - 1), (9, 1, 5)]) == (1, [])


def test_of_boots_that_made_nothing_nothing_is_missing_and_of_unknown_ones_all() -> None:
    files: Files = {}
    append(opened(files, first_boot=10))
    opened(files)
    log = opened(files)
    append(log)
    log.acknowledge(10, 1, [])
    assert log.resend([(10, 1, 2**32 - 1), (11, 1, 2**32 - 1), (5, 2, 7)]) == (1, [(5, 2, 7)])


def test_a_loss_that_is_on_its_way_is_not_named_as_missing_again() -> None:
    files: Files = {}
    log = opened(files)
    while not log.may_have_losses:
        append(log)
    lost = log.undeclared()[0]
    assert log.resend([(1, 1, lost[3] + 1)]) == (0, [])
    declare(log)
    assert log.resend([(1, 1, lost[3] + 1)]) == (0, [])
    log.acknowledge(1, log.last_seq, [])
    assert log.resend([(1, 1, lost[3])]) == (0, [(1, 1, lost[3])])


def test_an_undeliverable_record_is_held_back_but_neither_settled_nor_forgotten() -> None:
    files: Files = {}
    log = opened(files)
    for _ in range(3):
        append(log)
    log.set_undeliverable(1, 2)
    log.set_undeliverable(1, 2)
    assert (keys(log), [row[1] for row in log.newest(9)], log.backlog()) == ([(1, 1), (1, 3)], [3, 1], 3)
    assert (log.retry_undeliverable(), keys(log)) == (1, [(1, 1), (1, 2), (1, 3)])
    log.set_undeliverable(1, 2)
    log.resend([(1, 2, 2)])
    assert keys(log) == [(1, 1), (1, 2), (1, 3)]
    log.set_undeliverable(1, 2)
    assert keys(opened(files)) == [(1, 1), (1, 2), (1, 3)]
    for seq in range(100, 100 + ASIDE_MAX):
        log.set_undeliverable(1, seq)
    assert keys(log) == [(1, 1), (1, 2), (1, 3)]


def test_records_that_were_refused_for_too_long_are_named() -> None:
    files: Files = {}
    log = opened(files)
    append(log)
    assert log.skip(3) == 3
    append(log)
    assert keys(log) == [(1, 1), (1, 5)]
    assert declare(log) == [(1, 2, 4, "write refused")]
    assert opened(files).undeclared() == []


def test_a_skip_finds_that_the_record_in_doubt_is_stored() -> None:
    log, medium = in_doubt({})
    medium.error = None
    assert log.skip() == 0
    assert (keys(log), log.undeclared()) == ([(1, 1), (1, 2)], [])


# --- what would not be seen without the mark ----------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0, 1])
def test_records_missing_at_the_end_are_seen_by_the_mark(kept: int) -> None:
    files: Files = {}
    log = opened(files)
    for _ in range(3):
        append(log, 10)
    files["log.000001"] = files["log.000001"][: kept * len(files["log.000001"]) // 3]
    for _ in range(2):  # it is not forgotten while nobody has declared it
        after = opened(files)
        assert keys(after) == [(1, seq) for seq in range(1, kept + 1)]
        assert [loss[1:4] for loss in after.undeclared()] == [(1, kept + 1, 3)]
