"""Made-up drives that take every path of the core, always the same.

Each yields samples as (dt_ms, {VSS name: quanta of private driving}); what is left out is missing. `DRIVES` says which pack,
class and sampling period each is for.
"""

from collections.abc import Callable, Iterator

DAY_MS = 86_400_000
SPEED = "Vehicle.Speed"
RPM = "Vehicle.Powertrain.CombustionEngine.Speed"
IGNITION = "Vehicle.LowVoltageSystemState"
HEADING = "Vehicle.CurrentLocation.Heading"
LATITUDE, LONGITUDE = "Vehicle.CurrentLocation.Latitude", "Vehicle.CurrentLocation.Longitude"
OUTSIDE = "Vehicle.Exterior.AirTemperature"
COOLANT = "Vehicle.Powertrain.CombustionEngine.ECT"
MINUTE, WEEKDAY = "Vehicle.Headway.LocalMinute", "Vehicle.Headway.LocalWeekday"
ALONG, ACROSS = "Vehicle.Acceleration.Longitudinal", "Vehicle.Acceleration.Lateral"

Sample = tuple[int, dict[str, int]]


class Dice:
    """A linear congruential generator (Numerical Recipes): the same numbers in every version of Python."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        """Return the next number in 0..limit-1."""
        self._state = (self._state * 1664525 + 1013904223) % 2**32
        return (self._state >> 8) % limit


def stroll(dice: Dice, legs: int, change_max_ckmh: int, steps: int = 1) -> Iterator[int]:
    """Yield speeds at 1/steps s of `legs` legs from standing to standing, each a few changes of speed and a stop."""
    speed = 0
    for _ in range(legs):
        for _ in range(3 + dice.below(4)):
            target = dice.below(9000)
            while speed != target:
                # The change of a whole second, told in `steps` equal parts: drivers press pedals longer than 0.1 s.
                change = 50 + dice.below(change_max_ckmh)
                after = min(target, speed + change) if target > speed else max(target, speed - change)
                for part in range(1, steps + 1):
                    yield speed + (after - speed) * part // steps
                speed = after
            for _ in range(dice.below(10) * steps):
                yield speed
        while speed > 0:
            after = max(0, speed - 50 - dice.below(change_max_ckmh))
            for part in range(1, steps + 1):
                yield speed + (after - speed) * part // steps
            speed = after
        for _ in range((2 + dice.below(30)) * steps):
            yield 0


def town() -> Iterator[Sample]:
    """A car at 1 Hz with engine and ignition signals, three times switched off."""
    dice = Dice(1)
    for _ in range(3):
        for _ in range(3):
            yield 1000, {SPEED: 0, RPM: 0, IGNITION: 0}
        for speed in stroll(dice, 4, 1500):
            yield 1000, {SPEED: speed, RPM: 700 + speed // 3, IGNITION: 1}
        for _ in range(20):
            yield 1000, {SPEED: 0, RPM: 650, IGNITION: 1}
        yield 1000, {SPEED: 0, RPM: 0, IGNITION: 0}


def errand() -> Iterator[Sample]:
    """A car at 1 Hz that tells all it has: way, position, temperatures, the time of day; some of it missing now and then."""
    dice = Dice(7)
    heading, latitude, longitude, outside, coolant = 3550, 3_750_000, 12_700_000, -2, 5
    for leg, speed in enumerate(stroll(dice, 6, 1300)):
        heading = (heading + dice.below(41) - 20 + (700 if dice.below(150) == 0 else 0)) % 3600
        if speed and dice.below(60):
            latitude += speed // 400
            longitude -= speed // 700
        outside += dice.below(3) - 1 if leg % 60 == 0 else 0
        coolant = min(92, coolant + (1 if leg % 7 == 0 else 0))
        found = {SPEED: speed, RPM: 0 if speed == 0 and dice.below(3) == 0 else 700 + speed // 4}
        found |= {HEADING: heading, LATITUDE: latitude, LONGITUDE: longitude, OUTSIDE: outside, COOLANT: coolant}
        found |= {MINUTE: (1310 + leg // 12) % 1440, WEEKDAY: (3 + (1310 + leg // 12) // 1440) % 7}
        missing = dice.below(200)
        for i, name in enumerate((HEADING, LATITUDE, LONGITUDE, OUTSIDE, COOLANT, MINUTE, WEEKDAY)):
            if missing == i:
                del found[name]
        yield 1000, found


def bus() -> Iterator[Sample]:
    """A bus at 1 Hz without signals, whose changes of speed lie around its thresholds; parked half an hour between."""
    dice = Dice(2)
    for _ in range(2):
        for speed in stroll(dice, 5, 1300):
            yield 1000, {SPEED: speed}
        for _ in range(7):
            yield 299_000, {SPEED: 0}


def truck() -> Iterator[Sample]:
    """A truck whose signal comes every 0.9 to 1.1 s, with an engine that stops at traffic lights."""
    dice = Dice(3)
    for speed in stroll(dice, 7, 1100):
        yield 900 + dice.below(201), {SPEED: speed, RPM: 0 if speed == 0 else 900}


def ten_hertz() -> Iterator[Sample]:
    """A car at 10 Hz."""
    for speed in stroll(Dice(4), 4, 1500, 10):
        yield 100, {SPEED: speed}


def fifty_hertz() -> Iterator[Sample]:
    """A signal faster than the core takes: every second sample is thinned out."""
    for speed in stroll(Dice(5), 1, 2000, 50):
        yield 20, {SPEED: speed}


def disorder() -> Iterator[Sample]:
    """Whatever a bad logger does: holes, repeats, steps back, impossible speeds, silences of every length."""
    dice = Dice(6)
    held = [1, 39, 40, 41, 1499, 1500, 1501, 30_000, 299_999, 300_000, 300_001, 3_600_000, 12 * DAY_MS, 2**31, 2**40]
    held += [0, -1, -999, -1000, -299_999, -300_000, -300_001, -3_600_000, -12 * DAY_MS, -(2**31), -(2**40)]
    for turn in range(3):
        for odd_ms in held:
            for index, speed in enumerate(stroll(dice, 1, 2500)):
                if index == 30 + 7 * turn:
                    yield odd_ms, {SPEED: speed}
                kind = dice.below(40)
                if kind == 0:
                    yield 1000, {}
                elif kind == 1:
                    yield 1000, {SPEED: 30_001 + dice.below(40_000)}
                elif kind == 2:
                    yield 0, {SPEED: speed}
                elif kind == 3:
                    yield -dice.below(3000), {SPEED: speed}
                elif kind == 4:
                    found = {SPEED: speed, RPM: dice.below(2) * 800}
                    yield 1000 + dice.below(20_000), found | ({IGNITION: 0} if dice.below(8) == 0 else {})
                else:
                    yield 1000, {SPEED: speed}
                if index == 60:
                    break


def limits() -> Iterator[Sample]:
    """The largest numbers: 300 km/h for an hour, then for more than five days of five-minute steps, then idling."""
    yield 1000, {SPEED: 0}
    for _ in range(2400):
        yield 1500, {SPEED: 30_000}
    for _ in range(24):
        yield 300_000, {SPEED: 30_000}
    for _ in range(2):
        yield 12 * DAY_MS, {SPEED: 30_000}
    for _ in range(1600):
        yield 300_000, {SPEED: 30_000, RPM: 8000, IGNITION: 1}
    for _ in range(1600):
        yield 300_000, {SPEED: 0, RPM: 800, IGNITION: 1}
    yield 1000, {SPEED: 30_000, RPM: 8000, IGNITION: 1}
    yield 2**29, {SPEED: 0, RPM: 0, IGNITION: 0}


def operators() -> Iterator[Sample]:
    """A drive with accelerations and turns, under a pack of every operator, accumulator and event option."""
    dice = Dice(8)
    heading = 0
    for index, speed in enumerate(stroll(dice, 6, 1600)):
        heading = (heading + dice.below(601) - 300) % 3600
        found = {SPEED: speed, RPM: 700 + speed // 3, HEADING: heading, ALONG: dice.below(2201) - 1100}
        found |= {"Odd": (index // 3 + dice.below(2)) % 7}
        if dice.below(30) == 0:
            del found[(RPM, HEADING, ALONG, "Odd")[dice.below(4)]]
        if dice.below(250) == 0:
            found[IGNITION] = dice.below(2)
        yield (1000 if dice.below(25) else 300 + dice.below(6000)), found


PRIVATE, EVERYTHING = "private-driving", "every operator"
# name: (what drives, pack, class, sampling period in ms)
DRIVES: dict[str, tuple[Callable[[], Iterator[Sample]], str, str, int]] = {
    "town": (town, PRIVATE, "car", 1000),
    "errand": (errand, PRIVATE, "car", 1000),
    "bus": (bus, PRIVATE, "bus", 1000),
    "truck": (truck, PRIVATE, "truck", 1000),
    "ten_hertz": (ten_hertz, PRIVATE, "car", 100),
    "fifty_hertz": (fifty_hertz, PRIVATE, "car", 40),
    "disorder": (disorder, PRIVATE, "taxi", 1000),
    "limits": (limits, PRIVATE, "car", 1000),
    "operators": (operators, EVERYTHING, "other", 1000),
}
