"""Making room in a flash log: a segment in which nothing is open goes, or else the oldest, and what was open in it is lost.

Needed once in a segment's time, so a microcontroller forgets this module in between.
"""

from headway_edge.flash.log_folder import NO_SUCH_FILE
from headway_edge.flash.log_segment import FAILURES_MAX
from headway_edge.flash.loss_list import STORAGE_FULL

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_segments import KeptSegments
    from headway_edge.flash.kept_state import KeptState


def drop(kept: "KeptSegments", last: tuple, settled_only: bool) -> bool:
    """Remove the oldest segment in which no record is open, so that nothing is lost; return whether one was removed.

    If there is none, and not settled_only: the oldest, and its open records are lost. last: (boot, seq) of the newest record.
    Raises OSError; then the segment is still there, or nothing is kept in it any more. One that cannot be removed again and
    again is passed over.
    """
    victim, lost = None, False
    for segment in kept.segments:
        if segment.size_bytes and (segment.runs or segment.failures < FAILURES_MAX):
            if not kept.open_in(segment, (0, 0)):
                victim, lost = segment, False
                break
            if victim is None and not settled_only:
                victim, lost = segment, True
    if victim is None:
        return False
    _carry(kept.states, victim.number, last[0], last[1])
    if lost:
        for boot, first, end in victim.runs:
            kept.ledger.losses.dropped(boot, first, end)
            kept.ledger.dropped += kept.ledger.lose(boot, first, end, STORAGE_FULL)
        kept.ledger.save()  # and once more below: the older copy does not know that it is lost
        kept.ledger.unsaved = True
    if kept.ledger.unsaved:
        kept.ledger.save()
    victim.runs = []
    victim.sealed = True
    try:
        kept.medium.remove(victim.name)
    except OSError as error:
        if error.errno != NO_SUCH_FILE:
            victim.failures += 1
            raise
    kept.segments.remove(victim)
    return True


def _carry(states: "KeptState", number: int, boot: int, seq: int) -> None:
    # Saves on their own the values that only this segment has; (boot, seq) is the newest record. What cannot be read is
    # given up: the segment has to go.
    for key in list(states.newest):
        if states.newest[key][2] == number:
            try:
                value = states.load(key)
            except OSError:
                states.newest.pop(key, None)
                continue
            pair = states.pair(key)
            try:
                pair.load()
            except OSError:
                pair.pass_over()  # it is older
            states.save(key, value, boot, seq)
