"""Power is cut at every place where something changes on the medium, at every byte of every write, and then once more."""

import pytest
from cut_loops import every_cut, every_pair
from log_books import Violation, long_life, small_life

from headway_edge.flash import kept_segments, ledger, log_folder, two_copies
from headway_edge.flash.boot_counter import BootCounter
from headway_simulators.simulated_flash import COMMITTED, EMPTIED, TORN

KINDS = {"torn": TORN, "committed": COMMITTED, "emptied": EMPTIED}


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(f"\n{text}")


@pytest.mark.parametrize("kind", KINDS)
def test_after_any_power_cut_every_record_is_there_or_named(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    cuts = every_cut(small_life(), KINDS[kind])
    more = every_cut(long_life(), KINDS[kind], stride=23 if kind == "torn" else 1)
    tell(capsys, f"flash log, {kind}: {cuts + more} power cuts, none lost silently")
    assert cuts >= (800 if kind == "torn" else 15)
    assert more >= 80


@pytest.mark.parametrize("kind", KINDS)
def test_after_any_two_power_cuts_too(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = every_pair(small_life(), KINDS[kind], stride=37 if kind == "torn" else 1)
    tell(capsys, f"flash log, {kind}: {pairs} pairs of power cuts, none lost silently")
    assert pairs >= 100


@pytest.mark.parametrize("sync_every", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_with_sync_every_a_power_cut_takes_fewer_than_that(kind: str, sync_every: int) -> None:
    assert every_cut(small_life(), KINDS[kind], 7 if kind == "torn" else 1, sync_every) >= 10
    assert every_cut(long_life(), KINDS[kind], 61 if kind == "torn" else 1, sync_every) >= 60


@pytest.mark.full
@pytest.mark.parametrize("sync_every", [1, 3])
def test_every_byte_of_a_long_life(sync_every: int, capsys: pytest.CaptureFixture[str]) -> None:
    cuts = every_cut(long_life(), TORN, 1, sync_every)
    tell(capsys, f"flash log, torn at every byte of a long life: {cuts} power cuts, none lost silently")
    assert cuts >= 5000


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_of_a_longer_life(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    life = small_life() if kind == "torn" else long_life()
    pairs = every_pair(life, KINDS[kind], stride=11 if kind == "torn" else 1)
    tell(capsys, f"flash log, {kind}: {pairs} pairs of power cuts, none lost silently")
    assert pairs >= 600


# --- what the loops would find ------------------------------------------------------------------------------------


def found_by_cuts() -> None:
    for kind in (COMMITTED, TORN):
        every_cut(long_life(), kind, stride=1 if kind == COMMITTED else 7)


def test_a_boot_number_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: BootCounter, ends: list[tuple[int, int]], first_boot: int) -> None:
        self.boot = max(self.boot, ends[0][0] if ends else 0) + 1

    monkeypatch.setattr(BootCounter, "begin", forget)
    with pytest.raises(Violation, match="boot"):
        found_by_cuts()


def test_writing_over_the_only_good_copy_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_copies.TwoCopies, "_file", lambda self, *_: f"{self._name}.0")
    with pytest.raises(Violation):
        found_by_cuts()


def test_removing_a_segment_before_its_loss_is_noted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    drop = kept_segments.KeptSegments.drop

    def drop_first(self: kept_segments.KeptSegments, last: tuple[int, int], settled_only: bool) -> bool:
        with monkeypatch.context() as patched:
            patched.setattr(ledger.Ledger, "save", lambda *_: None)
            return drop(self, last, settled_only)

    monkeypatch.setattr(kept_segments.KeptSegments, "drop", drop_first)
    with pytest.raises(Violation, match="lost"):
        found_by_cuts()


def test_appending_behind_a_torn_record_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def append_anyway(self: kept_segments.KeptSegments, boot: int, size_bytes: int, most: int) -> object:
        if self.segments:
            self.segments[-1].sealed = False
        return for_append(self, boot, size_bytes, most)

    for_append = kept_segments.KeptSegments.for_append
    monkeypatch.setattr(kept_segments.KeptSegments, "for_append", append_anyway)
    with pytest.raises(Violation):
        found_by_cuts()


def test_rewriting_a_segment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def rewrite(self: log_folder.LogFolder, name: str, mode: str) -> object:
        if mode == "ab" and name in self.files:  # type: ignore[attr-defined]
            content = self.files[name]  # type: ignore[attr-defined]
            file = opened(self, name, "wb")
            file.write(content)
            return file
        return opened(self, name, mode)

    from headway_simulators.simulated_flash import SimulatedFlash

    opened = SimulatedFlash.open
    monkeypatch.setattr(SimulatedFlash, "open", rewrite)
    with pytest.raises(Violation, match="damaged"):
        found_by_cuts()
