"""Warning codes counted by code, day and month, and the recommendations that follow from how often they come.

Rules are data: a code that came on `count` trips within `days` days asks for something to be done. The founding paper's
prognostic maintenance predicts breakdowns from warning codes and suggests maintenance before (Lim et al., customer process
management); how often is too often is for who knows the vehicle to say, in the rules.

A code counts once a trip, however often it is reported there.

>>> codes = WarningCodes([[17, 3, 30], [17, 2, 7], [0, 5, 365]])
>>> for day in (0, 20, 25, 26):
...     codes.begin_trip()
...     print(codes.appeared(17, day, 24300), codes.appeared(17, day, 24300))
-1 -1
-1 -1
0 -1
-1 -1
>>> codes.times(17, 26, 30), codes.months(17)[-1]
(4, 4)
"""

from array import array

from headway_edge.core.pack_limits import (
    WARNING_CODE_MAX,
    WARNING_DAYS_MAX,
    WARNING_RULES_MAX,
    WARNING_TIMES_MAX,
)

CODES_MAX = 32
DAYS_KEPT = WARNING_TIMES_MAX  # the latest days of each code
MONTHS = 12
_COUNT_MAX = 65535
_DAY_MAX = 1 << 29
_RECENT_MONTHS = 3
_RISE_SQUARE = 4  # of the two standard errors by which a rise is more than chance


def check_rules(rules: list) -> None:
    """Raise ValueError for what are no rules: up to WARNING_RULES_MAX of [code, count, days]; code 0 stands for any."""
    if len(rules) > WARNING_RULES_MAX:
        raise ValueError("%d rules for warning codes; the limit is %d" % (len(rules), WARNING_RULES_MAX))
    for rule in rules:
        if len(rule) != 3:
            raise ValueError("a rule for a warning code is [code, count, days], not %r" % (rule,))
        code, count, days = rule
        if not 0 <= code <= WARNING_CODE_MAX or not 1 <= count <= DAYS_KEPT or not 1 <= days <= WARNING_DAYS_MAX:
            raise ValueError(
                "a rule for warning code %d: %d times (1 to 8) in %d days (1 to 366)" % (code, count, days)
            )


class WarningCodes:
    """What one vehicle's warning codes have been.

    rules: as `check_rules` takes them, the most urgent first; ValueError for others. Memory: about 80 bytes for each of CODES_MAX
    codes. A further code takes the place of the one that was not seen for longest; forgotten: how many did. Nothing is
    allocated by `appeared`.

    day: days since any day. month: months since any month, as 12 * year + month.
    """

    def __init__(self, rules: list) -> None:
        check_rules(rules)
        self._rules = rules
        self._codes = array("i", [0] * CODES_MAX)  # 0: free
        self._totals = array("H", [0] * CODES_MAX)
        self._days = array("i", [-1] * (CODES_MAX * DAYS_KEPT))  # the latest first
        self._months = array("H", [0] * (CODES_MAX * MONTHS))  # column month % MONTHS
        self._month = 0  # the latest there was
        self._told = bytearray(CODES_MAX)  # rule that was last told of, from 1; 0: none
        self._on_trip = bytearray(CODES_MAX)
        self.forgotten = 0

    def begin_trip(self) -> None:
        """A trip begins: each code counts anew."""
        for i in range(CODES_MAX):
            self._on_trip[i] = 0

    def on_trip(self, code: int) -> bool:
        """Tell whether a code has been counted on the open trip."""
        at = self._known(code)
        return at >= 0 and self._on_trip[at] == 1

    def repaired(self) -> None:
        """The vehicle was repaired: what came before is no reason any more to ask for anything. Totals and months stay."""
        for i in range(len(self._days)):
            self._days[i] = -1
        for i in range(CODES_MAX):
            self._told[i] = 0

    def appeared(self, code: int, day: int, month: int) -> int:
        """Count a code that is reported; return the rule that has come true by it, -1 if none has.

        Of several the first counts, and none is told of again while it stays true. Raises ValueError for a code that is none;
        one of an earlier day than the latest counts as of the latest.
        """
        if not 1 <= code <= WARNING_CODE_MAX:
            raise ValueError("warning code %d: codes are 1 to 2**29 - 1" % code)
        at = self._place(code)
        if self._on_trip[at]:
            return -1
        self._on_trip[at] = 1
        self._turn_to(month)
        self._totals[at] = min(self._totals[at] + 1, _COUNT_MAX)
        column = at * MONTHS + self._month % MONTHS
        self._months[column] = min(self._months[column] + 1, _COUNT_MAX)
        first = at * DAYS_KEPT
        day = max(day, self._days[first])
        for i in range(first + DAYS_KEPT - 1, first, -1):
            self._days[i] = self._days[i - 1]
        self._days[first] = day
        rule = self._rule(at, day)
        told = self._told[at]
        self._told[at] = rule + 1
        return rule if rule + 1 != told else -1

    def _place(self, code: int) -> int:
        # Of the code; of a new one a free place, or that of the code that was not seen for longest.
        oldest, its_day = 0, _DAY_MAX
        for i in range(CODES_MAX):
            if self._codes[i] == code:
                return i
            day = self._days[i * DAYS_KEPT] if self._codes[i] else -2
            if day < its_day:
                oldest, its_day = i, day
        if self._codes[oldest]:
            self.forgotten += 1
        self._codes[oldest] = code
        self._totals[oldest] = self._told[oldest] = self._on_trip[oldest] = 0
        for i in range(oldest * DAYS_KEPT, (oldest + 1) * DAYS_KEPT):
            self._days[i] = -1
        for i in range(oldest * MONTHS, (oldest + 1) * MONTHS):
            self._months[i] = 0
        return oldest

    def _turn_to(self, month: int) -> None:
        if month <= self._month:
            return
        for newer in range(max(self._month + 1, month - MONTHS + 1), month + 1):
            for i in range(CODES_MAX):
                self._months[i * MONTHS + newer % MONTHS] = 0
        self._month = month

    def _rule(self, at: int, day: int) -> int:
        for i in range(len(self._rules)):
            code, count, days = self._rules[i]
            if code == 0 or code == self._codes[at]:
                back = self._days[at * DAYS_KEPT + count - 1]
                if back >= 0 and day - back < days:
                    return i
        return -1

    def codes(self) -> list:
        """Return the codes that are known, in order of their number."""
        return sorted([code for code in self._codes if code])

    def total(self, code: int) -> int:
        """Return on how many trips a code has come, up to 65535; 0 for one that is not known."""
        at = self._known(code)
        return 0 if at < 0 else self._totals[at]

    def times(self, code: int, day: int, days: int) -> int:
        """Return on how many trips a code has come within the `days` days up to `day`, up to DAYS_KEPT."""
        at = self._known(code)
        if at < 0:
            return 0
        found = self._days[at * DAYS_KEPT : (at + 1) * DAYS_KEPT]
        return sum([1 for back in found if back >= 0 and 0 <= day - back < days])

    def months(self, code: int) -> list:
        """Return on how many trips a code has come in each of the last 12 months, the latest month that there was last."""
        at = self._known(code)
        if at < 0:
            return [0] * MONTHS
        return [self._months[at * MONTHS + (self._month + 1 + i) % MONTHS] for i in range(MONTHS)]

    def rising(self, code: int, month: int) -> bool:
        """Tell whether a code has come more often in the three months up to `month` than in those before, by more than chance.

        Counts of n and m differ by chance by the root of n + m, so by more than twice that they hardly do.
        """
        self._turn_to(month)
        counts = self.months(code)
        recent = sum(counts[-_RECENT_MONTHS:])
        before = sum(counts[-2 * _RECENT_MONTHS : -_RECENT_MONTHS])
        return recent > before and (recent - before) ** 2 > _RISE_SQUARE * (recent + before)

    def _known(self, code: int) -> int:
        for i in range(CODES_MAX):
            if code and self._codes[i] == code:
                return i
        return -1

    def state(self) -> list:
        """Everything as integers, for a checkpoint; which codes have come on the open trip is in it."""
        return (
            [self._month, self.forgotten]
            + list(self._codes)
            + list(self._totals)
            + list(self._days)
            + list(self._months)
            + list(self._told)
            + list(self._on_trip)
        )

    def restore(self, state: list) -> bool:
        """Go on from `state`; return False, and change nothing, where it is of another shape."""
        if len(state) != 2 + CODES_MAX * (4 + DAYS_KEPT + MONTHS):
            return False
        self._month, self.forgotten = state[:2]
        at = 2
        parts = []
        for length in (1, 1, DAYS_KEPT, MONTHS, 1, 1):
            parts.append(state[at : at + length * CODES_MAX])
            at += length * CODES_MAX
        self._codes = array("i", parts[0])
        self._totals = array("H", parts[1])
        self._days = array("i", parts[2])
        self._months = array("H", parts[3])
        self._told = bytearray(parts[4])
        self._on_trip = bytearray(parts[5])
        return True


def sentence(words: str, title: str, times: int, days: int, rising: bool) -> str:
    """Return what to tell a person. words: what the rule asks for, and title: what the code is called, both the catalogue's.

    >>> sentence("Have the cooling system checked", "Coolant too hot", 3, 30, True)
    'Coolant too hot: on 3 trips within 30 days, and more often than before. Have the cooling system checked.'
    """
    often = "on %d trip%s within %d days" % (times, "" if times == 1 else "s", days)
    return "%s: %s%s. %s." % (title, often, ", and more often than before" if rising else "", words)
