"""Period totals: what a person's trips add up to over a day, an epoch, a year; always a merge, never an average of averages.

The one exception is in the definition itself: the low-speed ratio of the founding paper is the mean over trips of each
trip's ratio, so the sum of those ratios is an accumulator too.

>>> first, second = [0] * COUNTS, [0] * COUNTS
>>> first[DISTANCE], first[BAND_0], first[BAND_0 + 5], first[LOW_SPEED] = 9000, 600, 5400, 1500
>>> second[DISTANCE], second[BAND_0 + 9] = 30000, 12000
>>> total = merge(of_trip(first), of_trip(second))
>>> total[TRIPS], total[DISTANCE_M], total[SHORT_TRIPS], total[LOW_SPEED_PERMILLE]
(2, 39000, 1, 250)
"""

from headway_edge.core.definition import (
    BAND_0,
    BANDS,
    COUNTS,
    DISTANCE,
    ELAPSED,
    HARD_ACCELERATION,
    HARD_BRAKING,
    IDLE,
    LOW_SPEED,
    SHORT_TRIP_M,
    SPEED_MAX,
    STOPS,
)

TRIPS = 0
DISTANCE_M = 1
SHORT_TRIPS = 2  # trips under SHORT_TRIP_M
LOW_SPEED_PERMILLE = 3  # sum over trips of the share of time under 29 km/h
ELAPSED_DS = 4
OBSERVED_DS = 5  # driving and standing: elapsed without the gaps
IDLE_DS = 6
STOPS_TOTAL = 7
HARD_ACCELERATIONS = 8
HARD_BRAKINGS = 9
SPEED_MAX_CKMH = 10  # the maximum, not a sum
BAND_0_DS = 11
TOTALS = BAND_0_DS + BANDS


def of_trip(counts: list) -> list:
    """Return the totals of one trip: `counts` as on the wire (times in tenths of a second), COUNTS long."""
    if len(counts) != COUNTS:
        raise ValueError("%d counts; the definition has %d" % (len(counts), COUNTS))
    bands = list(counts[BAND_0:])
    observed = sum(bands)
    return [
        1,
        counts[DISTANCE],
        1 if counts[DISTANCE] < SHORT_TRIP_M else 0,
        (counts[LOW_SPEED] * 2000 + observed) // (2 * observed) if observed else 0,
        counts[ELAPSED],
        observed,
        counts[IDLE],
        counts[STOPS],
        counts[HARD_ACCELERATION],
        counts[HARD_BRAKING],
        counts[SPEED_MAX],
    ] + bands


def merge(first: list, second: list) -> list:
    """Return the totals of both; commutative and associative, so late trips give the same totals as punctual ones."""
    merged = [first[i] + second[i] for i in range(TOTALS)]
    merged[SPEED_MAX_CKMH] = max(first[SPEED_MAX_CKMH], second[SPEED_MAX_CKMH])
    return merged


def empty() -> list:
    """The totals of no trip: the neutral element of `merge`."""
    return [0] * TOTALS
