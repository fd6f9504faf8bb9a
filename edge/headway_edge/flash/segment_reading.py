"""What a segment has, read from the medium: at the start of a log, and after a write that ended in an error.

Seldom needed, so a microcontroller forgets this module in between.
"""

from headway_edge.flash.log_folder import NO_SUCH_FILE
from headway_edge.flash.log_segment import FRAME_BYTES, Segment, read_frame, unpack_state

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_segments import KeptSegments


def read(kept: "KeptSegments", segment: Segment, before: tuple, known: tuple) -> None:
    """Fill in what a segment has, up to its end or to the first record that is not whole. Raises OSError.

    before: (boot, seq) of the record before it. Records follow each other in the order they were made: what goes backwards is
    none of this log's. known: up to which record the states are known.
    """
    last, offset = before, 0
    with kept.medium.open(segment.name, "rb") as file:
        frame = read_frame(file, 0)
        while frame is not None and frame[:2] > last:
            last = frame[:2]
            size_bytes = FRAME_BYTES + len(frame[2]) + len(frame[3])
            segment.extend(last[0], last[1], size_bytes)
            if last > known:
                for key, _ in unpack_state(frame[3]):
                    kept.states.note(key, last[0], last[1], segment.number, offset)
            offset += size_bytes
            frame = read_frame(file, offset)
    size_bytes = kept.medium.size_bytes(segment.name)
    if size_bytes != offset:
        segment.sealed = True
        segment.size_bytes = size_bytes
        kept.torn_bytes += size_bytes - offset


def look_again(kept: "KeptSegments", known: tuple) -> Segment:
    """Read the newest segment anew, of which records up to `known` are known; return it. Raises OSError."""
    fresh = Segment(kept.segments[-1].number)
    before = kept.segments[-2].last() if len(kept.segments) > 1 else (0, 0)
    try:
        read(kept, fresh, before, known)
    except OSError as error:
        if error.errno != NO_SUCH_FILE:
            raise
    kept.retired += fresh.sealed
    if fresh.sealed and not fresh.runs:
        try:
            kept.medium.remove(fresh.name)  # a part of one record, on a medium that may be full of such parts
            fresh = Segment(fresh.number)
        except OSError:
            pass
    kept.segments[-1] = fresh
    return fresh
