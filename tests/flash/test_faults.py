"""The N-th operation on the medium fails, N = 1, 2, ... until a run is clean; once or for ever, before or after its effect."""

from types import SimpleNamespace

import pytest
from cut_loops import every_damage, every_fault
from log_books import Violation, long_life, small_life

from headway_edge.flash import ledger_reading, log_segment, log_start, write_repair
from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.ledger import Ledger
from headway_edge.flash.log_folder import MEDIUM_FULL
from headway_edge.flash.log_writer import LogWriter
from headway_protocol.errors import DecodeError
from headway_simulators.simulated_flash import COMMITTED, INPUT_OUTPUT, READ_ONLY, TORN

ERRORS = {
    "full": OSError(MEDIUM_FULL, "full"),
    "input/output": OSError(INPUT_OUTPUT, "input/output"),
    "read-only": OSError(READ_ONLY, "read-only"),
    "memory": MemoryError(),
}


def faults(
    life: list[tuple[object, ...]], error: str, stride: int = 1, kinds: tuple[int, ...] = (TORN, COMMITTED)
) -> int:
    return sum(
        every_fault(life, kind, ERRORS[error], persistent, late, gives_up, stride)
        for kind in kinds
        for persistent in (False, True)
        for late in (False, True)
        for gives_up in (False, True)
    )


@pytest.mark.parametrize("error", ERRORS)
def test_whatever_fails_every_record_is_there_once_or_named(error: str, capsys: pytest.CaptureFixture[str]) -> None:
    count = faults(small_life(), error, 3)
    with capsys.disabled():
        print(f"\nflash log, {error}: {count} faults, nothing lost silently, nothing twice")
    assert count >= 500


@pytest.mark.full
@pytest.mark.parametrize("error", ERRORS)
def test_and_in_a_long_life(error: str, capsys: pytest.CaptureFixture[str]) -> None:
    count = faults(small_life(), error) + faults(long_life(), error, 7)
    with capsys.disabled():
        print(f"\nflash log, {error}: {count} faults, nothing lost silently, nothing twice")
    assert count >= 3000


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]


def shortened(content: bytes, at: int) -> bytes:
    return content[:at]


def zeroed(content: bytes, at: int) -> bytes:
    return content[:at] + bytes(len(content) - at)


def erased(content: bytes, at: int) -> bytes:
    return content[:at] + b"\xff" * (len(content) - at)


@pytest.mark.parametrize("damage", [flipped, shortened, zeroed, erased])
def test_no_spoilt_byte_loses_anything_silently(damage: object, capsys: pytest.CaptureFixture[str]) -> None:
    count = every_damage(small_life(), TORN, damage)
    with capsys.disabled():
        print(f"\nflash log: {count} places {getattr(damage, '__name__', '')}, nothing lost silently")
    assert count >= 350


@pytest.mark.full
@pytest.mark.parametrize("damage", [flipped, shortened, zeroed, erased])
def test_nor_in_a_long_life(damage: object, capsys: pytest.CaptureFixture[str]) -> None:
    count = every_damage(long_life(), TORN, damage)
    with capsys.disabled():
        print(f"\nflash log: {count} places {getattr(damage, '__name__', '')}, nothing lost silently")
    assert count >= 1000


# --- what the loops would find ------------------------------------------------------------------------------------


def test_using_a_seq_again_without_looking_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_stored(writer: LogWriter) -> bool:
        writer._doubted = None
        return False

    monkeypatch.setattr(write_repair, "look", not_stored)
    with pytest.raises(Violation):
        faults(small_life(), "input/output")


def test_forgetting_how_far_it_had_come_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_mark(ledger: Ledger) -> bool:
        found = ledger_reading.load(ledger)
        ledger.mark = (0, 0)
        return found

    monkeypatch.setattr(log_start, "load", without_mark)
    with pytest.raises(Violation, match="gone, and nobody says so"):
        every_damage(small_life(), TORN, shortened)


def test_believing_a_record_without_its_checksum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_segment, "binascii", SimpleNamespace(crc32=lambda *_: 0))
    with pytest.raises((Violation, DecodeError)):
        every_damage(small_life(), TORN, flipped)


def test_not_looking_for_gaps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_start, "find_gaps", lambda *_: None)
    with pytest.raises(Violation, match="gone, and nobody says so"):
        every_damage(small_life(), TORN, flipped)


def test_settling_what_is_not_made_yet_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledge = FlashLog.acknowledge

    def one_too_many(self: FlashLog, boot: int, upto: int, rejections: list[tuple[int, int]]) -> int:
        self._kept.ledger.settle(boot, 1, upto + 1, self._kept.open_between)
        return acknowledge(self, boot, upto, rejections)

    monkeypatch.setattr(FlashLog, "acknowledge", one_too_many)
    with pytest.raises(Violation):
        every_fault(small_life(), TORN, ERRORS["full"], False, False, False)
