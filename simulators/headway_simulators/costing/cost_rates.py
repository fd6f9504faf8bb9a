"""What activities cost: time-driven activity-based costing, time multiplied by the rate of the capacity that does the work.

    capacity cost rate = cost of the capacity supplied / practical capacity        cost = rate * time

(Kaplan and Anderson, Time-Driven Activity-Based Costing, 2007.) Practical capacity is the hours that can really be worked, by
their rule of thumb 80 to 85 % of those that are paid. Money is exact: decimals, rounded half up to cents only where it is shown.

>>> rates = CostRates.parsed(["40", "Train users=5600/112", "resource:Expert=90"])
>>> rates.of("Answer question", "Helper"), rates.of("Train users", "Helper"), rates.of("Train users", "Expert")
(Decimal('40'), Decimal('50'), Decimal('90'))
>>> cost(150, Decimal(40)), cents(Decimal("60.005"))
(Decimal('60'), Decimal('60.01'))
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from headway_simulators.costing.event_log import QUANTA_PER_HOUR, Activity
from headway_simulators.errors import SimulatorError

RESOURCE_PREFIX = "resource:"


@dataclass(frozen=True)
class CostRates:
    """Capacity cost rates in money an hour: of resources, of activities, of all others (None if there is none)."""

    others: Decimal | None = None
    activities: dict[str, Decimal] = field(default_factory=dict)
    resources: dict[str, Decimal] = field(default_factory=dict)

    @staticmethod
    def parsed(texts: Iterable[str]) -> "CostRates":
        """Return rates from texts: RATE, ACTIVITY=RATE or resource:NAME=RATE, RATE being a number or COST/HOURS.

        Raises SimulatorError for what is none, below 0, or there twice.
        """
        others: Decimal | None = None
        activities: dict[str, Decimal] = {}
        resources: dict[str, Decimal] = {}
        for text in texts:
            name, equals, rate = text.rpartition("=")
            name = name.strip()
            into = resources if name.startswith(RESOURCE_PREFIX) else activities
            name = name.removeprefix(RESOURCE_PREFIX)
            if (name in into) if equals else others is not None:
                raise SimulatorError(f"the cost rate {text!r} is there twice.")
            if not equals:
                others = _rate(text, text)
            elif name:
                into[name] = _rate(rate, text)
            else:
                raise SimulatorError(f"the cost rate {text!r} does not say of what. Write ACTIVITY=RATE.")
        return CostRates(others, activities, resources)

    def __bool__(self) -> bool:
        return self.others is not None or bool(self.activities or self.resources)

    def of(self, activity: str, resource: str) -> Decimal | None:
        """Return the rate of an activity: its resource's, else its own, else that of all others, else None."""
        return self.resources.get(resource, self.activities.get(activity, self.others))


def _rate(text: str, whole: str) -> Decimal:
    above, slash, below = text.partition("/")
    try:
        rate = Decimal(above.strip()) / (Decimal(below.strip()) if slash else 1)
    except (InvalidOperation, ArithmeticError):
        rate = Decimal(-1)
    if not rate.is_finite() or rate < 0:
        raise SimulatorError(
            f"{whole!r} is no cost rate. Write money an hour, such as 42.50, or COST/HOURS, such as 5600/112."
        )
    return rate


def cost(time_q: int | Decimal, rate: Decimal) -> Decimal:
    """Return what a time in 0.01 h costs, exactly."""
    return time_q * rate / QUANTA_PER_HOUR


def cents(money: Decimal) -> Decimal:
    """Return money rounded half up to 0.01."""
    return money.quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass
class CustomerCost:
    """One customer's activities: how many, the hours (0.01 h) and cost that they took, and the cost by each forecast."""

    customer: str
    activities: int = 0
    time_q: int = 0
    cost: Decimal = Decimal(0)
    forecast: list[Decimal] = field(default_factory=list)
    without_rate: int = 0


def by_customer(
    activities: Sequence[Activity], forecasts_q: Sequence[Sequence[Decimal]], rates: CostRates
) -> list[CustomerCost]:
    """Return each customer's costs, the highest first, equals in order of the alphabet.

    forecasts_q: for each activity what each forecast said, in 0.01 h. What has no rate is counted and costs nothing.
    """
    width = len(forecasts_q[0]) if forecasts_q else 0
    found: defaultdict[str, CustomerCost] = defaultdict(lambda: CustomerCost("", forecast=[Decimal(0)] * width))
    for activity, forecasts in zip(activities, forecasts_q, strict=True):
        row = found[activity.customer]
        row.customer = activity.customer
        row.activities += 1
        row.time_q += activity.time_q
        rate = rates.of(activity.activity, activity.resource)
        if rate is None:
            row.without_rate += 1
            continue
        row.cost += cost(activity.time_q, rate)
        for i, forecast_q in enumerate(forecasts):
            row.forecast[i] += cost(forecast_q, rate)
    return sorted(found.values(), key=lambda row: (-row.cost, row.customer))
