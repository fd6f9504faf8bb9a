"""Trouble codes as people write them and as numbers: P0217 is 0x0217, of 16 bits, the first two of which are the letter.

After SAE J2012 and ISO 15031-6: P powertrain, C chassis, B body, U network. Codes of more bits, such as those of SAE J1939, are
written as numbers.

>>> number_of("P0217"), number_of("U0100"), number_of("3520")
(535, 49408, 3520)
>>> text_of(535), text_of(49408), text_of(1 << 20)
('P0217', 'U0100', '1048576')
>>> number_of("P0G17")
Traceback (most recent call last):
...
ValueError: 'P0G17' is no trouble code: a letter of P, C, B and U, a digit of 0 to 3, three of 0 to 9 and A to F; or a number
"""

LETTERED_MAX = 0xFFFF
_LETTERS = "PCBU"
_DIGITS = "0123456789ABCDEF"


def number_of(text: str) -> int:
    """Return a trouble code as a number. Raises ValueError for what is none."""
    if text and all(sign in _DIGITS[:10] for sign in text):
        return int(text)
    if len(text) != 5 or text[0] not in _LETTERS or text[1] not in "0123":
        raise _none(text)
    number = _LETTERS.index(text[0])
    for place in range(1, 5):
        if text[place] not in _DIGITS:
            raise _none(text)
        # The letter and the digit after it are two bits each.
        number = number * (4 if place == 1 else 16) + _DIGITS.index(text[place])
    return number


def text_of(number: int) -> str:
    """Return a trouble code as people write it; a number of more than 16 bits as it is."""
    if not 0 <= number <= LETTERED_MAX:
        return str(number)
    digits = [_DIGITS[number >> shift & 15] for shift in (8, 4, 0)]
    return _LETTERS[number >> 14] + _DIGITS[number >> 12 & 3] + "".join(digits)


def _none(text: str) -> ValueError:
    return ValueError(
        "%r is no trouble code: a letter of P, C, B and U, a digit of 0 to 3, three of 0 to 9 and A to F; or a number"
        % text
    )
