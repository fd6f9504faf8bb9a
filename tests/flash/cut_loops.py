"""Power cuts and faults at every place there is, counted up until a run has none. Runs on MicroPython too."""

from log_books import Books

from headway_edge.flash.log_folder import SPARE_FILE
from headway_simulators.simulated_flash import EMPTIED, PowerCut, SimulatedFlash

AFTERWARDS = [("append",), ("ack",), ("append",), ("sync",)]


def cut_once(life, kind, cut_at, second_cut_at=0, sync_every=1):
    """Live until power is cut, perhaps once more until it is cut again, then check; return which cuts happened."""
    files = {}
    books = Books(may_lose=kind == EMPTIED or sync_every > 1, sync_every=sync_every)
    first = SimulatedFlash(files, kind, cut_at)
    cut_1 = cut_2 = False
    try:
        books.live(books.start(first), life, first)
    except PowerCut:
        cut_1 = True
    if second_cut_at:
        second = SimulatedFlash(files, kind, second_cut_at)
        try:
            books.live(books.check(second), AFTERWARDS, second)
        except PowerCut:
            cut_2 = True
    medium = SimulatedFlash(files, kind)
    # What is there is there to stay, and the log goes on.
    books.live(books.check(medium), AFTERWARDS, medium)
    books.check(SimulatedFlash(files, kind))
    if kind != EMPTIED:
        cut_off = [key for key in books.made if books.lost.get(key, "storage full") != "storage full"]
        books.expect(len(cut_off) < sync_every, "a power cut took %r" % cut_off)
    return cut_1, cut_2


def every_cut(life, kind, stride=1, sync_every=1):
    """Cut power at every step (every `stride`-th) of a life; return how many cuts that is."""
    count = 0
    while cut_once(life, kind, 1 + count * stride, 0, sync_every)[0]:
        count += 1
    return count


def every_pair(life, kind, stride=1):
    """Cut power at every step of a life, and again at every step of what follows; return how many pairs that is."""
    pairs, cut_at = 0, 1
    while True:
        second = 1
        while True:
            cut_1, cut_2 = cut_once(life, kind, cut_at, second)
            if not cut_1:
                return pairs
            if not cut_2:
                break
            pairs += 1
            second += stride
        cut_at += stride


def fault_once(life, kind, fail_at, error, persistent, late, gives_up):
    """Live with the fail_at-th operation failing; return whether there was one."""
    files = {}
    books = Books(gives_up=gives_up)
    medium = SimulatedFlash(files, kind, 0, fail_at, error, persistent, late)
    log = None
    for _ in (1, 2):  # as a device does: what could not be opened is opened again
        try:
            log = books.start(medium)
            break
        except (OSError, MemoryError):
            books.faults += 1
    if log is not None:
        log = books.survive(log, life, medium)
    hit = medium.failed > 0
    if log is not None:
        medium.error = None  # room again, or the fault has passed: the same log goes on
        books.live(log, [("append",), ("append",), ("read",)], medium)
    medium = SimulatedFlash(files, kind)
    books.live(books.check(medium), AFTERWARDS, medium)
    books.check(SimulatedFlash(files, kind))
    return hit


def every_fault(life, kind, error, persistent, late, gives_up, stride=1):
    """Let the N-th operation fail, N = 1, 2, ... until a run is clean; return how many faults that is."""
    count = 0
    while fault_once(life, kind, 1 + count * stride, error, persistent, late, gives_up):
        count += 1
    return count


def every_damage(life, kind, damage):
    """Spoil each byte of each file after a life; return how many that is. Nothing may be lost that is not named.

    damage: a function of (content, place) that returns another content.
    """
    count = 0
    for name, size_bytes in _sizes(life, kind):
        for at in range(size_bytes):
            files = {}
            books = Books(spoilt=True)
            medium = SimulatedFlash(files, kind)
            books.live(books.start(medium), life, medium)
            files[name] = damage(files[name], at)
            books.live(books.check(medium), AFTERWARDS, medium)
            books.check(SimulatedFlash(files, kind))
            count += 1
    return count


def _sizes(life, kind):
    files = {}
    books = Books()
    medium = SimulatedFlash(files, kind)
    books.live(books.start(medium), life, medium)
    return [(name, len(files[name])) for name in sorted(files) if name != SPARE_FILE]
