"""Histories computed at once are those of the devices, to the integer."""

import json
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_simulators.command import app
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.recompute import recompute, vehicles_of
from headway_simulators.recordings import read

SHIPPED = Path(str(resources.files("headway_simulators.trips")))
FILES = sorted(SHIPPED.glob("*.csv.gz"))


@pytest.mark.parametrize(("pack", "vehicle_class"), [("private-driving", "car"), ("commercial-driving", "bus")])
def test_it_is_what_the_devices_computed(pack: str, vehicle_class: str) -> None:
    process = find_process(pack)
    told: list[tuple[str, int, int]] = []
    done = recompute([(file.name, [file]) for file in FILES], process, vehicle_class, lambda *step: told.append(step))
    for file, history in zip(FILES, done.histories, strict=True):
        totals = None
        trips = 0
        for episode in episodes(read(file), process, vehicle_class):
            totals = process.merge(totals, process.totals(episode.trip.numbers()))
            trips += 1
        assert (history.vehicle, history.trips, history.totals) == (file.name, trips, totals)
    assert ("reading files", len(FILES), len(FILES)) in told
    assert told[-1] == ("computing", done.samples, done.samples)


def test_a_folder_is_one_vehicle(tmp_path: Path) -> None:
    for day, file in enumerate(FILES[:2]):
        (tmp_path / f"day-{day}.csv.gz").write_bytes(file.read_bytes())
    assert list(vehicles_of([tmp_path, FILES[3]])) == [
        (tmp_path.name, [tmp_path / "day-0.csv.gz", tmp_path / "day-1.csv.gz"]),
        (FILES[3].name, [FILES[3]]),
    ]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(SimulatorError, match=r"has no \.csv or \.csv\.gz files"):
        list(vehicles_of([empty]))


def test_the_command_tells_every_vehicle() -> None:
    found = CliRunner().invoke(app, ["recompute", *map(str, FILES[:3]), "--json"])
    assert found.exit_code == 0, found.output
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [line["vehicle"] for line in lines] == [file.name for file in FILES[:3]]
    assert all(line["trips"] == line["characteristics"]["trips"] > 0 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pack", "wellness", "--class", "actigraph"], "epochs of 1000 ms; pack wellness counts in epochs of 60000"),
        (["--class", "boat"], "knows the classes"),
        (["--pack", "nonsense"], "there is no pack 'nonsense'"),
    ],
)
def test_what_cannot_be_computed_says_why(arguments: list[str], message: str) -> None:
    found = CliRunner().invoke(app, ["recompute", str(FILES[0]), *arguments])
    assert found.exit_code == 1
    assert message in found.stderr
