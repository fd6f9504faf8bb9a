"""The order in which a log becomes known: an activity may be forecast when it begins, and is learned of when it ends."""

import heapq
from collections.abc import Iterator, Sequence

from headway_simulators.costing.event_log import Activity


def events(activities: Sequence[Activity]) -> Iterator[tuple[bool, int]]:
    """Yield (False, i) when activity i begins and (True, i) when it has ended.

    activities: in order of start. What ends at the very moment that another begins is known to that one; an activity is
    never known to itself. Equal ends come in order of start. So what stands in the log from a moment on, without having begun
    before, changes nothing that was yielded up to it.

    >>> from headway_simulators.costing.event_log import Activity
    >>> def at(start, end):
    ...     return Activity(start, end, 0, "customer", "activity", "", "")
    >>> list(events([at(0, 5), at(1, 2), at(2, 2)]))
    [(False, 0), (False, 1), (True, 1), (False, 2), (True, 2), (True, 0)]
    """
    open_: list[tuple[int, int]] = []
    for i, activity in enumerate(activities):
        while open_ and open_[0][0] <= activity.start_ms:
            yield True, heapq.heappop(open_)[1]
        yield False, i
        heapq.heappush(open_, (activity.end_ms, i))
    while open_:
        yield True, heapq.heappop(open_)[1]
