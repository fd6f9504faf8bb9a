"""What the writing end of a flash log does when the medium does not take a record: a part of `LogWriter`.

A write that ends in an error may have left nothing, a part, or all of the record. So the segment is read anew: what is there
counts as stored, and a part is left behind in a segment that is used no more. Where it cannot be read either, the seq stays in
doubt until the next append, and is then given up for good rather than used for another content.

Seldom needed, so a microcontroller forgets this module in between.
"""

from headway_edge.flash.loss_list import SKIPPED, WRITE_FAILED
from headway_edge.flash.segment_reading import look_again

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.log_writer import LogWriter

FULL_PATIENCE = 8  # appends that a full medium refuses in a row before the oldest segment has to go
_SEGMENTS_LEAST = 4


def make_way(writer: "LogWriter") -> bool:
    """The medium is full, although the log is not: return whether something was given up for it. Raises OSError."""
    writer._full += 1
    patient = writer._full < FULL_PATIENCE
    if not patient:
        # It will not become larger: from now on this is the budget.
        writer._log_bytes_max = max(_SEGMENTS_LEAST * writer._segment_bytes, writer._kept.size_bytes())
    writer._spare.give_back()
    try:
        return writer._kept.drop(writer.last(), patient)
    finally:
        writer._spare.take()  # before the record takes it


def look(writer: "LogWriter") -> bool:
    """Read what there is; return whether there is a record more than is known. What was not synced may be gone."""
    before = writer._kept.segments[-1]
    last = look_again(writer._kept, writer.last()).last()
    writer._doubted = None
    for boot, first, end in before.cut(last):
        writer._kept.ledger.lose(boot, first, end, WRITE_FAILED)
    if last <= writer.last():
        return False
    writer.last_seq += 1
    return True


def was_stored(writer: "LogWriter") -> bool:
    """The append before ended in doubt: return whether it was stored.

    Its seq must not be used for another content, so where the medium does not say what it has, that seq is given up, and
    the segment with it.
    """
    try:
        return look(writer)
    except OSError:
        writer._kept.segments[-1].sealed = True
        if writer._doubted:
            _give_up(writer, 1, WRITE_FAILED)
        writer._doubted = None
        return False


def skip(writer: "LogWriter", count: int) -> int:
    """Use up `count` seqs, as `LogWriter.skip` describes it."""
    stored, before = False, writer.last_seq
    if writer._doubted:
        stored = was_stored(writer)  # if nobody can tell, its seq is one of those used up
    _give_up(writer, count - (writer.last_seq - before), SKIPPED)
    writer._save_mark()
    return count - stored


def _give_up(writer: "LogWriter", count: int, reason: int) -> None:
    writer._kept.ledger.lose(writer.boot, writer.last_seq + 1, writer.last_seq + count, reason)
    writer.last_seq += count
