"""The start of a flash log: every segment is read, what is missing is noted as lost, and the next boot begins.

Nothing of it is needed later, so a microcontroller forgets this module afterwards.
"""

from headway_edge.flash.boot_counter import BootCounter
from headway_edge.flash.ledger_reading import load
from headway_edge.flash.log_segment import Segment
from headway_edge.flash.loss_list import DAMAGED
from headway_edge.flash.segment_reading import read

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_segments import KeptSegments
    from headway_edge.flash.kept_state import KeptState
    from headway_edge.flash.ledger import Ledger
    from headway_edge.flash.log_folder import LogFolder

BAD_FILE = "log.bad"  # the last segment of which nothing could be read, for whoever looks into it


def start(
    medium: "LogFolder", kept: "KeptSegments", states: "KeptState", ledger: "Ledger", first_boot: int
) -> BootCounter:
    """Fill `kept`, `states` and `ledger` from the medium and begin the next boot.

    Raises OSError if it cannot be told which segments there are, or the boot cannot be noted. A file that cannot be read is
    passed over: what was in it is lost.
    """
    counter = BootCounter(medium)
    load(ledger)
    counter.load()
    _scan(medium, kept)
    _compare(states)
    known = counter.ends + ([ledger.mark] if ledger.mark[1] else [])
    find_gaps(kept, ledger, known)
    ends = {}  # type: dict
    for boot, last in known + [(run[0], run[2]) for run in kept.runs()]:
        ends[boot] = max(last, ends.get(boot, 0))
    counter.begin(sorted(ends.items(), reverse=True), first_boot)
    return counter


def _scan(medium: "LogFolder", kept: "KeptSegments") -> None:
    last = (0, 0)
    for number in sorted([int(name[4:]) for name in medium.names() if name[:4] == "log." and name[4:].isdigit()]):
        kept.next_number = number + 1
        segment, readable = _segment(kept, number, last)
        kept.retired += segment.sealed
        if segment.runs:
            last = segment.last()
        elif readable:
            _put_aside(medium, segment)
            continue
        kept.segments.append(segment)


def _segment(kept: "KeptSegments", number: int, before: tuple) -> tuple:
    # Returns the segment and whether it could be read: a second look, because opening may fail for once.
    for _ in (1, 2):
        segment = Segment(number)
        try:
            read(kept, segment, before, (0, 0))
        except OSError:
            continue
        return segment, True
    segment.sealed = True
    segment.size_bytes += 1  # it may be longer: there is something that is not known
    return segment, False


def _compare(states: "KeptState") -> None:
    # After all segments were read: forgets what was saved on its own later.
    for key in list(states.newest):
        try:
            alone = states.alone(key)
        except OSError:
            continue  # that cannot be read, this can
        if alone is not None and alone[:2] >= states.newest[key][:2]:
            del states.newest[key]


def _put_aside(medium: "LogFolder", segment: Segment) -> None:
    try:
        if medium.size_bytes(segment.name) == 0:
            medium.remove(segment.name)
        else:
            medium.rename(segment.name, BAD_FILE)
    except OSError:
        pass  # it stays where it is, and nothing is taken from it


def find_gaps(kept: "KeptSegments", ledger: "Ledger", ends: list) -> None:
    """Note as lost what is neither there nor settled; ends: [(boot, last seq), ...] known from elsewhere."""
    ends = sorted(ends)
    boot, seq = 0, 0
    for its_boot, first, last in kept.runs():
        if its_boot != boot:
            _missing_ends(ledger, ends, boot, seq, its_boot)
            seq = 0
        ledger.lose(its_boot, seq + 1, first - 1, DAMAGED)
        boot, seq = its_boot, last
    _missing_ends(ledger, ends, boot, seq, 0x100000000)


def _missing_ends(ledger: "Ledger", ends: list, boot: int, seq: int, before: int) -> None:
    for its_boot, last in ends:
        if boot <= its_boot < before:
            ledger.lose(its_boot, seq + 1 if its_boot == boot else 1, last, DAMAGED)
