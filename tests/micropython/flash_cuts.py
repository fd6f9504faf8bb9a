"""Cut power under a flash log, and let its medium fail, at every place there is; MicroPython and CPython do it alike.

    flash_cuts.py SIMULATORS BOOKS STRIDE

SIMULATORS and BOOKS are the folders of `headway_simulators` and of `log_books`. STRIDE: from one cut in a long life to the next.
Prints how many cuts and faults there were, and the digests of the files of a long life.
"""

import hashlib
import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
import headway_protocol.record  # noqa: F401 - first: an import within an import takes of a small stack

# isort: split
from cut_loops import every_cut, every_damage, every_fault, every_pair
from log_books import Books, long_life, small_life

from headway_simulators.simulated_flash import COMMITTED, EMPTIED, INPUT_OUTPUT, TORN, SimulatedFlash


def flipped(content, at):
    """Flip one bit."""
    return content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :]


def main(stride):
    """Print one line a loop."""
    for name, kind in (("torn", TORN), ("committed", COMMITTED), ("emptied", EMPTIED)):
        print("cuts", name, every_cut(small_life(), kind, 7 if kind == TORN else 1))
        print("cuts of a long life", name, every_cut(long_life(), kind, stride if kind == TORN else 3))
    print("pairs", every_pair(small_life(), COMMITTED, 2))
    for error in (OSError(INPUT_OUTPUT, "fails"), MemoryError()):
        for persistent in (False, True):
            print("faults", every_fault(small_life(), COMMITTED, error, persistent, True, False, 7))
    print("flipped", every_damage([("append",), ("ack",), ("append",)], TORN, flipped))
    files = {}
    medium = SimulatedFlash(files)
    books = Books()
    books.live(books.start(medium), long_life(), medium)
    for name in sorted(files):
        digest = hashlib.sha256(files[name]).digest()
        print(name, len(files[name]), "".join(["%02x" % byte for byte in digest]))


main(int(sys.argv[3]))
