"""Events of a pack: when they go up and fire, which are dropped, when the others count.

Conditions are arrays, but whatever changes is rare: from the runs of rows in which a condition is true on, everything is
computed for the few firings only.
"""

from dataclasses import dataclass

import numpy as np

from headway_server.bulk.expressions import Condition, Evaluation, both
from headway_server.bulk.program import Program
from headway_server.bulk.rows import Rows
from headway_server.bulk.samples import Integers, Truths


@dataclass(frozen=True)
class Counted:
    """Firings that counted, one event's in order of time after the other's; each of shape (counted).

    event: index in the pack. trip: place among the rows' trips. fired, counted: rows; `counted` is -1 for those that the
    end of the trip made count. age_ms: between the two, or from firing to the end.
    """

    event: Integers
    trip: Integers
    fired: Integers
    counted: Integers
    age_ms: Integers


@dataclass(frozen=True)
class _Ups:
    # Of one event: the ranges of rows in which it is up, and the rows at which it fires.
    begins: Integers
    ends: Integers
    fires: Integers


def count_events(program: Program, evaluation: Evaluation, rows: Rows) -> Counted:
    """Return what of each event counts in the trips of `rows`."""
    ups = []
    for event in program.events:
        begins, ends = _up(evaluation.condition(event.condition), event.hold_ms, rows)
        ups.append(_Ups(begins, ends, _after_quiet(begins, event.quiet_ms, rows)))
    found = []
    for index, event in enumerate(program.events):
        fires = ups[index].fires
        for suppressor in event.suppressors:
            fires = fires[~_is_suppressed(fires, ups[suppressor], event.wait_ms, rows)]
        if event.suppressors and event.wait_ms:
            against = np.unique(np.concatenate([ups[suppressor].fires for suppressor in event.suppressors]))
            settled = _settled(fires, against, event.wait_ms, rows)
        else:
            settled = np.column_stack([fires, fires, np.zeros(len(fires), np.int64)])
        found.append(np.column_stack([np.full(len(settled), index), settled]))
    table = np.concatenate(found) if found else np.zeros((0, 4), np.int64)
    return Counted(table[:, 0], rows.trip_of(table[:, 1]), *(table[:, column] for column in range(1, 4)))


def _up(condition: Condition, hold_ms: int, rows: Rows) -> tuple[Integers, Integers]:
    # No run goes on over the start of a trip: its first row is near to nothing.
    is_true = both(condition, rows.near)
    if isinstance(is_true, bool):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    borders = np.flatnonzero(is_true[1:] != is_true[:-1]) + 1
    if len(borders) % 2:
        borders = np.append(borders, len(rows))
    begins, ends = borders[::2], borders[1::2]
    if hold_ms:
        begins = np.searchsorted(rows.times_ms, rows.times_ms[begins] + hold_ms)
        is_held = begins < ends
        begins, ends = begins[is_held], ends[is_held]
    return begins, ends


def _after_quiet(fires: Integers, quiet_ms: int, rows: Rows) -> Integers:
    # What goes up too soon after it last fired does not fire.
    if not quiet_ms or len(fires) < 2:
        return fires
    times_ms, trip = rows.times_ms[fires], rows.trip_of(fires)
    if not np.any((np.diff(times_ms) < quiet_ms) & (np.diff(trip) == 0)):
        return fires
    kept = []
    last_ms, last_trip = 0, -1
    for row, time_ms, of_trip in zip(fires.tolist(), times_ms.tolist(), trip.tolist(), strict=True):
        if of_trip != last_trip or time_ms - last_ms >= quiet_ms:
            kept.append(row)
            last_ms, last_trip = time_ms, of_trip
    return np.array(kept, np.int64)


def _is_suppressed(fires: Integers, by: _Ups, wait_ms: int, rows: Rows) -> Truths:
    # Dropped at once: where the suppressor is up, or has fired within wait_ms.
    is_suppressed = np.zeros(len(fires), np.bool_)
    if not len(fires) or not len(by.begins):
        return is_suppressed
    place = np.searchsorted(by.begins, fires, side="right") - 1
    is_suppressed |= (place >= 0) & (fires < by.ends[np.maximum(place, 0)])
    if len(by.fires):
        place = np.searchsorted(by.fires, fires, side="right") - 1
        fired = by.fires[np.maximum(place, 0)]
        is_same_trip = fired >= rows.starts[rows.trip_of(fires)]
        is_suppressed |= (place >= 0) & is_same_trip & (rows.times_ms[fires] - rows.times_ms[fired] <= wait_ms)
    return is_suppressed


def _settled(fires: Integers, against: Integers, wait_ms: int, rows: Rows) -> Integers:
    # Pending until a suppressor fires (dropped), wait_ms have passed, a gap or the end: rows of (fired, counted, age).
    # What fires meanwhile shares the fate of the first.
    trip = rows.trip_of(fires)
    end = rows.ends[trip]
    waited = np.searchsorted(rows.times_ms, rows.times_ms[fires] + wait_ms)
    gaps = np.flatnonzero(~rows.near)
    gap = np.append(gaps, len(rows))[np.searchsorted(gaps, fires, side="right")]
    settles = np.minimum(np.minimum(waited, gap), end)
    drops = np.append(against, len(rows))[np.searchsorted(against, fires, side="right")]
    # One that fires on the first sample after the wait is too late.
    in_time = np.append(rows.times_ms, 0)[drops] <= rows.times_ms[fires] + wait_ms
    is_dropped = (drops <= settles) & (drops < end) & in_time
    settles = np.where(is_dropped, drops, settles)
    first = _firsts(fires, settles)
    settles = settles[first]
    counted, last = np.where(settles < end, settles, -1), np.minimum(settles, end - 1)
    ages_ms = rows.times_ms[last] - rows.times_ms[fires]
    settled: Integers = np.column_stack([fires, counted, ages_ms])[~is_dropped[first]]
    return settled


def _firsts(fires: Integers, settles: Integers) -> Integers:
    # For each firing the place of the one that it waits with: the first after the one before had settled.
    if np.all(fires[1:] >= settles[:-1]):
        return np.arange(len(fires))
    firsts = []
    first, until = 0, -1
    for place, (fired, settled) in enumerate(zip(fires.tolist(), settles.tolist(), strict=True)):
        if fired >= until:
            first, until = place, settled
        firsts.append(first)
    return np.array(firsts, np.int64)
