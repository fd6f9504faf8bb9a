"""Customer factors that any log offers, from its past alone: what the customer had asked for when an activity began.

Each is a number that grows with the logarithm of a count, -1 for none, 0 for ten, 1 for a hundred and more. Nothing in them
looks ahead: an activity is described by what began before it.
"""

import math
from bisect import bisect_left
from collections import defaultdict

from headway_simulators.costing.event_log import EventLog, FactorName
from headway_simulators.errors import SimulatorError

DAY_MS = 86_400_000
_YEAR_MS = 365 * DAY_MS
NAMES = {
    "earlier-cases": FactorName("experience", "earlier_cases"),
    "cases-last-year": FactorName("resources", "cases_last_year"),
    "activities-of-this-kind": FactorName("experience", "activities_of_this_kind"),
}
ABOUT = {
    "earlier-cases": "cases of the customer that began before, a measure of experience with the service",
    "cases-last-year": "of these, those of the last 365 days, the nearest a log comes to the customer's size",
    "activities-of-this-kind": "activities of the same name that began for the customer before",
}


def derive(log: EventLog, wanted: list[str]) -> None:
    """Add factors to every activity of a log, whose activities are in order of start; a log without `case` has one a row.

    wanted: keys of NAMES, each once. Raises SimulatorError for another name, or one that the log brings itself.
    """
    for name in wanted:
        if name not in NAMES:
            raise SimulatorError(f"{name!r} cannot be derived; there are {', '.join(NAMES)}.")
        if NAMES[name] in log.factors:
            raise SimulatorError(f"the log has a factor {NAMES[name]} of its own, or it was asked for twice.")
        log.factors.append(NAMES[name])
    cases: defaultdict[str, list[int]] = defaultdict(list)  # when each case of a customer began, ascending
    seen: set[tuple[str, str]] = set()
    kinds: defaultdict[tuple[str, str], int] = defaultdict(int)
    for i, activity in enumerate(log.activities):
        began = cases[activity.customer]
        case = (activity.customer, activity.case or f"\0{i}")
        # The case that the activity belongs to is no earlier one.
        earlier = len(began) - (case in seen)
        last_year = len(began) - bisect_left(began, activity.start_ms - _YEAR_MS)
        found = {
            "earlier-cases": earlier,
            "cases-last-year": last_year,
            "activities-of-this-kind": kinds[activity.customer, activity.activity],
        }
        activity.factors += tuple(scaled(found[name]) for name in wanted)
        kinds[activity.customer, activity.activity] += 1
        if case not in seen:
            seen.add(case)
            began.append(activity.start_ms)


def scaled(count: int) -> float:
    """Return a count on a scale from -1 to 1.

    >>> scaled(0), scaled(9), scaled(99), scaled(5000)
    (-1.0, 0.0, 1.0, 1.0)
    """
    return min(math.log10(1 + count) - 1, 1.0)
