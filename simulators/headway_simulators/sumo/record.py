"""Record trips of simulated drivers in a synthetic town, one gzip CSV per driver.

What it is: a traffic scenario of this project (a signalled centre at 30/50 km/h, radials, a ring and
a country road at 50/70, a motorway at 110, and enough background traffic to congest them) and a
recorder that runs it with Eclipse SUMO for one day and writes 1 Hz vehicle signals under VSS names.

What it is not: measured data, a calibrated model of a real town, or part of the running product.
Nothing is invented after the simulation: the recorder only converts units and adds up the odometer.

Who calls it: a person, with ``python -m headway_simulators.sumo.record OUT_DIR``, to refresh the
recorded set in ``headway_simulators/trips`` that a demo replays when it has no live source.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import importlib.util
import io
import itertools
import math
import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from headway_simulators.sumo.town import ZONES, Point, Town

HEADER = (
    "timestamp,Vehicle.Speed,Vehicle.CurrentLocation.Heading,Vehicle.Acceleration.Longitudinal,"
    "Vehicle.TraveledDistance,Vehicle.Powertrain.FuelSystem.InstantConsumption\n"
)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
# Background cars per hour from 06:00: two peaks that queue at the lights, and lulls between them.
DEMAND_PER_H = (900, 3200, 3300, 1500, 1000, 1300, 1500, 1000, 1400, 1500, 3300, 3400, 2000, 700)
DAY_BEGIN_S, DAY_END_S = 6 * 3600, 20 * 3600
TRIP_WINDOWS_S = (7 * 3600, 11 * 3600, 14 * 3600, 16 * 3600 + 1800)  # each is one hour wide
MIN_GAP_S = 600
STANDING_MPS = 0.1  # the speed below which SUMO itself calls a vehicle halting
PETROL_MG_PER_L = 742_000  # the density of petrol in SUMO's HBEFA emission models


class RecordingError(RuntimeError):
    """The recording cannot be made; the message says why and what to do next."""


class Temperament(NamedTuple):
    """Ranges of a driver's SUMO parameters, and the zones such a driver visits in a day.

    Units: accel and decel m/s², sigma 0..1 (imperfection), speed_factor times the limit, tau s.
    A plan of n zones makes n - 1 trips.
    """

    name: str
    accel: Point
    decel: Point
    sigma: Point
    speed_factor: Point
    tau: Point
    plans: tuple[str, ...]


TEMPERAMENTS = (
    Temperament("calm city", (1.3, 1.8), (2.0, 2.8), (0.1, 0.3), (0.88, 0.97), (1.5, 2.0),
                ("centre centre centre centre centre", "north centre centre centre north",
                 "centre centre north centre centre")),
    Temperament("long distance", (1.7, 2.3), (2.8, 3.6), (0.2, 0.4), (0.97, 1.06), (1.1, 1.5),
                ("west east centre west", "east west centre centre east", "north east west north")),
    Temperament("aggressive", (3.0, 3.8), (4.5, 6.0), (0.4, 0.7), (1.14, 1.28), (0.7, 0.9),
                ("centre north centre centre centre", "west centre centre east", "east west centre east")),
)  # fmt: skip


class Sample(NamedTuple):
    """One second of one vehicle in SUMO's units: s of the day, m/s, degrees, m/s², m, mg/s."""

    time_s: int
    speed_mps: float
    heading_deg: float
    accel_mps2: float
    odometer_m: float
    fuel_mgps: float


def demand(rng: random.Random, town: Town, vehicles: int) -> tuple[dict[str, str], str]:
    """Draw drivers and background traffic; return each trip's temperament by id, and SUMO's routes XML."""
    types = ['<vType id="car" sigma="0.5" speedFactor="1" speedDev="0.1"/>']
    cars: list[tuple[float, str]] = []
    planned: dict[str, str] = {}
    for i in range(vehicles):
        who = TEMPERAMENTS[i % len(TEMPERAMENTS)]
        plan = who.plans[i // len(TEMPERAMENTS) % len(who.plans)].split()
        name = f"driver-{i + 1:02d}"
        spans = (who.accel, who.decel, who.sigma, who.speed_factor, who.tau)
        accel, decel, sigma, speed_factor, tau = (rng.uniform(*span) for span in spans)
        # The profile makes nobody pull at full strength at motorway speed: thrust falls with speed.
        types.append(
            f'<vType id="{name}" accel="{accel:.2f}" decel="{decel:.2f}" sigma="{sigma:.2f}" tau="{tau:.2f}" '
            f'speedFactor="{speed_factor:.3f}" speedDev="0.02" lcSpeedGain="{speed_factor**6:.2f}" '
            f'speedTable="0 14 32" desAccelProfile="{accel:.2f} {accel * 0.7:.2f} {accel * 0.3:.2f}" '
            'emissionClass="HBEFA4/PC_petrol_Euro-6d"><param key="has.fcd.device" value="true"/>'
            '<param key="has.emissions.device" value="true"/></vType>'
        )
        windows_s = TRIP_WINDOWS_S if len(plan) > 4 else TRIP_WINDOWS_S[:2] + TRIP_WINDOWS_S[3:]
        here = rng.choice(list(town.zones[plan[0]]))
        for trip, (zone, window_s) in enumerate(zip(plan[1:], windows_s, strict=True)):
            far = [e for e, at in town.zones[zone].items() if math.dist(at, town.at[here.split("-")[0]]) > 600]
            there, depart_s = rng.choice(far), window_s + rng.randrange(3600)
            # Off the lane while standing: a driver who gets in or out does not hold up a street.
            stops = (
                f'<stop edge="{e}" endPos="60" duration="{rng.randint(3, 7)}" parking="true"/>' for e in (here, there)
            )
            xml = (
                f'<trip id="{name}.{trip}" type="{name}" depart="{depart_s}" from="{here}" to="{there}" '
                f'departPos="stop" departSpeed="0" arrivalPos="60">{"".join(stops)}</trip>'
            )
            cars.append((depart_s, xml))
            planned[f"{name}.{trip}"], here = who.name, there
    for hour, per_h in enumerate(DEMAND_PER_H):
        for i in range(per_h):
            a, b = (rng.choice(list(town.zones[z])) for z in rng.choices(list(ZONES), (8, 2, 1, 1), k=2))
            at_s = DAY_BEGIN_S + 3600 * (hour + rng.random())
            xml = f'<trip id="car{hour}.{i}" type="car" depart="{at_s:.0f}" from="{a}" to="{b}" departLane="best"/>'
            cars.append((at_s, xml))
    return planned, f"<routes>{''.join(types)}{''.join(xml for _, xml in sorted(cars))}</routes>"


def sumo_home() -> Path:
    """Return the directory of the installed ``eclipse-sumo`` package."""
    spec = importlib.util.find_spec("sumo")
    if spec is None or spec.origin is None or not (Path(spec.origin).parent / "bin").is_dir():
        raise RecordingError("Eclipse SUMO is not installed in this Python; run: pip install eclipse-sumo")
    return Path(spec.origin).parent


def call(home: Path, scratch: Path, command: str) -> None:
    """Run one SUMO tool in ``scratch``; raise RecordingError with the tool's last words when it fails."""
    tool, *options = command.split()
    done = subprocess.run(  # noqa: S603 - SUMO's own binary, with options written in this file
        [home / "bin" / tool, "--xml-validation", "never", *options],
        cwd=scratch, env=os.environ | {"SUMO_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RecordingError(f"{tool} failed with exit code {done.returncode}: {done.stderr.strip()[-600:]}")


def simulate(home: Path, seed: int, vehicles: int) -> tuple[dict[str, str], dict[str, list[Sample]]]:
    """Build the town and run its day; return each trip's temperament and its 1 Hz samples, by trip id."""
    rng = random.Random(seed)  # noqa: S311 - has to be reproducible, not secret
    town = Town(rng)
    planned, routes = demand(rng, town, vehicles)
    trips: dict[str, list[Sample]] = {trip: [] for trip in planned}
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        (scratch / "nod.xml").write_text(f"<nodes>{''.join(town.node_xml)}</nodes>")
        (scratch / "edg.xml").write_text(f"<edges>{''.join(town.edge_xml)}</edges>")
        (scratch / "rou.xml").write_text(routes)
        build = (
            "netconvert -n nod.xml -e edg.xml -o net.xml --ramps.guess --no-turnarounds --default.junctions.radius 8"
        )
        call(home, scratch, build)
        # Half-second steps let drivers follow closer than a second; rerouting keeps queues from locking up.
        drive = (
            f"sumo -n net.xml -r rou.xml --seed {seed} --begin {DAY_BEGIN_S} --end {DAY_END_S} --step-length 0.5 "
            "--device.rerouting.probability 0.5 --device.fcd.probability 0 --device.fcd.period 1 --precision 4 "
            "--fcd-output fcd.xml --fcd-output.attributes speed,angle,acceleration,odometer,fuel --no-step-log"
        )
        call(home, scratch, drive)
        time_s = 0
        for _, node in ET.iterparse(scratch / "fcd.xml", events=("start",)):  # noqa: S314 - written by SUMO just now
            if node.tag == "timestep":
                time_s = round(float(node.attrib["time"]))
            elif node.tag == "vehicle":
                values = (float(node.attrib[k]) for k in ("speed", "angle", "acceleration", "odometer", "fuel"))
                trips[node.attrib["id"]].append(Sample(time_s, *values))
    return planned, trips


def check(trips: dict[str, list[Sample]]) -> None:
    """Raise RecordingError unless each trip is whole: 1 Hz, standing at both ends, well after the last."""
    arrived: dict[str, int] = {}
    for trip, samples in trips.items():
        driver = trip.split(".")[0]
        if not samples or samples[-1].time_s >= DAY_END_S - 1:
            raise RecordingError(f"{trip} did not arrive before the day ended; use another --seed")
        if samples[-1].time_s - samples[0].time_s != len(samples) - 1:
            raise RecordingError(f"{trip} has missing seconds (SUMO moved it out of a jam); use another --seed")
        if max(samples[0].speed_mps, samples[-1].speed_mps) >= STANDING_MPS:
            raise RecordingError(f"{trip} does not stand at both ends; use another --seed")
        if samples[0].time_s - arrived.get(driver, 0) < MIN_GAP_S:
            raise RecordingError(f"{trip} starts under {MIN_GAP_S} s after the trip before; use another --seed")
        arrived[driver] = samples[-1].time_s


def write_csv(path: Path, trips: Sequence[Sequence[Sample]]) -> None:
    """Write one driver's day: km/h, degrees 0..360, m/s², km since the first trip, l/100 km or empty."""
    text, before_m = io.StringIO(), 0.0
    text.write(HEADER)
    for samples in trips:
        for s in samples:
            when = (MIDNIGHT + timedelta(seconds=s.time_s)).strftime("%Y-%m-%dT%H:%M:%SZ")
            # Per distance, consumption is undefined while standing; an empty field says so.
            moving = s.speed_mps >= STANDING_MPS
            l_per_100km = f"{s.fuel_mgps / s.speed_mps / PETROL_MG_PER_L * 100_000:.1f}" if moving else ""
            # Rounding first keeps 360.0 and -0.00 out of the file.
            heading_deg, accel_mps2 = round(s.heading_deg, 1) % 360, round(s.accel_mps2, 2) + 0.0
            distance_km = (before_m + s.odometer_m) / 1000
            text.write(f"{when},{s.speed_mps * 3.6:.2f},{heading_deg:.1f},{accel_mps2:.2f},")
            text.write(f"{distance_km:.3f},{l_per_100km}\n")
        before_m += samples[-1].odometer_m
    # No file name and no time in the gzip header: the same samples give the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.getvalue().encode())


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: record the day and print a Markdown table of what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m headway_simulators.sumo.record",
        description="Simulate one day in a synthetic town with Eclipse SUMO and write each tracked driver's "
        "trips as OUT_DIR/driver-NN.csv.gz at 1 Hz. Takes one to two minutes.",
        epilog="Needs: pip install eclipse-sumo. The same seed, SUMO version and Python give the same bytes.",
    )
    parser.add_argument("out_dir", metavar="OUT_DIR", type=Path, help="directory to write to; made when missing")
    parser.add_argument("--seed", type=int, default=1, help="seed of town, traffic and drivers (default: 1)")
    parser.add_argument("--vehicles", type=int, default=14, help="tracked drivers, 1 to 99 (default: 14)")
    args = parser.parse_args(argv)
    if not 1 <= args.vehicles <= 99:
        parser.error(f"--vehicles must be 1 to 99, not {args.vehicles}")
    try:
        home = sumo_home()
        args.out_dir.mkdir(parents=True, exist_ok=True)
        planned, trips = simulate(home, args.seed, args.vehicles)
        check(trips)
        days = {name: list(ids) for name, ids in itertools.groupby(planned, lambda trip: trip.split(".")[0])}
        for name, ids in days.items():
            write_csv(args.out_dir / f"{name}.csv.gz", [trips[trip] for trip in ids])
    except (RecordingError, OSError) as error:
        raise SystemExit(f"record: {error}") from error
    say = sys.stdout.write
    say(f"SUMO {importlib.metadata.version('eclipse-sumo')}, seed {args.seed}\n\n")
    say("| driver | temperament | trips | km | seconds | shortest km | longest km | top km/h |\n")
    say("|---|---|--:|--:|--:|--:|--:|--:|\n")
    for name, ids in days.items():
        lengths_km = [trips[trip][-1].odometer_m / 1000 for trip in ids]
        top_kmh = max(s.speed_mps for trip in ids for s in trips[trip]) * 3.6
        say(f"| {name} | {planned[ids[0]]} | {len(ids)} | {sum(lengths_km):.1f} | {sum(len(trips[t]) for t in ids)} ")
        say(f"| {min(lengths_km):.1f} | {max(lengths_km):.1f} | {top_kmh:.0f} |\n")


if __name__ == "__main__":
    main()
