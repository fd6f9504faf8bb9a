"""Characteristics: the numbers people read, as quotients of accumulators, in integers.

Each has a stable id (on the wire of benchmarks), a key (in JSON), a unit, and decimals: a value v with d decimals means
v / 10**d. A quotient without a denominator is None, which is not zero: "not known yet".

>>> counts = [0] * definition.COUNTS
>>> counts[definition.DISTANCE], counts[definition.BAND_0], counts[definition.BAND_0 + 4] = 10000, 1500, 10500
>>> counts[definition.IDLE] = 1500
>>> values = dict((c.key, c.value(counts)) for c in TRIP)
>>> values["distance_km"], values["idle_share_pct"], values["mean_speed_kmh"]
(10000, 125, None)
>>> text(BY_ID[6], 125)
'12.5'
"""

from headway_edge.core import definition, period

LOWER_IS_BETTER = -1
NEUTRAL = 0

_ALL_BANDS = tuple(range(definition.BAND_0, definition.COUNTS))
_MOVING_BANDS = _ALL_BANDS[1:]


class Characteristic:
    """One characteristic: value = round_half_up(factor * sum(numerator) / (divisor * sum(denominator))).

    id: stable number. key: name with the unit. unit: as shown. decimals: of the integer value. direction:
    LOWER_IS_BETTER or NEUTRAL. quotient: (numerator, denominator, factor, divisor), the first two indexes of
    accumulators; an empty denominator is 1. about: one sentence for a person.
    """

    def __init__(
        self, number: int, key: str, unit: str, decimals: int, direction: int, quotient: tuple, about: str
    ) -> None:
        self.id = number
        self.key = key
        self.unit = unit
        self.decimals = decimals
        self.direction = direction
        self._numerator, self._denominator, self._factor, self._divisor = quotient
        self.about = about

    def value(self, accumulators: list) -> "int | None":
        """Read the value out of accumulators (a trip's counts on the wire, or period totals); None if undefined."""
        below = self._divisor
        if self._denominator:
            below *= sum([accumulators[i] for i in self._denominator])
        if below == 0:
            return None
        above = self._factor * sum([accumulators[i] for i in self._numerator])
        return (2 * above + below) // (2 * below)


def text(characteristic: Characteristic, value: "int | None") -> str:
    """Return `value` as a decimal number; "-" for None."""
    if value is None:
        return "-"
    decimals = characteristic.decimals
    if decimals == 0:
        return str(value)
    scale = 10**decimals
    sign = "-" if value < 0 else ""
    value = abs(value)
    fraction = str(value % scale)
    return sign + str(value // scale) + "." + "0" * (decimals - len(fraction)) + fraction


_d = definition
_SHARE = 1000  # per mille, shown as percent with one decimal

# Of one trip, from its counts. Ids 1 to 99.
TRIP = [
    Characteristic(1, "distance_km", "km", 3, NEUTRAL, ((_d.DISTANCE,), (), 1, 1), "Distance driven."),
    Characteristic(2, "elapsed_s", "s", 1, NEUTRAL, ((_d.ELAPSED,), (), 1, 1), "Time from the trip's first sample to its last."),
    Characteristic(3, "driving_s", "s", 1, NEUTRAL, (_MOVING_BANDS, (), 1, 1), "Observed time with the wheels turning."),
    Characteristic(4, "stopped_s", "s", 1, NEUTRAL, ((_d.BAND_0,), (), 1, 1), "Observed time standing, within the trip."),
    Characteristic(5, "idle_s", "s", 1, LOWER_IS_BETTER, ((_d.IDLE,), (), 1, 1), "Standing with the engine running."),
    Characteristic(6, "idle_share_pct", "%", 1, LOWER_IS_BETTER, ((_d.IDLE,), _ALL_BANDS, _SHARE, 1),
                   "Standing with the engine running, in observed time."),
    Characteristic(7, "low_speed_share_pct", "%", 1, LOWER_IS_BETTER, ((_d.LOW_SPEED,), _ALL_BANDS, _SHARE, 1),
                   "Time under 29 km/h, standing included, in observed time."),
    Characteristic(8, "stops", "1", 0, LOWER_IS_BETTER, ((_d.STOPS,), (), 1, 1), "Times the vehicle came to a stand."),
    Characteristic(9, "max_speed_kmh", "km/h", 2, NEUTRAL, ((_d.SPEED_MAX,), (), 1, 1), "Highest speed."),
    Characteristic(10, "mean_speed_kmh", "km/h", 2, NEUTRAL, ((_d.DISTANCE,), (_d.ELAPSED,), 3600, 1),
                   "Distance over elapsed time."),
    Characteristic(11, "hard_accelerations", "1", 0, LOWER_IS_BETTER, ((_d.HARD_ACCELERATION,), (), 1, 1),
                   "Rapid accelerations and starts."),
    Characteristic(12, "hard_brakings", "1", 0, LOWER_IS_BETTER, ((_d.HARD_BRAKING,), (), 1, 1),
                   "Rapid decelerations and stops."),
]  # fmt: skip
TRIP.extend(
    [
        Characteristic(20 + band, "speed_band_%02d_s" % band, "s", 1, NEUTRAL, ((_d.BAND_0 + band,), (), 1, 1),
                 "Time standing." if band == 0
                 else "Time from %d mph up." % (5 * band - 5) if band == _d.BANDS - 1
                 else "Time from %d to %d mph." % (5 * band - 5, 5 * band))
        for band in range(_d.BANDS)
    ]
)  # fmt: skip

_p = period

# Of a person's trips in a period, from its totals. Ids from 100; benchmarks carry those.
PERIOD = [
    Characteristic(100, "trips", "1", 0, NEUTRAL, ((_p.TRIPS,), (), 1, 1), "Number of trips."),
    Characteristic(101, "mileage_km", "km", 1, NEUTRAL, ((_p.DISTANCE_M,), (), 1, 100), "Distance of all trips."),
    Characteristic(102, "mileage_per_trip_km", "km", 2, NEUTRAL, ((_p.DISTANCE_M,), (_p.TRIPS,), 1, 10),
                   "Mean distance of a trip."),
    Characteristic(103, "short_trip_ratio_pct", "%", 1, LOWER_IS_BETTER, ((_p.SHORT_TRIPS,), (_p.TRIPS,), _SHARE, 1),
                   "Trips under 18 km: the engine hardly gets warm."),
    Characteristic(104, "low_speed_ratio_pct", "%", 1, LOWER_IS_BETTER, ((_p.LOW_SPEED_PERMILLE,), (_p.TRIPS,), 1, 1),
                   "Mean over trips of the share of time under 29 km/h."),
    Characteristic(105, "idle_share_pct", "%", 1, LOWER_IS_BETTER, ((_p.IDLE_DS,), (_p.OBSERVED_DS,), _SHARE, 1),
                   "Standing with the engine running, in observed time."),
    Characteristic(106, "stops_per_km", "1/km", 2, LOWER_IS_BETTER, ((_p.STOPS_TOTAL,), (_p.DISTANCE_M,), 100000, 1),
                   "Stops in each kilometre."),
    Characteristic(107, "hard_accelerations_per_100km", "1/100 km", 1, LOWER_IS_BETTER,
             ((_p.HARD_ACCELERATIONS,), (_p.DISTANCE_M,), 1000000, 1), "Rapid accelerations and starts."),
    Characteristic(108, "hard_brakings_per_100km", "1/100 km", 1, LOWER_IS_BETTER,
             ((_p.HARD_BRAKINGS,), (_p.DISTANCE_M,), 1000000, 1), "Rapid decelerations and stops."),
    Characteristic(109, "mean_speed_kmh", "km/h", 1, NEUTRAL, ((_p.DISTANCE_M,), (_p.ELAPSED_DS,), 360, 1),
                   "Distance over elapsed time."),
    Characteristic(110, "max_speed_kmh", "km/h", 1, NEUTRAL, ((_p.SPEED_MAX_CKMH,), (), 1, 10), "Highest speed of all trips."),
]  # fmt: skip

BY_ID = {c.id: c for c in TRIP + PERIOD}
