"""What the server asks for again: what is kept of it is open once more, what is not is to be declared lost.

It seldom asks, so a microcontroller loads this module when it does.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_segments import KeptSegments
    from headway_edge.flash.ledger import Ledger


def reopen(kept: "KeptSegments", ledger: "Ledger", ranges: list, ends: list, since: int) -> tuple:
    """Return (how many records are open again, [(boot, first, last), ...] that were made and are not kept any more).

    ranges: [(boot, first, last), ...]. ends: [(boot, last seq), ...] of boots that made a record, the newest first; from the boot
    `since` on all of them. A range of a boot before that, whose end nobody remembers, counts as made, as the server says. What
    is in the list of losses is left out: it is declared without being asked for.
    """
    count, missing = 0, []
    for its_boot, first, last in ranges:
        runs = [run for run in kept.runs() if run[0] == its_boot]
        last = min(last, _end(ends, runs, its_boot, last if its_boot < since else 0))  # noqa: PLW2901
        for _, start, stop in runs:
            if start <= last and stop >= first:
                missing.extend(_not_lost(ledger, its_boot, first, start - 1))
                count += _open(ledger, its_boot, max(first, start), min(last, stop))
                first = stop + 1  # noqa: PLW2901
        missing.extend(_not_lost(ledger, its_boot, first, last))
    return count, missing


def _end(ends: list, runs: list, boot: int, unknown: int) -> int:
    for its_boot, last in ends:
        if its_boot == boot:
            return last
    if runs:
        return runs[-1][2]
    return unknown


def _not_lost(ledger: "Ledger", boot: int, first: int, last: int) -> list:
    found = []
    while first <= last:
        lost, end = ledger.losses.step(boot, first, last)
        if not lost:
            found.append((boot, first, end))
        first = end + 1
    return found


def _open(ledger: "Ledger", boot: int, first: int, last: int) -> int:
    # Makes first..last open, which are kept, but for what is lost; returns how many were not.
    count = 0
    for _, start, end in _not_lost(ledger, boot, first, last):
        count += end - start + 1
        for open_first, open_last in ledger.open_ranges(boot, start, end):
            count -= open_last - open_first + 1
    if count:
        ledger.settled.remove(boot, first, last)
        ledger.unsaved = True
    return count
