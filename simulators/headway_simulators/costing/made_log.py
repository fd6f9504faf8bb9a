"""A made log of a service, of the shape the paper evaluates: 149 customers, 1,537 activities, with or without a true effect.

Customers differ in experience and in the speed of their connection, which have an effect if there is any, and in size, which
has none. Everything follows from the seed: the same seed gives the same log, byte for byte.
"""

import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

CUSTOMERS = 149
ACTIVITIES = 1537
HEADER = [
    *("customer", "activity", "start", "end", "case", "resource"),
    *("factor:experience:years", "factor:information:connection", "factor:resources:company_size"),
]
_FIRST_DAY = datetime(2012, 1, 2, tzinfo=UTC)
_WORKING_DAYS = 260
_DAY_BEGINS_H, _DAY_LENGTH_H = 8.0, 9.0
_NOISE = 0.30  # standard deviation of the logarithm of a time around what is expected
# Mean hours and share of all activities.
_KINDS = {
    "Answer question": (0.8, 0.40),
    "Correct defect": (4.0, 0.25),
    "Install update": (1.5, 0.20),
    "Train users": (3.0, 0.15),
}
_RESOURCES = ("First line", "Second line", "Field service")
# Of a full effect, how much is the experience's and how much the connection's.
_OF_EXPERIENCE, _OF_CONNECTION = 0.65, 0.35
_YEARS_MAX = 12.0


def rows(effect: float, seed: int) -> Iterator[list[str]]:
    """Yield the rows of a log in order of start, without the header.

    effect: 0 to 0.9. With 0.6 an activity takes 60 % more than usual for a customer without experience and with the slowest
    connection, and 60 % less for the opposite; with 0 customers do not differ. Raises ValueError outside of that.
    """
    if not 0 <= effect <= 0.9:
        raise ValueError(f"an effect of {effect}: it is from 0 to 0.9")
    random = Random(seed)  # noqa: S311 - a made log, no secret
    customers = [_customer(random) for _ in range(CUSTOMERS)]
    # Some customers ask often and most seldom, each at least once.
    shares = [random.lognormvariate(0.0, 1.0) for _ in customers]
    whose = list(range(CUSTOMERS)) + random.choices(range(CUSTOMERS), shares, k=ACTIVITIES - CUSTOMERS)
    random.shuffle(whose)
    names, weights = list(_KINDS), [share for _, share in _KINDS.values()]
    begun = sorted(_moment(random) for _ in whose)
    for number, (which, start) in enumerate(zip(whose, begun, strict=True), 1):
        years, connection, size = customers[which]
        kind = random.choices(names, weights)[0]
        # From -1 (takes less) to 1 (takes more).
        burden = _OF_EXPERIENCE * (1 - 2 * years / _YEARS_MAX) - _OF_CONNECTION * connection
        noise = math.exp(random.gauss(0.0, _NOISE) - _NOISE * _NOISE / 2)
        end = start + timedelta(seconds=round(3600 * _KINDS[kind][0] * (1 + effect * burden) * noise))
        yield [
            *(f"customer-{which + 1:03d}", kind, _text(start), _text(end), f"{number}", random.choice(_RESOURCES)),
            *(f"{years:.1f}", f"{connection:.2f}", size),
        ]


def text(effect: float, seed: int) -> str:
    """Return the whole log as CSV. effect, seed: as for `rows`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows(effect, seed))
    return out.getvalue()


def _customer(random: Random) -> tuple[float, float, str]:
    # Years of experience with the software, speed of the connection from -1 to 1, size.
    return _YEARS_MAX * random.random(), 2 * random.random() - 1, random.choice(("small", "medium", "large"))


def _moment(random: Random) -> datetime:
    day, hour = random.randrange(_WORKING_DAYS), _DAY_BEGINS_H + _DAY_LENGTH_H * random.random()
    return _FIRST_DAY + timedelta(days=day + 2 * (day // 5), seconds=round(3600 * hour))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
