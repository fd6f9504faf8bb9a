"""Contiguity: up to which seq of a boot nothing is missing, given what is stored, refused and declared lost.

>>> advance(4, [5, 6, 9], [(7, 7)])
7
>>> advance(0, [2, 3], [])
0
>>> union_size([(1, 3), (3, 5), (10, 10)])
6
>>> without([(1, 9), (20, 20)], [(3, 4), (9, 12)])
[(1, 2), (5, 8), (20, 20)]
>>> ranges_of([9, 4, 5, 6, 11, 9])
[(4, 6), (9, 9), (11, 11)]
"""

from collections.abc import Iterable


def advance(upto: int, seqs: Iterable[int], ranges: Iterable[tuple[int, int]]) -> int:
    """Return the highest seq that can be reached from `upto` without a gap.

    upto: 0 or more. seqs: handled ones, any order, repeats allowed. ranges: (first, last), both included; they may be as
    wide as 2**32, so they are never spelt out. Cost: O(n log n) of the number of seqs and ranges.
    """
    for first, last in sorted([(seq, seq) for seq in seqs] + list(ranges)):
        if first > upto + 1:
            break
        upto = max(upto, last)
    return upto


def without(ranges: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return, in order, what of `ranges` lies in none of `taken`; all are (first, last), both included.

    ranges: apart from each other. taken: any order, overlaps allowed. Cost: O(n log n).
    """
    left: list[tuple[int, int]] = []
    cuts = sorted(taken)
    at = 0
    for first, last in sorted(ranges):
        begin = first
        while at < len(cuts) and cuts[at][0] <= last:
            cut_first, cut_last = cuts[at]
            if cut_first > begin:
                left.append((begin, cut_first - 1))
            begin = max(begin, cut_last + 1)
            if cut_last > last:
                break  # it may reach into the next range
            at += 1
        if begin <= last:
            left.append((begin, last))
    return left


def union_size(ranges: Iterable[tuple[int, int]]) -> int:
    """Return how many numbers lie in at least one of the ranges (first, last), both included."""
    size = 0
    end = 0
    for first, last in sorted(ranges):
        size += max(0, last - max(first, end + 1) + 1)
        end = max(end, last)
    return size


def ranges_of(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Return the numbers as ranges (first, last), both included, in order; repeats count once."""
    ranges: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if ranges and seq <= ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], seq
        else:
            ranges.append((seq, seq))
    return ranges
