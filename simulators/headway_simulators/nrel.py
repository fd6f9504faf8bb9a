"""NREL's recorded trips: 22 vehicles, 241 trips, 219,152 samples at 1 Hz (Chicago, 2007), with NREL's own trip figures.

They travel inside the PyPI package fastsim 2.1.5 (Apache-2.0), used only as a carrier of data: the wheel is fetched with
pip on first use, checked against its SHA-256, and the few files needed are kept in the user's cache.
"""

import csv
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from headway_simulators.errors import SimulatorError

PACKAGE = "fastsim==2.1.5"
# The wheel for CPython 3.11 on Linux, fetched everywhere: only its data are used.
WHEEL_SHA256 = "420c98878f29bc48bf7ac94402bc6ecaa312146a6df49c12c8906a94fe68a543"
_PLATFORM = ["--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp"]
_INSIDE = "fastsim/resources/cycles/cmap_subset/"
_FILES = 70  # 48 day files and 22 trips.csv
_FETCH_TIMEOUT_S = 300


@dataclass(frozen=True)
class Vehicle:
    """One vehicle of the study: its id, its day files in order of time, and NREL's figures for its trips."""

    name: str
    day_files: list[Path]
    trips_file: Path

    def trips(self) -> list[dict[str, str]]:
        """NREL's own row for each trip, in order of time."""
        with self.trips_file.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


def default_cache() -> Path:
    """Where fetched recordings are kept."""
    return Path(platformdirs.user_cache_dir("headway")) / "nrel-2007"


def vehicles(cache: Path | None = None) -> list[Vehicle]:
    """Return the 22 vehicles, fetching them on first use.

    Raises SimulatorError when they are not in the cache and cannot be fetched, or what was fetched is not the data.
    """
    folder = cache or default_cache()
    if not (folder / "complete").exists():
        _fetch(folder)
    found = []
    for trips_file in sorted(folder.glob("*/trips.csv")):
        days = sorted(path for path in trips_file.parent.glob("*.csv") if path.name != "trips.csv")
        found.append(Vehicle(trips_file.parent.name, days, trips_file))
    return found


def _fetch(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="headway-") as scratch:
        wheel = _download(Path(scratch))
        unpacked = Path(scratch) / "unpacked"
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(_INSIDE) and name.endswith(".csv")]
            if len(names) != _FILES:
                raise SimulatorError(
                    f"{PACKAGE} holds {len(names)} trip files, not {_FILES}. Use the shipped trips instead."
                )
            for name in names:
                target = unpacked / name.removeprefix(_INSIDE)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(name))
        (unpacked / "complete").write_text(f"{PACKAGE} {WHEEL_SHA256}\n", encoding="ascii")
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(unpacked, folder)


def _download(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *_PLATFORM]
    try:
        done = subprocess.run(
            [*command, "--dest", str(scratch), PACKAGE],
            capture_output=True,
            text=True,
            timeout=_FETCH_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SimulatorError(
            f"the recorded trips could not be fetched: {error}. Check the network and try again."
        ) from error
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SimulatorError(
            f"the recorded trips ({PACKAGE}) could not be fetched: {last}. Check the network and try again."
        )
    found = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise SimulatorError(
            f"{wheels[0].name} has SHA-256 {found[:16]}…, expected {WHEEL_SHA256[:16]}…: it is not the file this version "
            "was tested with, and nothing of it was used. Try again, or from another network."
        )
    return wheels[0]
