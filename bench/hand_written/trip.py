"""Trips from samples by hand-written code: what `EpisodeCore` with the pack `private-driving` is measured against.

Runs on MicroPython as it is.
"""

from array import array

from bench.hand_written.definition import (
    BAND_0,
    BAND_EDGES_CKMH,
    CLASS_RULES,
    COUNTS,
    DISTANCE,
    ELAPSED,
    HARD_ACCELERATION,
    HARD_BRAKING,
    HARD_CHANGE,
    IDLE,
    LOW_SPEED,
    LOW_SPEED_CKMH,
    MIN_DISTANCE_M,
    MIN_ELAPSED_MS,
    NEAR_MS,
    SPEED_LIMIT_CKMH,
    SPEED_MAX,
    STANDING_MS,
    STOPS,
    TRIP_GAP_MS,
    TRIP_LIMIT_MS,
)
from bench.hand_written.speed_change import SpeedChange
from headway_edge.core.data_quality import (
    BACKWARDS,
    BRIDGED,
    CLOSED,
    DUPLICATE,
    GAP_TIME,
    GAPS,
    GATES,
    NO_SPEED,
    OPENED,
    OUT_OF_RANGE,
    TOO_SHORT,
)

# Events that an update reports, besides OPENED and CLOSED.
ACCELERATED_HARD = 4
BRAKED_HARD = 8

UNKNOWN = -1  # of speed, rpm or ignition

_MOMENT_LIMIT_MS = 1 << 29  # 6.2 days: keeps times within 31-bit small integers
_THIN_MS = 40


class TripCore:
    """Counts of the trip under way, and of the one just closed.

    Rate: any, up to 25 Hz (faster samples are thinned); NEAR_MS = 1.5 s is the longest step that counts as observed.

    vehicle_class: "car", "taxi", "bus" or "truck". period_ms: the sampling period, 40..1000; it is what the first
    sample, and the first after a gap, are taken to have lasted.

    >>> core = TripCore("car")
    >>> flags = [core.update(1000, speed_ckmh) for speed_ckmh in (0, 0, 500, 1800, 3600)]
    >>> flags == [0, 0, OPENED, ACCELERATED_HARD, 0]  # the change goes on: still the same event
    True
    >>> for speed_ckmh in 10 * (3600,) + (2700, 1800, 900, 0, 0, 0):
    ...     flags = core.update(1000, speed_ckmh)
    >>> core.finish() == CLOSED
    True
    >>> core.closed[DISTANCE], core.closed[ELAPSED], core.closed[STOPS], core.closed[IDLE]
    (131, 17000, 1, 2000)
    """

    def __init__(self, vehicle_class: str = "car", period_ms: int = 1000) -> None:
        if vehicle_class not in CLASS_RULES:
            raise ValueError("vehicle class %r is none of %s" % (vehicle_class, ", ".join(sorted(CLASS_RULES))))
        if not _THIN_MS <= period_ms <= 1000:
            raise ValueError("a sampling period of %d ms is not in %d..1000" % (period_ms, _THIN_MS))
        self._period_ms = period_ms
        self._counts = array("i", [0] * COUNTS)
        self._gates = array("i", [0] * GATES)
        self.closed = array("i", [0] * COUNTS)
        self.closed_gates = array("i", [0] * GATES)
        self._change = SpeedChange(HARD_CHANGE[CLASS_RULES[vehicle_class]])
        self.lead_ms = 0
        self._open = 0
        self._moving = 0
        self._powered = 0  # ignition or rpm has shown in this trip that the engine is on
        self._since_ms = 0  # since the last accepted sample
        self._speed_ckmh = UNKNOWN  # of the last accepted sample; UNKNOWN: there is none to build on
        self._idle_before = 0  # the engine may have run at the last accepted sample
        self._fraction = 0  # of a metre, in 1/720000
        # Standing is only counted once movement follows: what comes after the last movement is parking.
        self._stand_ms = 0
        self._stand_idle_ms = 0
        self._stand_elapsed_ms = 0
        self._stand_gaps = 0
        self._stand_gap_ms = 0
        self._stand_first_ms = 0
        self._stand_first_idle_ms = 0
        self._stand_first_elapsed_ms = 0

    def update(self, dt_ms: int, speed_ckmh: int, rpm: int = UNKNOWN, ignition: int = UNKNOWN) -> int:
        """Fold in one sample and return what happened (bits OPENED, CLOSED, ACCELERATED_HARD, BRAKED_HARD).

        dt_ms: since the update before, negative if time ran backwards; beyond 6.2 days it counts as 6.2 days.
        speed_ckmh: centi-km/h, UNKNOWN if missing; over SPEED_LIMIT_CKMH it is dropped and counted.
        rpm: engine revolutions, UNKNOWN if missing. ignition: 1 on, 0 off, UNKNOWN.
        """
        since = self._since_ms + dt_ms
        if since > _MOMENT_LIMIT_MS:
            since = _MOMENT_LIMIT_MS
        elif since < -_MOMENT_LIMIT_MS:
            since = -_MOMENT_LIMIT_MS
        self._since_ms = since
        if ignition == 0:
            self._speed_ckmh = UNKNOWN
            return self._close()
        if speed_ckmh < 0 or speed_ckmh > SPEED_LIMIT_CKMH:
            self._gates[NO_SPEED if speed_ckmh < 0 else OUT_OF_RANGE] += 1
            return 0
        flags = 0
        if self._speed_ckmh >= 0:
            if since < _THIN_MS and since > -TRIP_GAP_MS:
                if since <= 0:
                    self._gates[DUPLICATE if since == 0 else BACKWARDS] += 1
                return 0
            if since <= 0:
                self._gates[BACKWARDS] += 1
            if since <= 0 or since > TRIP_GAP_MS or self._is_over_limit():
                # Another recording, a long silence, or a trip without end: nothing before it is to be built upon.
                flags = self._close()
                self._speed_ckmh = UNKNOWN
        powered = rpm > 0 or ignition == 1
        if not self._open and (speed_ckmh > 0 or powered):
            flags |= self._begin(since)
        if self._open:
            flags |= self._fold(since, speed_ckmh, rpm, powered)
        self._speed_ckmh = speed_ckmh
        self._idle_before = 0 if rpm == 0 else 1
        self._since_ms = 0
        return flags

    def finish(self) -> int:
        """Close the open trip, if any, as when the device is switched off; returns CLOSED or 0."""
        self._speed_ckmh = UNKNOWN
        return self._close()

    def _is_over_limit(self) -> bool:
        return self._open == 1 and self._counts[ELAPSED] + self._stand_elapsed_ms >= TRIP_LIMIT_MS

    def _begin(self, since: int) -> int:
        counts = self._counts
        for i in range(COUNTS):
            counts[i] = 0
        # An episode that was too short to be a trip leaves its gaps behind; they are not within this one.
        self._gates[GAPS] = self._gates[GAP_TIME] = self._gates[BRIDGED] = 0
        self._open = 1
        self._moving = 0
        self._powered = 0
        self._fraction = 360000  # half a metre: the distance is rounded half up
        self._forget_stand()
        self._change.reset()
        self.lead_ms = 0
        if self._speed_ckmh >= 0 and since <= NEAR_MS:
            # The standing sample from which the vehicle drove off is the trip's first.
            self.lead_ms = since
            counts[BAND_0] = counts[LOW_SPEED] = self._period_ms
            if self._idle_before:
                counts[IDLE] = self._period_ms
            self._change.push(0, self._speed_ckmh)
        else:
            self._speed_ckmh = UNKNOWN
        return OPENED

    def _fold(self, since: int, speed: int, rpm: int, powered: bool) -> int:
        counts = self._counts
        before = self._speed_ckmh
        weight = self._period_ms
        if before < 0:
            since = 0
            self._change.push(0, speed)
        elif since <= NEAR_MS:
            weight = since
            self._add_distance(since, before + speed)
            self._change.push(since, speed)
        else:
            metres = counts[DISTANCE]
            self._add_distance(since, before + speed)
            if speed == 0 and self._stand_first_ms:
                # Amid standing: whether that is within the trip shows when the vehicle moves, like the standing itself.
                self._stand_gaps += 1
                self._stand_gap_ms += since - weight
            else:
                self._gates[GAPS] += 1
                self._gates[GAP_TIME] += since - weight
            self._gates[BRIDGED] += counts[DISTANCE] - metres
            self._change.reset()
            self._change.push(0, speed)
        if powered:
            self._powered = 1
        if speed == 0:
            self._stand(since, weight, rpm)
            if self._stand_elapsed_ms > STANDING_MS and not powered:
                self._powered = 0
                return self._close()
        else:
            self._settle()
            counts[ELAPSED] += since
            band = 0
            for edge in BAND_EDGES_CKMH:
                if speed < edge:
                    break
                band += 1
            counts[BAND_0 + 1 + band] += weight
            if speed < LOW_SPEED_CKMH:
                counts[LOW_SPEED] += weight
            counts[SPEED_MAX] = max(counts[SPEED_MAX], speed)
            self._moving = 1
        hard = self._change.hard()
        if hard > 0:
            counts[HARD_ACCELERATION] += 1
            return ACCELERATED_HARD
        if hard < 0:
            counts[HARD_BRAKING] += 1
            return BRAKED_HARD
        return 0

    def _add_distance(self, since: int, speed_sum: int) -> None:
        # Trapezium: metres = sum of two speeds [ckmh] * since [ms] / 720000. Whole seconds apart, to stay under 2**29.
        seconds = since // 1000
        part = speed_sum * seconds
        fraction = self._fraction + (part % 720) * 1000 + speed_sum * (since - seconds * 1000)
        self._counts[DISTANCE] += part // 720 + fraction // 720000
        self._fraction = fraction % 720000

    def _stand(self, since: int, weight: int, rpm: int) -> None:
        if self._moving:
            self._counts[STOPS] += 1
            self._moving = 0
        self._stand_ms += weight
        if rpm != 0:
            self._stand_idle_ms += weight
        self._stand_elapsed_ms += since
        if self._stand_first_ms == 0:
            self._stand_first_ms = weight
            self._stand_first_idle_ms = self._stand_idle_ms
            self._stand_first_elapsed_ms = since

    def _settle(self) -> None:
        counts = self._counts
        counts[BAND_0] += self._stand_ms
        counts[LOW_SPEED] += self._stand_ms
        counts[IDLE] += self._stand_idle_ms
        counts[ELAPSED] += self._stand_elapsed_ms
        self._gates[GAPS] += self._stand_gaps
        self._gates[GAP_TIME] += self._stand_gap_ms
        self._forget_stand()

    def _forget_stand(self) -> None:
        self._stand_ms = self._stand_idle_ms = self._stand_elapsed_ms = 0
        self._stand_gaps = self._stand_gap_ms = 0
        self._stand_first_ms = self._stand_first_idle_ms = self._stand_first_elapsed_ms = 0

    def _close(self) -> int:
        if not self._open:
            return 0
        self._open = 0
        counts = self._counts
        if not self._powered and self._stand_first_ms:
            # Nothing said that the engine ran on: the trip ends with the first standing sample.
            self._stand_ms = self._stand_first_ms
            self._stand_idle_ms = self._stand_first_idle_ms
            self._stand_elapsed_ms = self._stand_first_elapsed_ms
            self._stand_gaps = self._stand_gap_ms = 0
        self._settle()
        if counts[DISTANCE] < MIN_DISTANCE_M or counts[ELAPSED] < MIN_ELAPSED_MS:
            self._gates[TOO_SHORT] += 1
            return 0
        for i in range(COUNTS):
            self.closed[i] = counts[i]
        for i in range(GATES):
            self.closed_gates[i] = self._gates[i]
            self._gates[i] = 0
        return CLOSED
