"""Differencing: what one published table tells by being subtracted from another.

Pure. A table's knots and its number of persons tell the sum of their values. Of two tables the one over 22 persons and
the other over the same without one, the sums differ by that one's value, if the others drive as they do. So the persons
of a table differ from those of every earlier one by nobody or by at least k: who came and who left, together. Where one is on
holiday, others are left out by chance, as few as do, so that nobody can say whose sum the difference is. Where that leaves too
few, nothing is published. The attack is the tracker of Denning, Denning and Schwartz (ACM Transactions on Database Systems 4(1),
1979); the answer is that of the difference checks of Google's Ads Data Hub.

Earlier tables are those of the same characteristic, of any cohort and any pack: its id has one meaning, so a cohort
that takes a new pack, or devices that tell another vehicle class, begin no new count. For others than that it costs nothing:
cohorts of other people differ by all of their people. A cohort is a vehicle class and a pack; cohorts of which one lies
within another do not exist yet, and would be held apart by the same rule, the sum of several against one would not.

What remains: knots of two tables, and three tables and more, are not held apart; a person's own change shows if nobody else's
values changed; and k - 1 people of a difference may tell their values to each other and so know the last one's
(docs/privacy.md).

A set of people is an integer here, in which bit n is the person with number n.
"""

from collections.abc import Iterable, Sequence
from itertools import compress
from random import Random

EARLIER_MAX = 12  # publications of a cohort that later ones are held against: a quarter of weekly ones
_TRIES = 100
_LOOKED_AT = 48  # persons of whom one is left out next: enough to find a good one, and few for a cohort of thousands


def are_apart(first: int, second: int, k: int) -> bool:
    """Whether two sets differ by nobody or by at least k persons.

    >>> are_apart(0b0111, 0b0111, 3), are_apart(0b0111, 0b0011, 3), are_apart(0b0111, 0b1010, 3)
    (True, False, True)
    """
    return first == second or (first ^ second).bit_count() >= k


def choose(present: int, earlier: Iterable[int], k: int, chance: Random) -> int | None:
    """Return the persons to publish over: of `present`, at least k, apart from every set of `earlier`; None for none.

    present: who could be published. As many as possible are kept: all of them; else the persons of an earlier table again,
    which tells nothing new; else, if that keeps more, all but some who are left out by chance. The last is a search of bounded
    length, so it may leave out more than it must, or find nothing where something is.
    """
    held_against = {one for one in earlier if one & present}  # sets of other people differ by all of theirs

    def is_allowed(persons: int) -> bool:
        return persons.bit_count() >= k and all(are_apart(persons, one, k) for one in held_against)

    if is_allowed(present):
        return present
    again = max(
        (one for one in held_against if one & ~present == 0 and is_allowed(one)), key=int.bit_count, default=None
    )
    least = k if again is None else again.bit_count() + 1
    fresh = _leave_out(present, sorted(held_against), k, least, chance)
    return again if fresh is None else fresh


def nearest(present: int, earlier: Iterable[int]) -> int:
    """Return by how many persons `present` differs from the set of `earlier` that is most like it, if not the same."""
    return min(((present ^ one).bit_count() for one in earlier if one != present), default=0)


def members(persons: int) -> list[int]:
    """Return the numbers of the persons in a set, ascending.

    >>> members(0b1011)
    [0, 1, 3]
    """
    bits = map(int, reversed(f"{persons:b}"))
    return list(compress(range(persons.bit_length()), bits))


def set_of(numbers: Iterable[int]) -> int:
    """Return the set of the persons with these numbers.

    >>> set_of([0, 1, 3]) == 0b1011
    True
    """
    found = bytearray()
    for number in numbers:
        if number >> 3 >= len(found):
            found.extend(bytes((number >> 3) + 1 - len(found)))
        found[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(found, "little")


def _leave_out(present: int, earlier: Sequence[int], k: int, least: int, chance: Random) -> int | None:
    """The largest set found by leaving persons out of `present`, by chance; at least `least` are in it."""
    # Each who is left out moves a difference by one, so no fewer than this can do.
    needed = max([0, *(k - (present ^ one).bit_count() for one in earlier)])
    best = None
    for _ in range(_TRIES):
        if present.bit_count() - needed < least:
            break
        found = _leave_out_once(present, earlier, k, least, chance)
        if found is not None:
            best, least = found, found.bit_count() + 1
    return best


def _leave_out_once(present: int, earlier: Sequence[int], k: int, least: int, chance: Random) -> int | None:
    left = members(present)
    chance.shuffle(left)
    persons = present
    distances = [(present ^ one).bit_count() for one in earlier]
    while any(0 < distance < k for distance in distances):
        if len(left) <= least:
            return None
        # Leaving out somebody who was in an earlier set takes the two further apart, somebody who was not brings them nearer.
        # What is nearest counts most; what is far enough, by one who may be lost again, counts too.
        pulls = [max(0, k + 1 - distance) for distance in distances]
        looked_at = min(len(left), _LOOKED_AT)
        gains = [
            sum(pull if one >> left[i] & 1 else -pull for one, pull in zip(earlier, pulls, strict=True) if pull)
            for i in range(looked_at)
        ]
        most = max(gains)
        i = chance.choice([i for i in range(looked_at) if gains[i] == most])
        number = left[i]
        left[i] = left[-1]
        left.pop()
        persons &= ~(1 << number)
        for j, one in enumerate(earlier):
            distances[j] += 1 if one >> number & 1 else -1
    return persons
