"""`headway replay --offline --json`: what scripts rely on, and how bad input is met."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headway_edge import packs
from headway_edge.core.gate_names import GATE_NAMES
from headway_protocol import record
from headway_simulators.command.replay import parse_broker
from headway_simulators.recordings import read

HEADER = "timestamp,Vehicle.Speed\n"
START = datetime(2026, 3, 2, 7, 10, tzinfo=UTC)


def headway(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headway_simulators", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def drive(path: Path, speeds_kmh: list[float], first_s: int = 0) -> Path:
    lines = [f"{(START + timedelta(seconds=first_s + i)).isoformat()},{speed}\n" for i, speed in enumerate(speeds_kmh)]
    path.write_text(HEADER + "".join(lines))
    return path


def test_every_trip_is_one_json_object_a_line_with_all_its_numbers(tmp_path: Path) -> None:
    speeds = [0, 0, *[36] * 100, 0, *[72] * 50, 20, 0, 0]
    path = drive(tmp_path / "trip.csv", speeds)
    done = headway("replay", path, "--offline", "--json", "--class", "bus")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    trip = json.loads(line)
    assert trip["file"] == str(path)
    assert trip["class"] == "bus"
    assert (trip["start"], trip["end"]) == ("2026-03-02T07:10:01Z", "2026-03-02T07:12:34Z")
    values = {key: (item["id"], item["value"], item["unit"]) for key, item in trip["characteristics"].items()}
    # 99 s at 10 m/s, 49 s at 20 m/s, and the trapezia of 5 changes of speed.
    assert values["distance_km"] == (1, round((990 + 980 + 5 + 5 + 10 + 12.778 + 2.778) / 1000, 3), "km")
    assert values["elapsed_s"] == (2, 153.0, "s")
    assert values["driving_s"] == (3, 151.0, "s")
    assert values["stopped_s"] == (4, 3.0, "s")
    assert values["stops"] == (8, 2, "1")
    assert values["max_speed_kmh"] == (9, 72.0, "km/h")
    assert values["hard_accelerations"] == (11, 2, "1")
    assert values["hard_brakings"] == (12, 2, "1")
    assert values["speed_band_05_s"] == (25, 100.0, "s")
    assert sum(values[f"speed_band_{band:02d}_s"][1] for band in range(17)) == 154.0
    assert trip["events"] == [
        {"event": "hard_acceleration", "time": "2026-03-02T07:10:02Z"},
        {"event": "hard_braking", "time": "2026-03-02T07:11:42Z"},
        {"event": "hard_acceleration", "time": "2026-03-02T07:11:43Z"},
        {"event": "hard_braking", "time": "2026-03-02T07:12:33Z"},
    ]
    assert trip["gates"] == dict.fromkeys(GATE_NAMES, 0)
    envelope = record.decode(bytes.fromhex(trip["record"]))
    pack_id, start_ago_ms, packed, _, utc_offset_min, revises = record.parse_episode(envelope.body)
    assert pack_id.hex() == trip["pack"]["id"]
    assert envelope.wall_ms is not None
    assert envelope.wall_ms - start_ago_ms == int((START + timedelta(seconds=1)).timestamp() * 1000)
    assert (utc_offset_min, revises) == (0, None)
    process = packs.load("private-driving")
    assert process.count("stops", process.numbers(packed)) == 2
    assert trip["contexts"] == {name: name == "short" for name in process.contexts}


def test_one_bad_file_is_named_and_the_others_are_replayed(tmp_path: Path) -> None:
    good = drive(tmp_path / "good.csv", [36] * 60)
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)))
    done = headway("replay", tmp_path / "absent.csv", tmp_path / "binary.csv", good, "--offline", "--json")
    assert done.returncode == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [str(good)]
    assert "absent.csv: there is no such file" in done.stderr
    assert "binary.csv is a binary file" in done.stderr
    assert "Traceback" not in done.stderr


def test_time_running_backwards_is_counted_and_the_trip_goes_on(tmp_path: Path) -> None:
    path = drive(tmp_path / "trip.csv", [36] * 60)
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(rows[:40] + rows[20:25] + rows[40:]))
    (line,) = headway("replay", path, "--offline", "--json").stdout.splitlines()
    trip = json.loads(line)
    assert trip["gates"]["backwards"] == 5
    assert trip["characteristics"]["elapsed_s"]["value"] == 59.0
    assert trip["characteristics"]["distance_km"]["value"] == 0.59


def test_a_recording_wholly_backwards_makes_no_trip_and_says_so(tmp_path: Path) -> None:
    path = drive(tmp_path / "trip.csv", [36] * 600)
    header, *rows = path.read_text().splitlines(keepends=True)
    path.write_text(header + "".join(reversed(rows)))
    done = headway("replay", path, "--offline", "--json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "600 samples, but no trip" in done.stderr


def test_a_jump_back_of_a_day_ends_the_trip_and_begins_another(tmp_path: Path) -> None:
    path = drive(tmp_path / "trip.csv", [36] * 60)
    later = drive(tmp_path / "later.csv", [18] * 60, first_s=-86400)
    path.write_text(path.read_text() + later.read_text().removeprefix(HEADER))
    lines = headway("replay", path, "--offline", "--json").stdout.splitlines()
    trips = [json.loads(line) for line in lines]
    assert [trip["start"] for trip in trips] == ["2026-03-02T07:10:00Z", "2026-03-01T07:10:00Z"]
    assert [trip["characteristics"]["distance_km"]["value"] for trip in trips] == [0.59, 0.295]


def test_text_in_numbers_is_counted_in_the_output(tmp_path: Path) -> None:
    path = drive(tmp_path / "trip.csv", [36] * 60)
    path.write_text(path.read_text().replace("07:10:30+00:00,36", "07:10:30+00:00,quick"))
    (line,) = headway("replay", path, "--offline", "--json").stdout.splitlines()
    trip = json.loads(line)
    assert trip["unreadable"] == {"Vehicle.Speed_unreadable": 1}
    assert (trip["gates"]["missing"], trip["gates"]["gaps"], trip["gates"]["gap_s"]) == (1, 1, 1.0)


def test_an_unknown_pack_and_a_bad_broker_are_refused_with_what_is_known(tmp_path: Path) -> None:
    path = drive(tmp_path / "trip.csv", [36] * 60)
    done = headway("replay", path, "--offline", "--pack", "sailing")
    assert done.returncode == 1
    assert "there is no pack 'sailing'. Known: " in done.stderr
    assert "private-driving" in done.stderr
    assert "or name a .toml or .cbor file." in done.stderr
    done = headway("replay", path, "--broker", "localhost:http", "--store", tmp_path)
    assert done.returncode == 1
    assert "is no broker: use HOST or HOST:PORT" in done.stderr
    assert parse_broker("broker.example:8883") == ("broker.example", 8883)


def test_a_broker_that_is_not_there_costs_nothing_but_time(tmp_path: Path) -> None:
    path = drive(tmp_path / "trip.csv", [36] * 60)
    done = headway("replay", path, "--broker", "127.0.0.1:1", "--store", tmp_path / "store", "--timeout-s", 1)
    assert done.returncode == 1
    assert "were not acknowledged within 1 s" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_shipped_trips_are_what_sumo_says_they_are() -> None:
    """51 trips of 14 drivers; our distance against SUMO's own odometer, within 0.5 %."""
    folder = Path(__file__).parents[2] / "simulators/headway_simulators/trips"
    files = sorted(folder.glob("*.csv.gz"))
    done = headway("replay", *files, "--offline", "--json")
    assert done.returncode == 0
    trips = [json.loads(line) for line in done.stdout.splitlines()]
    assert (len(files), len(trips)) == (14, 51)
    for path in files:
        assert read(path).problems == {}
        ours_km = sum(t["characteristics"]["distance_km"]["value"] for t in trips if t["file"] == str(path))
        odometer_km = _last_odometer_km(path)
        assert abs(ours_km - odometer_km) <= 0.005 * odometer_km


def _last_odometer_km(path: Path) -> float:
    import csv
    import gzip

    with gzip.open(path, "rt", newline="") as file:
        return float(list(csv.DictReader(file))[-1]["Vehicle.TraveledDistance"])
