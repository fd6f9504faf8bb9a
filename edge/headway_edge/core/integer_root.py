"""Square roots of whole numbers; MicroPython has no math.isqrt.

>>> root(0), root(15), root(16), root(10**18 + 5)
(0, 3, 4, 1000000000)
"""


def root(number: int) -> int:
    """Return the square root of a number of 0 or more, rounded down. Allocates nothing for numbers under 2**30."""
    if number < 2:
        return number
    bits = 0
    rest = number
    while rest:
        rest >>= 1
        bits += 1
    guess = 1 << ((bits + 1) // 2)
    while True:
        better = (guess + number // guess) // 2
        if better >= guess:
            return guess
        guess = better
