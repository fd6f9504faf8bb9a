"""The customer-factor weight: what is known of a customer, as one number from -1 to 1, by weights that the server learned.

A device only looks up and adds. Weights are counted in 2**-15, WEIGHT_ONE being 1, as gains are; a factor that is a number
comes as a whole number of 1/1024 from -FACTOR_ONE to FACTOR_ONE, one that is a name as its place in the list of names. A
factor whose value is MISSING adds nothing, and so does a name that nobody has learned of.

Weights are a list of factors, each one of

    [BANDS, [edge, ...], [weight, ...]]     a number: the weight of the band it lies in, an edge belonging to the upper one
    [NAMES, [weight, ...]]                  a name: the weight at its place
    [SLOPE, centre, slope]                  a number: slope * (number - centre), half up

>>> weights = [[BANDS, [-341, 341], [8192, 0, -8192]], [NAMES, [3277, -3277]], [SLOPE, 0, 16384]]
>>> check(weights)
>>> weight(weights, [-1024, 0, 512]), weight(weights, [0, 7, MISSING]), weight(weights, [-1024, 0, FACTOR_ONE])
(19661, 0, 27853)
"""

BANDS = 0
NAMES = 1
SLOPE = 2
WEIGHT_ONE = 1 << 15
FACTOR_ONE = 1 << 10
SLOPE_MAX = (
    4 * WEIGHT_ONE
)  # a slope of 4 takes a factor from one end of the weight to the other in a quarter of its range
FACTORS_MAX = 16
LEVELS_MAX = 32  # bands or names of a factor
MISSING = -(1 << 29)  # a factor that is not known


def weight(weights: list, values: list) -> int:
    """Return the weight -WEIGHT_ONE..WEIGHT_ONE of one customer.

    weights: as `check` takes them. values: one whole number for each factor; numbers beyond FACTOR_ONE are cut.
    """
    total = 0
    for i in range(len(weights)):
        if values[i] != MISSING:
            total += _part(weights[i], values[i])
    return min(max(total, -WEIGHT_ONE), WEIGHT_ONE)


def _part(factor: list, value: int) -> int:
    kind = factor[0]
    if kind == NAMES:
        return factor[1][value] if 0 <= value < len(factor[1]) else 0
    value = min(max(value, -FACTOR_ONE), FACTOR_ONE)
    if kind == SLOPE:
        # At most 2**17 * 2**11 = 2**28.
        return (factor[2] * (value - factor[1]) + FACTOR_ONE // 2) // FACTOR_ONE
    band = 0
    while band < len(factor[1]) and value >= factor[1][band]:
        band += 1
    return factor[2][band]


def check(weights: list) -> None:
    """Raise ValueError, saying where, for weights that are not as described above: a device asks before it keeps them."""
    if not isinstance(weights, list) or len(weights) > FACTORS_MAX:
        raise ValueError("weights are a list of up to %d factors" % FACTORS_MAX)
    for i in range(len(weights)):
        if not _is_factor(weights[i]):
            raise ValueError("factor %d of the weights is none: %r" % (i, weights[i]))


def _is_factor(factor: object) -> bool:
    if not isinstance(factor, list) or not factor:
        return False
    if factor[0] == SLOPE:
        return len(factor) == 3 and _within(factor[1:2], FACTOR_ONE) and _within(factor[2:3], SLOPE_MAX)
    if factor[0] == NAMES:
        return len(factor) == 2 and _within(factor[1], WEIGHT_ONE)
    if (
        factor[0] != BANDS
        or len(factor) != 3
        or not _within(factor[1], FACTOR_ONE)
        or not _within(factor[2], WEIGHT_ONE)
    ):
        return False
    edges = factor[1]
    return len(factor[2]) == len(edges) + 1 and all(edges[i] < edges[i + 1] for i in range(len(edges) - 1))


def _within(numbers: object, most: int) -> bool:
    if not isinstance(numbers, list) or len(numbers) > LEVELS_MAX:
        return False
    return all(isinstance(n, int) and not isinstance(n, bool) and -most <= n <= most for n in numbers)
