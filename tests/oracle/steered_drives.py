"""Drives with headings to run the behaviours on: plausible random ones, recorded ones, and a table of what is in them.

    python tests/oracle/steered_drives.py

A random drive is a list of legs (steady changes of speed and heading), sampled at any period. So the same drive can be
had at 1 Hz and at 10 Hz, and Hypothesis can take legs away until only what matters is left.

Recorded: the SUMO drivers shipped with the simulators, cut into trips where nothing was recorded for more than 300 s; and
one minute of a real motorway-like drive (comma2k19, MIT), which lies beside the repository and is read in full runs.
"""

import csv
import gzip
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from eleven_behaviours import NAMES, Sample, behaviours
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
SUMO = ROOT / "simulators/headway_simulators/trips"
COMMA = ROOT.parent / "shared/data/comma2k19_example"
TRIP_GAP_MS = 300_000
TOP_CKMH = 13_000

Trip = list[Sample]


# Random drives


@dataclass(frozen=True)
class Leg:
    """A while of driving: speed and heading change evenly over it.

    seen: "all", "blind" (no headings), "gap" (no samples), or "spike" (one heading in the middle is half a turn off).
    """

    ms: int
    change_ckmh: int = 0
    turn: int = 0  # tenths of a degree, right positive
    seen: str = "all"


def sampled(
    legs: Iterable[Leg], start_ckmh: int = 4000, start_heading: int = 0, steps_ms: Sequence[int] = (1000,)
) -> Trip:
    """Sample a drive every `steps_ms`, which repeat.

    >>> sampled([Leg(2000, 500, -300)], 3000, 100)
    [(0, 3000, 100), (1000, 3250, 3550), (2000, 3500, 3400)]
    """
    trip: Trip = []
    now_ms, count = 0, 0
    begin_ms, begin_ckmh, begin_heading = 0, start_ckmh, start_heading
    for leg in legs:
        end_ms = begin_ms + leg.ms
        end_ckmh = min(max(begin_ckmh + leg.change_ckmh, 0), TOP_CKMH)
        spiked = False
        while now_ms <= end_ms:
            covered = now_ms - begin_ms
            speed = begin_ckmh + (end_ckmh - begin_ckmh) * covered // leg.ms
            heading: int | None = (begin_heading + leg.turn * covered // leg.ms) % 3600
            if leg.seen == "blind":
                heading = None
            elif leg.seen == "spike" and not spiked and 2 * covered >= leg.ms:
                spiked = True
                heading = (begin_heading + 1800) % 3600
            if leg.seen != "gap":
                trip.append((now_ms, speed, heading))
            now_ms += steps_ms[count % len(steps_ms)]
            count += 1
        begin_ms, begin_ckmh, begin_heading = end_ms, end_ckmh, begin_heading + leg.turn
    return trip


def weave(turn: int, ms: int, between_ms: int, change_ckmh: int) -> list[Leg]:
    """Change lane, and gain `change_ckmh` on coming back to the heading from before."""
    out, back = Leg(ms, 0, turn), Leg(ms, change_ckmh, -turn)
    return [out, Leg(between_ms), back] if between_ms else [out, back]


def random_legs(seed: int, legs: int = 40) -> list[Leg]:
    """Return a plausible drive for `sampled(..., start_ckmh=0)`: at town and country speeds, with everything that can happen.

    >>> random_legs(1) == random_legs(1) != random_legs(2)
    True
    """
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    speed = 0
    found: list[Leg] = [Leg(3000)]

    def go(*more: Leg) -> None:
        nonlocal speed
        for leg in more:
            speed = min(max(speed + leg.change_ckmh, 0), TOP_CKMH)
            found.append(leg)

    def towards(kmh: int, least_per_s: int, most_per_s: int) -> None:
        change = kmh * 100 - speed
        if change:
            go(Leg(max(abs(change) * 1000 // rng.randint(least_per_s * 100, most_per_s * 100), 500), change))

    manoeuvres = [
        "pace",
        "motorway",
        "pull away",
        "brake",
        "stop",
        "corner",
        "turn",
        "u-turn",
        "weave",
        "blind",
        "gap",
        "spike",
    ]
    for _ in range(legs):
        side = rng.choice((-1, 1))
        match rng.choices(manoeuvres, (8, 1, 6, 6, 4, 6, 6, 2, 8, 2, 2, 2))[0]:
            case "pace":
                towards(rng.randint(25, 130), 1, 7)
                go(Leg(rng.randint(2, 20) * 1000, rng.randint(-300, 300), rng.randint(-100, 100)))
            case "motorway":
                towards(rng.randint(80, 130), 2, 7)
                go(Leg(rng.randint(160, 240) * 1000, rng.randint(-500, 500), rng.randint(-300, 300)))
            case "pull away":
                towards(min(speed // 100 + rng.randint(10, 50), 130), 4, 16)
            case "brake":
                towards(max(speed // 100 - rng.randint(10, 50), 0), 6, 25)
            case "stop":
                towards(0, 6, 25)
                go(Leg(rng.randint(1, 20) * 1000))
            case "corner":  # slow, as most people do
                towards(rng.randint(8, 25), 3, 8)
                go(Leg(rng.randint(3000, 6000), 0, side * rng.randint(600, 1200)))
            case "turn":
                towards(rng.randint(20, 50), 3, 8)
                go(Leg(2000), Leg(rng.randint(1500, 4000), 0, side * rng.randint(450, 1300)), Leg(1000))
            case "u-turn":
                towards(rng.randint(14, 40), 3, 8)
                go(Leg(2000), Leg(rng.randint(3500, 8000), 0, side * rng.randint(1500, 2000)), Leg(2000))
            case "weave":
                towards(rng.randint(28, 110), 3, 8)
                go(Leg(rng.randint(2000, 5000)))
                turn, ms = side * rng.randint(40, 160), rng.choice((1000, 1000, 1500))
                go(*weave(turn, ms, rng.choice((0, 1000, 2000)), rng.choice((0, 0, 200, 400, 800))))
            case seen:
                ms = rng.randint(1000, 6000) if seen == "blind" else rng.randint(1600, 8000)
                go(Leg(ms, rng.randint(-1000, 1000), rng.randint(-300, 300), seen))
    towards(0, 5, 12)
    return [*found, Leg(3000)]


def noisy(trip: Trip, seed: int, speed_ckmh: int = 30, heading: int = 10) -> Trip:
    """Return the trip with errors of measurement, even within the two bounds."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    return [
        (
            time,
            min(max(speed + rng.randint(-speed_ckmh, speed_ckmh), 0), TOP_CKMH),
            None if course is None else (course + rng.randint(-heading, heading)) % 3600,
        )
        for time, speed, course in trip
    ]


# The same for Hypothesis

# Round values on which limits lie, and what is next to them.
_CHANGES = st.sampled_from([0, 200, 250, 300, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1500]).flatmap(
    lambda change: st.sampled_from([change, -change, change + 50, -change - 50, change - 1, 1 - change])
)
_TURNS = st.sampled_from([0, 20, 60, 80, 100, 300, 600, 601, 900, 1200, 1599, 1600, 1800, 1900]).flatmap(
    lambda turn: st.sampled_from([turn, -turn, turn + 1, -turn - 1])
)
_SECONDS = st.sampled_from([1000, 1000, 2000, 3000, 4000, 5000, 6000])
_STEADY = st.builds(lambda ms: [Leg(ms)], _SECONDS)
_ANY = st.builds(
    lambda ms, change, turn: [Leg(ms, change, turn)],
    _SECONDS | st.integers(100, 9000),
    _CHANGES | st.integers(-6000, 6000),
    _TURNS | st.integers(-2000, 2000),
)
_PULLS = st.builds(lambda change: [Leg(1000, change)], _CHANGES)
_CURVES = st.builds(lambda ms, turn: [Leg(ms, 0, turn)], _SECONDS, _TURNS)
_WEAVES = st.builds(
    weave,
    st.sampled_from([60, 80, 100, 120, 150]).flatmap(lambda turn: st.sampled_from([turn, -turn])),
    st.sampled_from([500, 1000, 1000, 1500]),
    st.sampled_from([0, 1000, 2000]),
    _CHANGES,
)
_UNSEEN = st.builds(
    lambda ms, change, turn, seen: [Leg(ms, change, turn, seen)],
    st.sampled_from([500, 1000, 1500, 1501, 2000, 5000]),
    st.sampled_from([0, 0, 500, -500]),
    st.sampled_from([0, 0, 100, -900]),
    st.sampled_from(["blind", "gap", "spike"]),
)

leg_lists = st.lists(
    st.one_of(_STEADY, _PULLS, _CURVES, _CURVES, _WEAVES, _WEAVES, _ANY, _UNSEEN), min_size=1, max_size=25
).map(lambda parts: [leg for part in parts for leg in part])
start_speeds = st.sampled_from([0, 500, 1500, 2000, 2500, 3000, 3500, 4500, 6000, 13000]) | st.integers(0, TOP_CKMH)
start_headings = st.sampled_from([0, 3500, 100, 1800]) | st.integers(0, 3599)
_UNEVEN = st.lists(
    st.sampled_from([40, 100, 250, 900, 1000, 1100, 1200, 1499, 1500, 1501, 2500]), min_size=1, max_size=7
)
steps = st.sampled_from([(1000,), (100,), (200,)]) | _UNEVEN.map(tuple)

_STEERED = st.builds(
    lambda seconds, rate: [Leg(seconds * 1000, 0, seconds * rate)],
    st.integers(1, 6),
    st.sampled_from([0, 100, 150, 200, 270, 300, 400, 400, 450, 550, 601]).flatmap(
        lambda rate: st.sampled_from([rate, -rate])
    ),
)
_LONG = st.builds(
    lambda ms, change, seen: Leg(ms, change, 0, seen),
    st.sampled_from([1000, 3000, 60_000, 120_000, 179_000, 180_000, 181_000]),
    st.sampled_from([0, 0, 0, 100, -100, 500, -500]),
    st.sampled_from(["all", "all", "all", "blind", "gap"]),
)

# Trips in the form of `behaviours`: made of legs, at 1 Hz, 10 Hz and uneven steps.
drives = st.builds(sampled, leg_lists, start_speeds, start_headings, steps)
# Fast enough for everything that headings say, and mostly steering: what turns, U-turns and lane changes do to each other.
turning_drives = st.builds(
    lambda parts, speed, heading, steps_ms: sampled(
        [Leg(6000), *(leg for part in parts for leg in part)], speed, heading, steps_ms
    ),
    st.lists(st.one_of(_STEERED, _STEERED, _WEAVES, _STEADY, _UNSEEN), min_size=1, max_size=20),
    st.sampled_from([2450, 3000, 4000, 4000, 6000]),
    start_headings,
    st.sampled_from([(1000,), (1000,), (500,), (100,), (800,), (900, 1100)]),
)
# Minutes around 71 km/h, for speeding where 50 are allowed.
long_drives = st.builds(
    sampled, st.lists(_LONG, min_size=1, max_size=6), st.sampled_from([7000, 7049, 7050, 7100, 7200]), st.just(0)
)


@st.composite
def arbitrary_drives(draw: st.DrawFn) -> Trip:
    """Samples that need not make sense."""
    rows = draw(
        st.lists(
            st.tuples(st.integers(40, 3000), st.integers(0, TOP_CKMH), st.none() | st.integers(0, 3599)), max_size=40
        )
    )
    trip: Trip = []
    now_ms = 0
    for step_ms, speed, heading in rows:
        trip.append((now_ms, speed, heading))
        now_ms += step_ms
    return trip


# Recorded drives


def split(rows: Iterable[Sample]) -> list[Trip]:
    """Cut where nothing was recorded for more than 300 s; times count from each trip's start.

    >>> split([(5, 1, None), (300_005, 2, None), (600_006, 3, None)])
    [[(0, 1, None), (300000, 2, None)], [(0, 3, None)]]
    """
    trips: list[Trip] = []
    start_ms = last_ms = 0
    for time_ms, speed, heading in rows:
        if not trips or time_ms - last_ms > TRIP_GAP_MS:
            trips.append([])
            start_ms = time_ms
        trips[-1].append((time_ms - start_ms, speed, heading))
        last_ms = time_ms
    return trips


def sumo_drivers() -> dict[str, list[Trip]]:
    """Every SUMO driver's trips, 1 Hz."""
    return {path.name.removesuffix(".csv.gz"): split(_sumo_rows(path)) for path in sorted(SUMO.glob("*.csv.gz"))}


def _sumo_rows(path: Path) -> Iterator[Sample]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            time_ms = int(datetime.fromisoformat(row["timestamp"]).timestamp() * 1000)
            speed = int(Decimal(row["Vehicle.Speed"]) * 100)
            heading = row["Vehicle.CurrentLocation.Heading"]
            yield time_ms, speed, int(Decimal(heading) * 10) % 3600 if heading else None


def comma_trip() -> Trip:
    """Return the real minute at 10 Hz: every second frame of the pose, which comes at 20 Hz.

    Speed: from the CAN bus (89 Hz, m/s), linear between its samples, at the frame's time.
    Heading: the course over ground. The pose gives the velocity in earth-centred coordinates (GNSS and inertial data put
    together); at the position's longitude, and at the latitude of the ellipsoid, that is turned into east and north, and
    the heading is atan2(east, north). Course, not nose: what a tachograph's GPS receiver gives. The receiver's own
    bearing is left for checking it (`comma_bearings`).
    """
    import numpy as np

    times, positions, velocities = (
        _comma(f"global_pose/frame_{name}") for name in ("times", "positions", "velocities")
    )
    speeds = np.interp(times, _comma("CAN/speed/t"), _comma("CAN/speed/value")[:, 0])
    trip: Trip = []
    for i in range(0, len(times), 2):
        x, y, z = positions[i]
        longitude = math.atan2(y, x)
        latitude = math.atan2(z, math.hypot(x, y) * (1 - 0.00669437999014))  # WGS 84, at height 0
        vx, vy, vz = velocities[i]
        outward = vx * math.cos(longitude) + vy * math.sin(longitude)
        east = vy * math.cos(longitude) - vx * math.sin(longitude)
        north = vz * math.cos(latitude) - outward * math.sin(latitude)
        heading = round(math.degrees(math.atan2(east, north)) * 10) % 3600
        trip.append((round((times[i] - times[0]) * 1000), round(float(speeds[i]) * 360), heading))
    return trip


def comma_bearings() -> list[tuple[int, int]]:
    """(ms from the first frame, tenths of a degree) as the GNSS receiver gave them, about 10 Hz."""
    start = _comma("global_pose/frame_times")[0]
    found = zip(_comma("GNSS/live_gnss_ublox/t"), _comma("GNSS/live_gnss_ublox/value")[:, 5], strict=True)
    return [(round((time - start) * 1000), round(float(bearing) * 10) % 3600) for time, bearing in found]


def _comma(name: str):
    import numpy as np

    with (COMMA / name).open("rb") as file:
        return np.load(file)


# What occurs


def counted(trips: Iterable[Trip], vehicle_class: str, road_limit_kmh: int | None) -> Counter[str]:
    """How often each behaviour occurs."""
    return Counter(name for trip in trips for name, _ in behaviours(trip, vehicle_class, road_limit_kmh))


def report() -> None:
    """Print the counts per behaviour of SUMO's drivers and of generated drives."""
    columns = [name.removeprefix("rapid_").replace("_", " ") for name in NAMES]
    widths = [max(len(column), 4) for column in columns]
    print("| drive | class | limit | km |", " | ".join(columns), "|")
    print("|---|---|--:|--:|" + "".join("--:|" for _ in columns))

    def row(name: str, trips: list[Trip], vehicle_class: str, limit: int | None) -> None:
        km = sum(speed * (b - a) for trip in trips for (a, speed, _), (b, _, _) in pairwise(trip))
        found = counted(trips, vehicle_class, limit)
        cells = [f"{found[behaviour] or '-':>{width}}" for behaviour, width in zip(NAMES, widths, strict=True)]
        print(f"| {name} | {vehicle_class} | {limit or '-'} | {km / 3.6e8:.1f} |", " | ".join(cells), "|")

    drivers = sumo_drivers()
    for vehicle_class, limit in (("car", 50), ("bus", None), ("truck", None)):
        for name, trips in drivers.items():
            row(name, trips, vehicle_class, limit)
        row("all of them", [trip for trips in drivers.values() for trip in trips], vehicle_class, limit)
    for vehicle_class in ("car", "bus", "truck"):
        for hz in (1, 10):
            generated = [sampled(random_legs(seed), 0, 0, [1000 // hz]) for seed in range(20)]
            row(f"20 generated, {hz} Hz", generated, vehicle_class, 50)
    if COMMA.exists():
        for vehicle_class in ("car", "bus", "truck"):
            row("comma2k19, 10 Hz", [comma_trip()], vehicle_class, 50)


if __name__ == "__main__":
    report()
