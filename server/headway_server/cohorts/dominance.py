"""Dominance: no published mean is one person's doing.

Pure. A group's mean tells its sum, and whoever is second in it can take their own value off that sum. By the p% rule a sum
is not published where what is left is then within p % of the largest contribution (Hundepool et al., Statistical Disclosure
Control, Wiley 2012, chapter 4; the same in the Handbook on Statistical Disclosure Control of sdcTools, section 4.2). Two things
differ here:

- A contribution is counted from the group's other end, not from zero. Values may be negative or zero, and where all are near
  1000 nobody makes the mean. So the rule asks how far somebody stands out from the group, and its answer is the same
  for values that are all moved by as much.
- A mean is published rounded to a quantum, so the sum of n values is known no closer than n / 2 quanta. That protects,
  too: without it, a group of zeros and a one would be dominated by the one.

A value that dominates is cut to what the rule still allows, which follows from the others alone. To merge groups would take
knots away from everybody for the sake of one value, and the merged mean would still be that value's; to withhold would take the
whole table. And a cut mean is the better one to find one's place by: of 10, 11, 11, 12 and 400 the mean is 89, of the
cut values it is 17. That the knot then is no mean of the very values is said where knots are explained.

>>> cut([10, 11, 11, 12, 400]), cut([-400, 10, 11, 11, 12]), cut([10, 11, 12, 13, 15])
([10, 11, 11, 12, 40], [-18, 10, 11, 11, 12], [10, 11, 12, 13, 15])
"""

DOMINANCE_PERCENT = 15  # p; as strict as that the two largest may make no more than 87 % of a sum: 100 / (100 + p)


def cut(ordered: list[int]) -> list[int]:
    """Return a group's values with what dominates at either end cut to the bound that the others set.

    ordered: at least five integers in ascending order, in quanta. The result is as long, in ascending order too, within the
    range of `ordered`, and the rule holds at both of its ends.
    """
    lowest = ordered[0]
    bound = lowest + _allowed([value - lowest for value in ordered[:-2]], len(ordered))
    below = [min(value, bound) for value in ordered]
    highest = below[-1]
    bound = highest - _allowed([highest - value for value in below[2:]], len(ordered))
    return [max(value, bound) for value in below]


def _allowed(rest: list[int], persons: int) -> int:
    """The largest contribution that the rule allows beside `rest`, which is all but the two largest; rounded down."""
    return 100 * (2 * sum(rest) + persons) // (2 * DOMINANCE_PERCENT)
