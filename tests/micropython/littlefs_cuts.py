"""A flash log on a real littlefs whose power is cut at every write and every erasure of a block; MicroPython only.

    littlefs_cuts.py SIMULATORS BOOKS

SIMULATORS and BOOKS are the folders of `headway_simulators` and of `log_books`. Prints how many cuts there were; what the garbage
collector says of files that were open when power went stands between.
"""

import gc
import sys

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, sys.argv[2])
import headway_protocol.record  # noqa: F401 - first: an import within an import takes of a small stack

# isort: split
from block_device import formatted, mounted
from log_books import Books, long_life, small_life

from headway_edge.flash.log_folder import LogFolder
from headway_simulators.simulated_flash import PowerCut

BLOCK_BYTES = 512
AFTERWARDS = [("append",), ("ack",), ("append",)]


def every_cut(empty, life, stride):
    """Cut power at every `stride`-th step of a life; return how many cuts that is."""
    count = 0
    while True:
        cells = bytearray(empty)
        books = Books()
        device = mounted(cells, BLOCK_BYTES, 1 + count * stride)
        medium = LogFolder("/flash")
        try:  # noqa: SIM105
            books.live(books.start(medium), life, medium)
        except PowerCut:
            pass
        device.gone = device.off
        mounted(cells, BLOCK_BYTES)
        books.live(books.check(medium), AFTERWARDS, medium)
        books.check(medium)
        if not device.off:
            return count
        count += 1
        gc.collect()


def main():
    """Print how many cuts there were."""
    empty = formatted(128, BLOCK_BYTES)
    print("cuts", every_cut(empty, small_life(), 1))
    print("cuts of a long life", every_cut(empty, long_life(), 5))


main()
