"""Whether a trip's counts can be those of a trip at all: the check before they enter anybody's totals.

It refuses what no vehicle and no counting rule could give (see `headway_edge.core.definition`), and nothing else: a
strange trip is still a trip, and one refused wrongly is lost for its person. Every bound therefore has a margin.

>>> counts = [0] * definition.COUNTS
>>> counts[definition.ELAPSED], counts[definition.BAND_0 + 5], counts[definition.DISTANCE] = 6000, 6000, 9000
>>> contradiction(counts) is None
True
>>> counts[definition.DISTANCE] = 90000
>>> contradiction(counts)
'distance of 90000 m in 600.0 s'
"""

from headway_edge.core import definition

# Times in tenths of a second, as on the wire. Each of the 18 is rounded on its own, and the first sample of a trip counts
# one period in its band but nothing in the elapsed time: together under 2 s.
_SLACK_DS = 50
_SLACK_M = 1000
# The core counts milliseconds in 31 bits: no trip it can count is longer.
_ELAPSED_DS_MAX = (1 << 31) // 100
_SAMPLES_PER_S = 25  # the fastest that the core takes; at most one stop or event can come of each


def contradiction(counts: list[int]) -> str | None:
    """Return what is impossible in `counts` (as on the wire, definition.COUNTS long), or None."""
    elapsed = counts[definition.ELAPSED]
    seconds = f"{elapsed // 10}.{elapsed % 10} s"
    if elapsed > _ELAPSED_DS_MAX:
        return f"a trip of {seconds}"
    observed = sum(counts[definition.BAND_0 :])
    if observed > elapsed + _SLACK_DS:
        return f"speed bands of {observed} tenths of a second in {seconds}"
    for name, index, limit in (
        ("low speed", definition.LOW_SPEED, observed),
        ("idling", definition.IDLE, counts[definition.BAND_0]),
    ):
        if counts[index] > limit + _SLACK_DS:
            return f"{name} of {counts[index]} tenths of a second in {limit} that allow it"
    # centi-km/h * tenths of a second / 3600 = metres
    if counts[definition.DISTANCE] > definition.SPEED_LIMIT_CKMH * (elapsed + _SLACK_DS) // 3600 + _SLACK_M:
        return f"distance of {counts[definition.DISTANCE]} m in {seconds}"
    if counts[definition.SPEED_MAX] > definition.SPEED_LIMIT_CKMH:
        return f"speed of {counts[definition.SPEED_MAX]} centi-km/h"
    events_max = _SAMPLES_PER_S * (elapsed + _SLACK_DS) // 10
    for name, index in (
        ("stops", definition.STOPS),
        ("hard accelerations", definition.HARD_ACCELERATION),
        ("hard brakings", definition.HARD_BRAKING),
    ):
        if counts[index] > events_max:
            return f"{counts[index]} {name} in {seconds}"
    return None
