"""`headway record`: a trip's record in every form, and the samples it stands for."""

import subprocess
import sys
from pathlib import Path

import pytest

from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.recordings import read

FILE = Path(__file__).parents[2] / "simulators/headway_simulators/trips/driver-01.csv.gz"


@pytest.mark.parametrize("everything", [False, True])
def test_a_trip_is_shown_as_bytes_diagnostic_json_and_samples(everything: bool) -> None:
    command = [sys.executable, "-m", "headway_simulators", "record", FILE, "--trip", "2"]
    done = subprocess.run(
        [*command, *(["--all-samples"] if everything else [])], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    unwrapped = done.stdout.replace("\n", "")
    trip = list(episodes(read(FILE), find_process(), "car"))[1]
    assert trip.payload.hex() in unwrapped
    assert "[1, 2, 1, 2, " in unwrapped
    assert f'"distance":{trip.trip.numbers()[1]}' in unwrapped
    samples = [line for line in done.stdout.splitlines() if line[:2] == "17" and "," in line]
    assert len(samples) == (223 if everything else 5)
    assert ("--all-samples prints them" in done.stdout) is not everything


def test_a_trip_that_is_not_there_is_named() -> None:
    command = [sys.executable, "-m", "headway_simulators", "record", FILE, "--trip", "9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "has 4 trips, no number 9" in done.stderr
