"""Who the simulated people are and what they do: when they drive, how, what they report and put right.

All of it follows from a seed and from nobody's doings, so that a run with a fault less has the same trips. Trips are short and
come at three times of a day, each with many drivers at once: what a server does for a burst it does in few transactions,
which is most of what a simulated day costs.
"""

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headway_edge.core.process import Process
from headway_edge.core.program import MISSING
from headway_edge.store.retention import BUDGET_BYTES
from headway_protocol import service
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from headway_simulators.processes import find_process

# A driver; one whose unit never sleeps; one whose unit starts anew each time; one with many trips and a small store; a wearer.
DRIVES, DRIVES_PLUGGED_IN, DRIVES_FROM_COLD, DELIVERS, WEARS = range(5)
SAMPLES_MIN, SAMPLES_MAX = 25, 70  # of a trip, one a second
REPORT = "Wearable.Report.Drinks"
OFFERED = ("chaos-driving", "chaos-driving-2")  # what operators offer, to wearers in vain
PEAKS_MS = tuple(hour * HOUR_MS + minute * MINUTE_MS for hour, minute in ((7, 30), (12, 15), (17, 45)))

_SHAPES = 32
_SMALL_STORE_BYTES = 30_000  # is full after some forty records that nobody takes, and less is left beside the history
_DELIVERIES, _DELIVERY_MS = 5, 8 * MINUTE_MS  # trips on a working day's noon, and from one to the next
_WORKDAY, _WEEKEND = (650, 200, 600), (150, 350, 150)  # per mille of a trip at each peak
_FRIDAY = 4  # 1 January 2027
_SERVICES = (service.OIL_CHANGED, service.REFUELLED, service.TYRES_CHANGED)
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Person:
    """One device's person. habit: one of the above. pack: name of what the device runs. store_bytes: room of its outbox."""

    habit: int
    pack: str
    store_bytes: int


@dataclass(frozen=True)
class Drive:
    """One trip: when it begins, ms since the begin of the simulation, and the speeds, in 0.01 km/h, one a second.

    service: what is done to the vehicle after it (`headway_protocol.service`), None: nothing.
    """

    start_ms: int
    speeds: tuple[int, ...]
    service: int | None


@cache
def process_of(pack: str) -> Process:
    """Return the process of a pack of this folder, or of one that ships."""
    path = _HERE / f"{pack}.toml"
    return find_process(str(path) if path.is_file() else pack)


@cache
def processes() -> dict[bytes, Process]:
    """Return all packs that a simulated device may run, by their ids."""
    return {found.id: found for found in map(process_of, ("chaos-days", "private-driving", *OFFERED))}


def dice_of(seed: int, *what: object) -> random.Random:
    """Return dice of their own for one purpose: what one throws changes nothing for another."""
    return random.Random("/".join(str(part) for part in (seed, *what)))  # noqa: S311 - a simulation's dice


@cache
def person_of(seed: int, device: int) -> Person:
    """Return who has a device. Of the first ten, one of each habit is there whatever the seed."""
    habits = (DRIVES, DELIVERS, WEARS, DRIVES_PLUGGED_IN, DRIVES, DRIVES_FROM_COLD, DRIVES, DRIVES, DRIVES, DRIVES)
    others = (*habits, *(DRIVES if habit == DELIVERS else habit for habit in habits))
    dice = dice_of(seed, "person", device)
    habit = habits[device] if device < len(habits) else dice.choice(others)
    store_bytes = _SMALL_STORE_BYTES if habit == DELIVERS or dice.randrange(4) == 0 else BUDGET_BYTES
    if habit == WEARS:
        return Person(habit, "chaos-days", store_bytes)
    return Person(habit, "private-driving" if dice.randrange(10) == 0 else "chaos-driving", store_bytes)


@cache
def _shapes(seed: int) -> tuple[tuple[int, ...], ...]:
    dice = dice_of(seed, "shapes")
    found = []
    for _ in range(_SHAPES):
        count = round(dice.triangular(SAMPLES_MIN, SAMPLES_MAX, SAMPLES_MIN))
        top = dice.randint(2500, 9000)
        speed, speeds = 0, []
        for i in range(count):
            braking = count - i < 12
            speed += -speed // (count - i) if braking else dice.randint(-500, 700)
            speed = max(0, min(speed, top))
            speeds.append(speed)
        found.append(tuple(speeds))
    return tuple(found)


def drives_of(seed: int, device: int, day: int) -> list[Drive]:
    """Return the trips of a day: none to three, and those of deliveries."""
    dice = dice_of(seed, "day", device, day)
    chances = _WEEKEND if (day + _FRIDAY) % 7 >= 5 else _WORKDAY
    shapes = _shapes(seed)
    found = []
    for peak_ms, chance in zip(PEAKS_MS, chances, strict=True):
        start_ms = day * DAY_MS + peak_ms + dice.randint(0, 5 * SECOND_MS)
        speeds, what = shapes[dice.randrange(_SHAPES)], dice.choice(_SERVICES)
        if dice.randrange(1000) < chance:
            found.append(Drive(start_ms, speeds, what if dice.randrange(60) == 0 else None))
    if person_of(seed, device).habit == DELIVERS and chances is _WORKDAY:
        first_ms = day * DAY_MS + PEAKS_MS[1] + _DELIVERY_MS
        found += [Drive(first_ms + i * _DELIVERY_MS, shapes[dice.randrange(_SHAPES)], None) for i in range(_DELIVERIES)]
    return found


def worn_hours(seed: int, device: int, day: int) -> list[tuple[int, int]]:
    """Return (steps, drinks reported or MISSING) of each hour of a day."""
    dice = dice_of(seed, "worn", device, day)
    return [(dice.randint(0, 2000), dice.randint(0, 4) if dice.randrange(24) == 0 else MISSING) for _ in range(24)]


def correction_of(seed: int, device: int, day: int) -> tuple[int, int] | None:
    """Return (how many days back, drinks) of what a wearer puts right on a day; None: nothing."""
    dice = dice_of(seed, "correction", device, day)
    back, drinks = dice.randint(1, 4), dice.randint(0, 9)
    return (back, drinks) if dice.randrange(5) == 0 else None
