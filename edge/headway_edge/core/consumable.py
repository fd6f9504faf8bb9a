"""Oil, tyres, filters, a battery: how much of it is used up, and in about how many days it should be replaced.

A consumable is defined by data: which of the person's totals wears it as it is (distance) and which as the wear is felt (more
for cold, short and idling trips), how much is the limit, and after how many days it is due in any case. Both lines of the
founding paper's Fig. 7(b) are kept, the real one and the adjusted one; the adjusted one and the calendar decide. There is
never a number before there is enough to say one: until a replacement is reported, and for two weeks after, it is "not yet".

>>> oil = Consumable([1, [1], [31], 15000000, 365])
>>> oil.outlook(0).reason == UNKNOWN
True
>>> oil.replaced(0)
>>> for day in range(100):
...     oil.add(day, 40000, 60000)
>>> found = oil.outlook(99)
>>> found.reason == LINE, found.days, found.real_days, found.calendar_days, found.used_permille
(True, 150, 275, 266, 400)
>>> [oil.outlook(300).reason == DUE, oil.outlook(366).reason == DUE]
[False, True]
"""

from headway_edge.core.usage_line import AMOUNT_MAX, UsageLine

DAYS_MAX = 36600

# Why an outlook says what it says.
UNKNOWN = 0  # no replacement has been reported: nobody knows how much is used
NOT_YET = 1  # too few days since the replacement, or nothing used
LINE = 2  # the adjusted line reaches the limit first
CALENDAR = 3  # its time will be over first
DUE = 4
REASON_NAMES = {UNKNOWN: "unknown", NOT_YET: "not yet", LINE: "use", CALENDAR: "calendar", DUE: "due"}


class Outlook:
    """When a consumable is to be replaced.

    reason: one of those above. days: until then; None for UNKNOWN and NOT_YET. fewest, most: the band around it that holds
    80 %. adjusted_days, real_days, calendar_days: what each line and the calendar say by themselves, None where they say
    nothing. used_permille: of the limit, by the adjusted line; None for UNKNOWN or without a limit.
    """

    def __init__(self, reason: int, used_permille: "int | None" = None) -> None:
        self.reason = reason
        self.used_permille = used_permille
        self.days = None  # type: int | None
        self.fewest = None  # type: int | None
        self.most = None  # type: int | None
        self.adjusted_days = None  # type: int | None
        self.real_days = None  # type: int | None
        self.calendar_days = None  # type: int | None

    def _tell(self, reason: int, band: tuple) -> None:
        self.reason = reason
        self.days, self.fewest, self.most = band


class Consumable:
    """One consumable of one vehicle.

    definition: [id, real, adjusted, limit, limit_days]. id: stable number, 1 to 255. real, adjusted: which totals of the
    pack's period are added up for each line, never empty unless limit is 0; the same where no wear is known. limit: in the unit
    of these totals, up to 2**32; 0: only time counts. limit_days: up to 36600; 0: only use counts. Raises ValueError for a
    definition that is none.

    Days are numbered from any day on (`Process.day`). Nothing here is called on every sample.
    """

    def __init__(self, definition: list) -> None:
        if len(definition) != 5:
            raise ValueError("a consumable is [id, real, adjusted, limit, limit_days], not %r" % (definition,))
        self.id, self.real, self.adjusted, self.limit, self.limit_days = definition
        if not 1 <= self.id <= 255:
            raise ValueError("consumable %d: ids are 1 to 255" % self.id)
        if (
            not 0 <= self.limit <= AMOUNT_MAX
            or not 0 <= self.limit_days <= DAYS_MAX
            or self.limit == self.limit_days == 0
        ):
            raise ValueError("consumable %d: a limit of %d and %d days" % (self.id, self.limit, self.limit_days))
        if self.limit and not (self.real and self.adjusted):
            raise ValueError("consumable %d has a limit and no total that comes near it" % self.id)
        self._real = UsageLine()
        self._adjusted = UsageLine()
        self._known = False
        self._day = 0  # the present one
        self._replaced_day = 0

    def replaced(self, day: int, used: int = 0) -> None:
        """A replacement on `day` is reported. used: how much of the limit has been used since, where that is known.

        For an oil change of a month ago used is what the odometer has gained; both lines take it as it is.
        """
        self._known = True
        self._replaced_day = day
        self._day = day
        self._real.start(used)
        self._adjusted.start(used)

    def add_totals(self, day: int, totals: list) -> None:
        """Count a trip of `day` by what it adds to its person's totals."""
        self.add(day, sum([totals[i] for i in self.real]), sum([totals[i] for i in self.adjusted]))

    def add(self, day: int, real: int, adjusted: int) -> None:
        """Count what was used on `day`; what comes late counts today."""
        self._end_days(day)
        self._real.add(real)
        self._adjusted.add(adjusted)

    def _end_days(self, day: int) -> None:
        days = day - self._day
        if days > 0:
            self._day = day
            self._real.end_days(days)
            self._adjusted.end_days(days)

    def used(self) -> tuple:
        """Return (real, adjusted) amounts used since the replacement."""
        return self._real.used, self._adjusted.used

    def outlook(self, day: int) -> Outlook:
        """Return what is to be said on `day`, which ends the days before it."""
        self._end_days(day)
        if not self._known:
            return Outlook(UNKNOWN)
        line = None
        found = Outlook(NOT_YET)
        if self.limit:
            found.used_permille = self._adjusted.used * 1000 // self.limit
            line = self._adjusted.days_to(self.limit)
            found.adjusted_days = None if line is None else line[0]
            real = self._real.days_to(self.limit)
            found.real_days = None if real is None else real[0]
        if self.limit_days:
            found.calendar_days = max(self.limit_days - (day - self._replaced_day), 0)
        if found.calendar_days == 0 or (self.limit and self._adjusted.used >= self.limit):
            found._tell(DUE, (0, 0, 0))
        elif line is not None and (found.calendar_days is None or line[0] <= found.calendar_days):
            most = line[2] if found.calendar_days is None else min(line[2], found.calendar_days)
            found._tell(LINE, (line[0], line[1], most))
        elif found.calendar_days is not None and (line is not None or not self.limit):
            fewest = found.calendar_days if line is None else min(line[1], found.calendar_days)
            found._tell(CALENDAR, (found.calendar_days, fewest, found.calendar_days))
        return found

    def state(self) -> list:
        """Everything as integers under 2**64, for a checkpoint."""
        return [1 if self._known else 0, self._day, self._replaced_day] + self._real.state() + self._adjusted.state()

    def restore(self, state: list) -> bool:
        """Go on from `state`; return False, and change nothing, where it is of another shape."""
        length = self._real.state_length()
        if len(state) != 3 + 2 * length:
            return False
        known, self._day, self._replaced_day = state[:3]
        self._known = known == 1
        self._real.restore(state[3 : 3 + length])
        self._adjusted.restore(state[3 + length :])
        return True
