"""Records of one device that are trips, corrections and folds, made of what was drawn; and what they add up to unfolded."""

from headway_protocol import fold, record
from headway_server.totals.periods import period_of
from headway_server.totals.tally import Tally, merge

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


def day_record(process, place, day, span, context, tally, ranges):
    """The bytes of a DAY record."""
    body = fold.day_body(
        process.id,
        None if day == -1 else day,
        span,
        context,
        tally.trips,
        tally.distance_m,
        fold.pack_totals(tally.totals),
        ranges,
    )
    return record.encode(record.Record(record.DAY, *place, 100, None, record.UNSYNCED, body))


def ranges_of(places):
    """Places as ranges that ascend and are apart."""
    found = []
    for boot, seq in sorted(places):
        if found and found[-1][0] == boot and found[-1][2] + 1 == seq:
            found[-1] = (boot, found[-1][1], seq)
        else:
            found.append((boot, seq, seq))
    return found


class Device:
    """Trips in boot 1, folds in boot 2. drawn: (start in hours or None, metres, coldest) of each trip.

    trips: {place: (day, context, tally)}. payloads: by place. `made` after each `fold_up`: what counts, by place: (names, day or
    first of the month, span, context, tally).
    """

    def __init__(self, make, process, drawn):
        self.process = process
        self.trips, self.payloads = {}, {}
        self.now = {}
        for i, (hour, metres, coldest) in enumerate(drawn):
            place = (1, i + 1)
            numbers = make.numbers(process, distance_m=metres, coldest=coldest, hasty=metres % 7)
            wall_ms = None if hour is None else NOW_MS + hour * HOUR_MS
            self.payloads[place] = make.trip(*place, numbers, wall_ms=wall_ms, process=process)
            day = -1 if wall_ms is None else (wall_ms - 1_200_000) // 86_400_000
            tally = Tally(1, numbers[1], process.totals(numbers))
            self.trips[place] = (day, process.context(numbers), tally)
            self.now[place] = ({place}, day, fold.DAY_SPAN, process.context(numbers), tally)

    def fold_up(self, chosen, months):
        """Make folds of the parts of `chosen` that go together: of a day, or of a month."""
        groups = {}
        for at in sorted(chosen):
            names, day, span, context, tally = self.now[at]
            if day == -1 or not months:
                key = (day, span, context)
            else:
                first = period_of(day, "month").first
                key = ((first - first.replace(1970, 1, 1)).days, fold.MONTH_SPAN, context)
            groups.setdefault(key, []).append(at)
        for (day, span, context), members in groups.items():
            if span == fold.MONTH_SPAN and not months:
                continue
            place = (2, 1 + sum(1 for boot, _ in self.payloads if boot == 2))
            names, tally = set(), None
            for at in members:
                names |= self.now[at][0] | {at}
                tally = merge(self.process, tally, self.now.pop(at)[4])
            self.payloads[place] = day_record(self.process, place, day, span, context, tally, ranges_of(names))
            self.now[place] = (names, day, span, context, tally)

    def totals(self, by):
        """{(period, context): tally} of the trips as they were; by: day, month or year."""
        found = {}
        for day, context, tally in self.trips.values():
            key = (str(period_of(day, by)), context)
            found[key] = merge(self.process, found.get(key), tally)
        return found

    def all(self):
        """The tally of all trips."""
        tally = None
        for _, _, its in self.trips.values():
            tally = merge(self.process, tally, its)
        return tally
