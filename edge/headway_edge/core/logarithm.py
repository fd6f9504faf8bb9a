"""Natural logarithms in thousandths, by integers alone: for indices that were published with a logarithm in them.

>>> ln_milli(1), ln_milli(2), ln_milli(301), ln_milli(536870911)
(0, 693, 5707, 20101)
"""

_FRACTION = 14  # bits below one: a square stays under 2**30
_TWO = 2 << _FRACTION
_LN2 = 45426  # ln 2 in 1/65536, rounded: 0.693147


def ln_milli(number: int) -> int:
    """Return 1000 * ln(number) for a number of 1 to 2**29 - 1; at most 1 from the exact value.

    The bits of the binary logarithm come one by one, by squaring what lies between 1 and 2. The result never falls as the
    number grows, so its range is that of its ends.
    """
    whole = 0
    while number >> (whole + 1):
        whole += 1
    rest = (number << (_FRACTION - whole)) if whole <= _FRACTION else number >> (whole - _FRACTION)
    bits = 0
    for _ in range(12):
        bits <<= 1
        rest = (rest * rest) >> _FRACTION
        if rest >= _TWO:
            rest >>= 1
            bits += 1
    # whole * ln 2 in thousandths, and the fraction's 12 bits: both under 2**29.
    return (whole * _LN2 * 125 + (bits * _LN2 >> 12) * 125 + 4096) >> 13
