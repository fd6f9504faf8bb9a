"""Contiguity: up to which seq of a boot nothing is missing, given what is stored, refused and declared lost.

>>> advance(4, [5, 6, 9], [(7, 7)])
7
>>> advance(0, [2, 3], [])
0
>>> union_size([(1, 3), (3, 5), (10, 10)])
6
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


def union_size(ranges: Iterable[tuple[int, int]]) -> int:
    """Return how many numbers lie in at least one of the ranges (first, last), both included."""
    size = 0
    end = 0
    for first, last in sorted(ranges):
        size += max(0, last - max(first, end + 1) + 1)
        end = max(end, last)
    return size
