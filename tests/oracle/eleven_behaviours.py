"""The eleven risky driving behaviours of the Korean tachograph criteria, written a second time to judge the engine by.

Naive on purpose: lists of whole trips, looked through again at every sample. It shares no code with the product.
The criteria leave much open; what follows is how this oracle reads them, and what a pack that is compared with it
has to say too. Numbers in brackets refer to the criteria's table.

Units
- Times are milliseconds, speeds 0.01 km/h, headings tenths of a degree, 0 to 3599, clockwise, or None.
- Every comparison of a speed is made on whole km/h, rounded half up: (raw + 50) // 100. The criteria are stated for the
  integer speeds of a tachograph. So 29.50 km/h is 30, and 5.49 is 5.
- A gap is a step of more than 1500 ms between two samples. Windows do not reach across it, nor before the first sample.

Windows
- A window of T ms at a sample is the samples from the last one at or before T ms ago up to this one. Where a
  gap or the start of the trip is younger than T ms, there is no window, and what needs it is missing. T ms ago exactly
  at the sample after a gap, or at the first of the trip, is a window.
- Speed one second ago: linear on the raw speeds, older + (newer - older) * (ms since older) // (newer's step), floored;
  rounded afterwards. v0 is that, v1 the speed now, dv = v1 - v0.
- Change of heading over T: the sum of (b - a + 5400) % 3600 - 1800 of successive samples (so half a turn is -1800:
  left), where the oldest heading is interpolated the shorter way, floored, as the speed is. Missing if any heading of
  the window is, including the older of the two between which the window begins.
- What is missing fulfils no condition.

Which headings count
- A heading is missing while the vehicle moves at less than 10 km/h (rounded), and at a sample where the change over
  the last second is more than 60.0 degrees either way (a GPS fault). Windows with that sample in them are missing.
- The fault is judged on the headings as received: at any speed, and whether or not the samples before are faulty too.
  A single wrong heading in a 1 Hz drive thus takes two samples away, the jump there and the jump back.
  At 10 Hz it takes every sample within one second of the jump.
- A heading is missing as well where the receiver's position has stayed the same over a window of one second while the
  vehicle moves: a tunnel. At 1 Hz that is the second sample of a position, at 10 Hz the eleventh. Where a position of
  the window is missing, or there is no window, the position is not taken to be frozen.

Behaviours
- speeding [1]: v > road limit + 20. No limit known, no speeding.
- long_speeding [2]: v > road limit + 20 at every sample of a window of 180 s. That is `held(...) >= 180 s`, which counts
  from the first speeding sample even if that follows a gap or starts the trip. (An event's own hold would begin one
  sample later there.)
- rapid_acceleration [3]: v0 >= 6 and dv >= a limit by v0: up to 10, up to 20, above.
- rapid_start [4]: v0 <= 5 and dv >= limit.
- rapid_deceleration [5]: v1 >= 6 and -dv >= a limit by v0: up to 30, up to 50, above.
- rapid_stop [6]: v1 <= 5 and -dv >= limit.
- rapid_left_turn [7]: v >= vmin at every sample of the window T; change over T from -60.0 to above -160.0 degrees.
- rapid_right_turn [8]: likewise, from 60.0 to below 160.0 degrees.
- rapid_u_turn [9]: v >= vmin at every sample of its window T; change over T of 160.0 degrees or more, either way.
- rapid_overtaking [10]: v >= 30 now, |change over 1 s| >= w degrees, |change over 5 s| <= 2.0 degrees, dv >= 3.
- rapid_lane_change [11]: likewise, with |dv| <= 2. (dv <= -3 is neither.)

Events
- A condition is up at a sample if it is fulfilled there. At the first sample and at one after a gap nothing is up.
  So an excursion that goes on over a gap counts twice, and a trip that begins speeding counts at its second sample.
- An event fires where its condition is up and was not up at the sample before.
- Turns and U-turns are quiet after they fired: a rise less than T ms (the turn's own T) after the last firing
  of the same kind is nothing, even if the condition stays up when the quiet ends. Firings that are dropped later make
  quiet too.
- A U-turn drops left and right turns, overtaking drops lane changes. W is the U-turn's T, or 1000 ms for overtaking.
  A firing is dropped where the other's condition is up (the other need not have fired there), where the other
  fired 0 to W ms before, or where it fires up to W ms later; both ends included. The W ms run through gaps
  for looking back; at a gap, a firing that waits is settled and counts.
- Waiting is in groups, as the engine has one clock per kind: firings of one kind that come less than W ms after the
  first that waits share its fate, which is settled W ms after the first one: all dropped or all counted.
- Start and acceleration exclude each other by v0, stop and deceleration by v1. So their suppression has nothing to do,
  and is not written down here. A start followed by an acceleration at the next sample is two events.
- The time of an event is when it fired, also where it had to wait to be counted.
"""

from collections.abc import Callable
from typing import NamedTuple

Sample = tuple[int, int, int | None]
Position = tuple[int, int]

GAP_MS = 1500
NAMES = (
    "speeding",
    "long_speeding",
    "rapid_acceleration",
    "rapid_start",
    "rapid_deceleration",
    "rapid_stop",
    "rapid_left_turn",
    "rapid_right_turn",
    "rapid_u_turn",
    "rapid_overtaking",
    "rapid_lane_change",
)


class Limits(NamedTuple):
    """One column of the criteria's table: km/h, ms and degrees."""

    acceleration: tuple[tuple[int | None, int], ...]  # (highest v0 of the band, least change)
    start: int
    deceleration: tuple[tuple[int | None, int], ...]
    stop: int
    turn: tuple[int, int]  # least speed, T
    u_turn: tuple[int, int]
    weave: int  # least change of heading within a second


_TAXI = Limits(((10, 12), (20, 10), (None, 8)), 10, ((30, 14), (50, 15), (None, 15)), 14, (30, 2000), (25, 4000), 10)
_BUS = Limits(((10, 8), (20, 7), (None, 6)), 8, ((30, 9), (50, 10), (None, 12)), 9, (25, 3000), (20, 6000), 8)
_TRUCK = Limits(((10, 7), (20, 6), (None, 5)), 6, ((30, 8), (50, 8), (None, 8)), 8, (20, 3000), (15, 6000), 6)
CLASSES = {"car": _TAXI, "taxi": _TAXI, "bus": _BUS, "truck": _TRUCK}


def behaviours(
    samples: list[Sample],
    vehicle_class: str,
    road_limit_kmh: int | None = None,
    positions: list[Position | None] | None = None,
) -> list[tuple[str, int]]:
    """Return (behaviour, time) of every event of one trip, by time and then by name.

    samples: (time in ms, speed in 0.01 km/h, heading in 0.1 degrees or None), in order of time, none twice.
    positions: (latitude, longitude) of each in any unit, None where it is missing; None if the receiver gives none.

    >>> behaviours([(0, 0, None), (1000, 900, None), (2000, 2100, None)], "car")
    [('rapid_acceleration', 2000)]
    """
    limits = CLASSES[vehicle_class]
    times = [sample[0] for sample in samples]
    speeds = [whole_kmh(sample[1]) for sample in samples]
    headings = trusted_headings(samples, positions)
    at = range(len(samples))

    def up_where(condition: Callable[[int], bool]) -> list[bool]:
        return [not after_gap(times, k) and condition(k) for k in at]

    def fast_for(k: int, least_kmh: int, ms: int) -> bool:
        found = window(times, k, ms)
        return found is not None and all(speeds[i] >= least_kmh for i in found)

    # 1, 2

    def speeding(k: int) -> bool:
        return road_limit_kmh is not None and speeds[k] > road_limit_kmh + 20

    def long_speeding(k: int) -> bool:
        return speeding(k) and times[k] - times[speeding_since[k]] >= 180_000

    speeding_since: list[int] = []  # index of the sample from which it has been so without a break
    for k in at:
        goes_on = k > 0 and speeding(k - 1) and not after_gap(times, k)
        speeding_since.append(speeding_since[k - 1] if goes_on else k)

    # 3 to 6

    v0s = [second_ago(times, samples, k) for k in at]

    def rapid_acceleration(k: int) -> bool:
        v0 = v0s[k]
        return v0 is not None and v0 >= 6 and speeds[k] - v0 >= banded(limits.acceleration, v0)

    def rapid_start(k: int) -> bool:
        v0 = v0s[k]
        return v0 is not None and v0 <= 5 and speeds[k] - v0 >= limits.start

    def rapid_deceleration(k: int) -> bool:
        v0 = v0s[k]
        return v0 is not None and speeds[k] >= 6 and v0 - speeds[k] >= banded(limits.deceleration, v0)

    def rapid_stop(k: int) -> bool:
        v0 = v0s[k]
        return v0 is not None and speeds[k] <= 5 and v0 - speeds[k] >= limits.stop

    # 7 to 9

    turn_kmh, turn_ms = limits.turn
    u_turn_kmh, u_turn_ms = limits.u_turn
    turns = [turned(times, headings, k, turn_ms) for k in at]
    u_turns = [turned(times, headings, k, u_turn_ms) for k in at]

    def rapid_left_turn(k: int) -> bool:
        change = turns[k]
        return change is not None and -1600 < change <= -600 and fast_for(k, turn_kmh, turn_ms)

    def rapid_right_turn(k: int) -> bool:
        change = turns[k]
        return change is not None and 600 <= change < 1600 and fast_for(k, turn_kmh, turn_ms)

    def rapid_u_turn(k: int) -> bool:
        change = u_turns[k]
        return change is not None and abs(change) >= 1600 and fast_for(k, u_turn_kmh, u_turn_ms)

    # 10, 11

    rates = [turned(times, headings, k, 1000) for k in at]
    kept = [turned(times, headings, k, 5000) for k in at]

    def gained_weaving(k: int) -> int | None:
        v0, rate, net = v0s[k], rates[k], kept[k]
        if v0 is None or rate is None or net is None:
            return None
        return speeds[k] - v0 if speeds[k] >= 30 and abs(rate) >= 10 * limits.weave and abs(net) <= 20 else None

    def rapid_overtaking(k: int) -> bool:
        dv = gained_weaving(k)
        return dv is not None and dv >= 3

    def rapid_lane_change(k: int) -> bool:
        dv = gained_weaving(k)
        return dv is not None and -2 <= dv <= 2

    conditions = (
        speeding,
        long_speeding,
        rapid_acceleration,
        rapid_start,
        rapid_deceleration,
        rapid_stop,
        rapid_left_turn,
        rapid_right_turn,
        rapid_u_turn,
        rapid_overtaking,
        rapid_lane_change,
    )
    quiet_ms = {"rapid_left_turn": turn_ms, "rapid_right_turn": turn_ms, "rapid_u_turn": u_turn_ms}
    up = {condition.__name__: up_where(condition) for condition in conditions}
    fired = {name: firings(times, up[name], quiet_ms.get(name, 0)) for name in NAMES}
    for name, rival, wait_ms in (
        ("rapid_left_turn", "rapid_u_turn", u_turn_ms),
        ("rapid_right_turn", "rapid_u_turn", u_turn_ms),
        ("rapid_lane_change", "rapid_overtaking", 1000),
    ):
        fired[name] = not_dropped(times, fired[name], up[rival], fired[rival], wait_ms)
    return sorted(((name, times[k]) for name in NAMES for k in fired[name]), key=lambda event: (event[1], event[0]))


# Samples


def whole_kmh(speed_ckmh: int) -> int:
    """Speed as a tachograph has it."""
    return (speed_ckmh + 50) // 100


def banded(bands: tuple[tuple[int | None, int], ...], v0: int) -> int:
    """Limit of the first band that v0 is not above."""
    return next(limit for highest, limit in bands if highest is None or v0 <= highest)


def after_gap(times: list[int], k: int) -> bool:
    """Whether nothing is known of what came just before sample k."""
    return k == 0 or times[k] - times[k - 1] > GAP_MS


def window(times: list[int], k: int, ms: int) -> range | None:
    """Indexes of the samples of the last `ms` at sample k, from the last one at or before its beginning.

    >>> window([0, 1000, 2000, 3000], 3, 1500), window([0, 1000, 2000, 3000], 3, 2000)
    (range(1, 4), range(1, 4))
    >>> window([0, 1600, 2600], 2, 1000), window([0, 1600, 2600], 2, 1001)
    (range(1, 3), None)
    """
    first = k
    while times[first] > times[k] - ms:
        if after_gap(times, first):
            return None
        first -= 1
    return range(first, k + 1)


def second_ago(times: list[int], samples: list[Sample], k: int) -> int | None:
    """Return the whole km/h one second before sample k.

    >>> samples = [(0, 1000, None), (800, 2000, None), (1500, 2000, None)]
    >>> second_ago([0, 800, 1500], samples, 2)  # 1000 + 1000 * 500 // 800 = 1625
    16
    """
    found = window(times, k, 1000)
    if found is None:
        return None
    older, newer = samples[found[0]], samples[found[1]]
    after_ms = samples[k][0] - 1000 - older[0]
    return whole_kmh(older[1] + (newer[1] - older[1]) * after_ms // (newer[0] - older[0]))


def difference(older: int, newer: int) -> int:
    """Return the change from one heading to another, the shorter way, right positive.

    >>> difference(3500, 100), difference(100, 3500), difference(0, 1800), difference(0, 1799)
    (200, -200, -1800, 1799)
    """
    return (newer - older + 5400) % 3600 - 1800


def turned(times: list[int], headings: list[int | None], k: int, ms: int) -> int | None:
    """Net change of heading over the `ms` before sample k.

    >>> turned([0, 1000, 2000], [3550, 50, 150], 2, 1500)  # 10 degrees, and the later half of the 10 before
    150
    """
    found = window(times, k, ms)
    if found is None:
        return None
    known = [heading for i in found if (heading := headings[i]) is not None]
    if len(known) < len(found):
        return None
    whole = sum(difference(known[i], known[i + 1]) for i in range(len(known) - 1))
    before_ms = times[k] - ms - times[found[0]]
    before = difference(known[0], known[1]) * before_ms // (times[found[1]] - times[found[0]])
    return whole - before


def trusted_headings(samples: list[Sample], positions: list[Position | None] | None = None) -> list[int | None]:
    """Headings without those of slow samples, of faults and of frozen positions.

    >>> trusted_headings([(0, 2000, 0), (1000, 2000, 700), (2000, 2000, 700), (3000, 949, 700)])
    [0, None, 700, None]
    >>> trusted_headings([(0, 2000, 0), (1000, 2000, 5), (2000, 2000, 10)], [(1, 1), (1, 1), (1, 2)])
    [0, None, 10]
    """
    times = [sample[0] for sample in samples]
    received = [sample[2] for sample in samples]
    trusted: list[int | None] = []
    for k, (_, speed_ckmh, heading) in enumerate(samples):
        change = turned(times, received, k, 1000)
        faulty = change is not None and abs(change) > 600
        frozen = positions is not None and speed_ckmh > 0 and is_frozen(times, positions, k)
        trusted.append(None if faulty or frozen or whole_kmh(speed_ckmh) < 10 else heading)
    return trusted


def is_frozen(times: list[int], positions: list[Position | None], k: int) -> bool:
    """Whether the position has been one and the same over the second before sample k."""
    found = window(times, k, 1000)
    return found is not None and len({positions[i] for i in found}) == 1 and positions[k] is not None


# Events


def firings(times: list[int], up: list[bool], quiet_ms: int) -> list[int]:
    """Indexes of the samples at which a condition rises and is not quiet."""
    fired: list[int] = []
    for k in range(len(up)):
        rises = up[k] and (k == 0 or not up[k - 1])
        quiet = bool(fired) and times[k] - times[fired[-1]] < quiet_ms
        if rises and not quiet:
            fired.append(k)
    return fired


def not_dropped(
    times: list[int], fired: list[int], rival_up: list[bool], rival_fired: list[int], wait_ms: int
) -> list[int]:
    """Those of `fired` that the rival does not drop: at once, by having fired before, or by firing while they wait."""
    groups: list[tuple[int, int, list[int]]] = []  # first firing, when it is settled, all that wait with it
    for k in fired:
        if rival_up[k] or any(0 <= times[k] - times[rival] <= wait_ms for rival in rival_fired):
            continue
        if groups and times[k] < groups[-1][1]:
            groups[-1][2].append(k)
            continue
        gaps = [times[i] for i in range(k + 1, len(times)) if after_gap(times, i)]
        groups.append((times[k], min([times[k] + wait_ms, *gaps]), [k]))
    return [
        k
        for first, settled, waiting in groups
        if not any(first < times[rival] <= settled for rival in rival_fired)
        for k in waiting
    ]
