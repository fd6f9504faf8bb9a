"""Histories computed at once are those of the devices, to the integer."""

import json
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_protocol import counts as packed
from headway_server.bulk.days import BulkDays
from headway_simulators.command import app
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.recompute import recompute, vehicles_of
from headway_simulators.recorded_samples import vehicle_samples
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


def test_days_have_the_weekday_of_their_device(tmp_path: Path) -> None:
    """A wearable's recording tells no weekday: on the device the clock does, which counts for the contexts."""
    process = find_process("wellness")
    file = tmp_path / "band.csv"
    rows = [f"2026-03-0{2 + i // 1440}T{i // 60 % 24:02}:{i % 60:02}:00,5,9" for i in range(3 * 1440)]
    file.write_text("\n".join(["timestamp,Wearable.Steps,Wearable.ActivityCount", *rows, ""]))
    recording = read(file)
    days = [episode.trip for episode in episodes(recording, process, "other")]
    found = BulkDays(process.pack, "other").run([vehicle_samples(process.pack, [recording])])
    assert [packed.pack(wire) for wire in found.wire.tolist()] == [day.counts for day in days]
    assert {process.count("weekday", day.numbers()) for day in days} == {1, 2, 3}, "from Monday on; 0 would be none"


def test_a_folder_is_one_vehicle(tmp_path: Path) -> None:
    for day, file in enumerate(FILES[:2]):
        (tmp_path / f"day-{day}.csv.gz").write_bytes(file.read_bytes())
    assert list(vehicles_of([tmp_path, FILES[3]])) == [
        (tmp_path.name, [tmp_path / "day-0.csv.gz", tmp_path / "day-1.csv.gz"]),
        (FILES[3].name, [FILES[3]]),
    ]
    others = tmp_path / "tachograph"
    others.mkdir()
    for name in ("b.txt", "a.txt", ".hidden"):
        (others / name).touch()
    assert list(vehicles_of([others])) == [("tachograph", [others / "a.txt", others / "b.txt"])]
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


def test_days_are_of_persons(tmp_path: Path) -> None:
    for name in ("anna", "bert"):
        rows = "".join(f"2026-03-02T{i // 60:02}:{i % 60:02}:00,5\n" for i in range(600))
        (tmp_path / f"{name}.csv").write_text("timestamp,Wearable.Steps\n" + rows)
    arguments = ["recompute", *(str(tmp_path / f"{name}.csv") for name in ("anna", "bert")), "--pack", "wellness"]
    shown = CliRunner().invoke(app, [*arguments, "--class", "other"], env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    assert "2 persons, wellness version" in shown.stdout
    assert "2 days of 1,200 epochs, computed in" in shown.stdout
    assert "vehicle" not in shown.stdout
    told = CliRunner().invoke(app, [*arguments, "--class", "other", "--json"])
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert [(line["person"], line["days"]) for line in lines] == [("anna.csv", 1), ("bert.csv", 1)]


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
