"""Driving on without a rest, written a second time to judge the engine by: stint by stint, over a whole day's samples.

The rule: a truck drives two hours at most, then rests for 15 minutes (the further hour for an unavoidable cause is nothing
that samples show). An older criterion has four hours; it is taken for the others.

Readings
- Driving is the time that samples with a speed above 0 stand for: the step from the sample before, or one sampling
  period where that step is more than 1500 ms, as at the first sample.
- A rest is a run of standing samples and silences (steps of more than 1500 ms) between two samples that drive, whose steps
  add up to 15 minutes or more. That there are trips in between makes no difference; samples with the ignition off are
  none, so that it is silent meanwhile.
- A stint is all driving between two rests. Where it passes the limit, there is one event; the time beyond it is added up.
- Events are looked for at samples that follow another within 1500 ms: an event that falls to the first after a silence is
  told with the next that does so.
"""

from itertools import accumulate, pairwise

GAP_MS = 1500
REST_MS = 15 * 60_000
LIMIT_MS = {"car": 4 * 3_600_000, "taxi": 4 * 3_600_000, "bus": 4 * 3_600_000, "truck": 2 * 3_600_000}

Driven = tuple[int, int]  # (time of a sample that drives, driving that it stands for), ms


def stints(samples: list[tuple[int, int]], period_ms: int, rest_ms: int = REST_MS) -> list[list[Driven]]:
    """Return the driving between rests. samples: (time in ms, speed), in order of time.

    >>> stints([(0, 9), (1000, 9), (2000, 0), (9000, 9)], 1000, 8000)
    [[(0, 1000), (1000, 1000)], [(9000, 1000)]]
    >>> len(stints([(0, 9), (1000, 9), (2000, 0), (9000, 9)], 1000, 8001))
    1
    """
    found: list[list[Driven]] = [[]]
    resting_ms = 0
    last_ms = None
    for time_ms, speed in samples:
        step_ms = 0 if last_ms is None else time_ms - last_ms
        observed = last_ms is not None and step_ms <= GAP_MS
        if speed == 0 or not observed:
            resting_ms += step_ms
        if speed > 0:
            if resting_ms >= rest_ms:
                found.append([])
            found[-1].append((time_ms, step_ms if observed else period_ms))
            resting_ms = 0
        last_ms = time_ms
    return [stint for stint in found if stint]


def passed_at(stint: list[Driven], limit_ms: int) -> int | None:
    """Return when a stint passes the limit; None if it does not."""
    driven = accumulate(ms for _, ms in stint)
    return next((time_ms for (time_ms, _), so_far in zip(stint, driven, strict=True) if so_far > limit_ms), None)


def event_at(samples: list[tuple[int, int]], stint: list[Driven], limit_ms: int) -> int | None:
    """Return the time of a stint's event; None if it has none, or a rest follows before it could be told.

    >>> stint = stints([(0, 9), (5000, 9), (6000, 0)], 1000)[0]
    >>> passed_at(stint, 1000), event_at([(0, 9), (5000, 9), (6000, 0)], stint, 1000)
    (5000, 6000)
    """
    at = passed_at(stint, limit_ms)
    if at is None:
        return None
    times = [time_ms for time_ms, _ in samples]
    told = (later for earlier, later in pairwise(times) if later >= at and later - earlier <= GAP_MS)
    return next((time_ms for time_ms in told if time_ms - stint[-1][0] < REST_MS), None)


def beyond_ms(stint: list[Driven], limit_ms: int) -> int:
    """Return how much of a stint's driving its samples beyond the limit stand for."""
    at = passed_at(stint, limit_ms)
    return 0 if at is None else sum(ms for time_ms, ms in stint if time_ms >= at)
