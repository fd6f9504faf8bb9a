"""Runs of sequence numbers: [(first, last), ...], both included, ascending and apart from each other.

>>> runs([1, 2, 3, 7, 9, 10])
[(1, 3), (7, 7), (9, 10)]
>>> missing([2, 3, 7], 1, 8)
[(1, 1), (4, 6), (8, 8)]
>>> without((1, 10), [(3, 4), (9, 20)])
[(1, 2), (5, 8)]
>>> united([(2, 5, 5), (1, 3, 4), (2, 6, 9), (1, 4, 4)])
[(1, 3, 4), (2, 5, 9)]
"""

from collections.abc import Iterable

Run = tuple[int, int]
BootRun = tuple[int, int, int]  # boot, first, last


def runs(seqs: Iterable[int]) -> list[Run]:
    """Return the runs of ascending numbers."""
    found: list[Run] = []
    for seq in seqs:
        if found and found[-1][1] + 1 == seq:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found


def missing(seqs: Iterable[int], first: int, last: int) -> list[Run]:
    """Return what of first..last is not among the ascending `seqs`; cost: their number, however wide the range."""
    return without((first, last), runs(seqs))


def without(run: Run, others: Iterable[Run]) -> list[Run]:
    """Return what of a run lies in none of the others, which ascend."""
    first, last = run
    found = []
    for start, end in others:
        if end < first:
            continue
        if start > last:
            break
        if start > first:
            found.append((first, start - 1))
        first = end + 1
    if first <= last:
        found.append((first, last))
    return found


def united(several: Iterable[BootRun]) -> list[BootRun]:
    """Return runs of several boots, given in any order and overlapping or not, ascending and apart from each other."""
    found: list[BootRun] = []
    for boot, first, last in sorted(several):
        if found and found[-1][0] == boot and first <= found[-1][2] + 1:
            found[-1] = (boot, found[-1][1], max(found[-1][2], last))
        else:
            found.append((boot, first, last))
    return found
