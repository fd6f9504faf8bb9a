"""What it costs to hold benchmarks against each other, and what an attacker still gets, on simulated fleets."""

import time
from random import Random
from statistics import mean, median

from bench.rows import Rows
from headway_server.cohorts.benchmarks import knots
from headway_server.cohorts.differencing import EARLIER_MAX, choose, members, set_of

WEEKS = 52
FLEETS = 20
AWAY, LEAVING = 0.04, 0.01  # in any week; who leaves is replaced
SIZES = ((12, 10), (12, 5), (20, 10), (30, 10), (60, 10), (200, 10))
LARGE = 20_000
ATTACKS = 400
DIGITS = 10_000  # quanta of a standard deviation


def figures() -> Rows:
    """Yield what is published and left out by size of fleet, what a choice takes, and how near a person is told."""
    for size, k in SIZES:
        published, left_out = zip(*(_year(size, k, seed) for seed in range(FLEETS)), strict=True)
        how = f"{FLEETS} fleets, {WEEKS} weeks, each week {AWAY:.0%} away and {LEAVING:.0%} replaced"
        yield f"benchmarks published, {size} persons, k = {k}", f"{mean(published):.0%}", "of weeks", how
        yield (
            "  persons left out of them",
            f"{mean(left_out):.0%}",
            "of present",
            "random, so that differences are 0 or k",
        )
    took_s = _choice_s(LARGE)
    yield "whom to publish over", f"{1000 * took_s:.1f}", "ms", f"{LARGE:,} persons against {EARLIER_MAX} earlier sets"
    for size in (30, 200):
        for change in (0.0, 0.1, 0.3):
            subtracted, read = zip(*(_highest_leaves(size, change, seed) for seed in range(ATTACKS)), strict=True)
            how = f"highest of {size} leaves, weekly change {change:.1f} s.d.; their knot alone: {median(read):.2f}"
            yield "error of two knots, subtracted", f"{median(subtracted):.2f}", "s.d.", how


def _year(size: int, k: int, seed: int) -> tuple[float, float]:
    """(share of weeks published, share of those present who are left out) of a fleet."""
    dice = Random(seed)  # noqa: S311 - repeatable, not secret
    people, newest = list(range(size)), size
    sets: list[int] = []
    left_out = []
    for _ in range(WEEKS):
        for i in range(size):
            if dice.random() < LEAVING:
                people[i], newest = newest, newest + 1
        present = set_of(person for person in people if dice.random() >= AWAY)
        found = choose(present, sets[-EARLIER_MAX:], k, dice)
        if found is not None:
            sets.append(found)
            left_out.append(1 - found.bit_count() / present.bit_count())
    return len(sets) / WEEKS, mean(left_out)


def _choice_s(persons: int) -> float:
    dice = Random(1)  # noqa: S311
    sets = [set_of(n for n in range(persons) if dice.random() > AWAY) for _ in range(EARLIER_MAX)]
    present = sets[0] & ~1  # one differs: others have to be left out
    start_s = time.perf_counter()
    choose(present, sets, 10, dice)
    return time.perf_counter() - start_s


def _highest_leaves(size: int, change: float, seed: int) -> tuple[float, float]:
    """(error of subtracting the highest knots before and after the person with the highest value left, that of the knot before).

    Errors are in standard deviations between persons; change: from week to week, of each person, in the same.
    """
    dice = Random(seed)  # noqa: S311
    habits = [dice.gauss(0, 1) for _ in range(size)]
    highest = max(range(size), key=habits.__getitem__)
    everybody = set_of(range(size))
    after = choose(everybody & ~(1 << highest), [everybody], 10, dice) or everybody
    tables = [
        knots([round(DIGITS * (habits[n] + change * dice.gauss(0, 1))) for n in members(over)], 10) or ([], [])
        for over in (everybody, after)
    ]
    sizes = [_highest_group(shares, over) for (shares, _), over in zip(tables, (everybody, after), strict=True)]
    (_, before_values), (_, after_values) = tables
    # Whoever came into the highest group is taken to be half way between the two highest knots.
    others = (sizes[1] - sizes[0] + 1) * (after_values[-1] + after_values[-2]) / 2
    guess = sizes[0] * before_values[-1] - sizes[1] * after_values[-1] + others
    return abs(guess / DIGITS - habits[highest]), abs(before_values[-1] / DIGITS - habits[highest])


def _highest_group(shares: list[int], over: int) -> int:
    """How many persons the highest knot is of: its share is the middle of its group."""
    return round(2 * (1000 - shares[-1]) * over.bit_count() / 1000)
