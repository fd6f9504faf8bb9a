"""Quotients with twelve bits behind the point, digit by digit, so that nothing outgrows a small integer of 31 bits.

>>> quotient_q12(3, 2), quotient_q12(1, 3), quotient_q12(1 << 24, 1)
(6144, 1365, 4194304)
"""

ONE_Q12 = 1 << 12
WHOLE_MAX = 1 << 10  # what is larger is cut to this
_DIGIT_BITS = 4


def quotient_q12(above: int, below: int) -> int:
    """Return above / below in 1/4096, rounded half up, at most WHOLE_MAX. above: 0 to 2**29; below: 1 to 2**25."""
    quotient = above // below
    if quotient >= WHOLE_MAX:
        return WHOLE_MAX << 12
    rest = above - quotient * below
    for _ in range(3):
        rest <<= _DIGIT_BITS
        digit = rest // below
        rest -= digit * below
        quotient = (quotient << _DIGIT_BITS) + digit
    return quotient + 1 if 2 * rest >= below else quotient
