"""Any pack over any recording: a process is data, and a new characteristic needs no code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headway_edge.core.pack import Pack
from headway_protocol import counts, record
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators import nrel, offline_replay, pack_replay
from headway_simulators.recordings import read

TRIPS = Path(__file__).parents[2] / "simulators/headway_simulators/trips"


def headway(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headway_simulators", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_new_characteristic_is_a_few_lines_of_toml_and_no_code(tmp_path: Path) -> None:
    text = library.path("private-driving").read_text()
    mine = tmp_path / "mine.toml"
    mine.write_text(
        text
        + """
[accumulators.crawling]
kind = "time"
when = "0*kmh < speed < 10*kmh"
about = "Time at a crawl."

[trip.crawling_s]
id = 60
title = "Crawling"
unit = "s"
decimals = 1
direction = "lower"
numerator = ["crawling"]
about = "Time over 0 and under 10 km/h."
"""
    )
    path = TRIPS / "driver-01.csv.gz"
    done = headway("replay", path, "--offline", "--json", "--pack", mine)
    assert done.returncode == 0, done.stderr
    trips = [json.loads(line) for line in done.stdout.splitlines()]
    samples = read(path).samples
    crawling_s = sum(0 < sample.speed_ckmh < 1000 for sample in samples)
    assert sum(trip["characteristics"]["crawling_s"]["value"] for trip in trips) == crawling_s > 20
    assert {trip["characteristics"]["crawling_s"]["id"] for trip in trips} == {60}
    assert {trip["pack"]["id"] for trip in trips} != {compile_file(library.path("private-driving")).id.hex()}


def test_the_eleven_behaviours_are_told_with_their_times() -> None:
    done = headway(
        "replay", TRIPS / "driver-06.csv.gz", "--offline", "--json", "--pack", "commercial-driving", "--class", "truck"
    )
    assert (done.returncode, done.stderr) == (0, "")
    trips = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(trips) == 3
    pack = Pack(compile_file(library.path("commercial-driving")).data)
    for trip in trips:
        assert trip["class"] == "truck"
        assert trip["pack"]["name"] == "commercial-driving"
        times = [event["time"] for event in trip["events"]]
        assert times == sorted(times)
        assert all(trip["start"] <= time <= trip["end"] for time in times)
        _, _, cells, _ = record.parse_episode(record.decode(bytes.fromhex(trip["record"])).body)
        assert sum(counts.unpack(cells, len(pack.cells))[pack.first_event :]) == len(times)
    assert {event["event"] for trip in trips for event in trip["events"]} >= {
        "rapid_acceleration",
        "rapid_deceleration",
    }


def test_a_compiled_pack_replays_as_its_source_does(tmp_path: Path) -> None:
    compiled = tmp_path / "pack.cbor"
    compiled.write_bytes(compile_file(library.path("private-driving")).data)
    path = TRIPS / "driver-02.csv.gz"
    by_source = headway("replay", path, "--offline", "--json", "--pack", "private-driving").stdout.splitlines()
    by_compiled = headway("replay", path, "--offline", "--json", "--pack", compiled).stdout.splitlines()
    assert len(by_source) == 3
    for one, other in zip(map(json.loads, by_source), map(json.loads, by_compiled), strict=True):
        assert one["record"] == other["record"]


def test_what_is_no_pack_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = TRIPS / "driver-01.csv.gz"
    (tmp_path / "bad.toml").write_text(library.path("private-driving").read_text().replace("29*kmh", "29*kg"))
    (tmp_path / "bad.cbor").write_bytes(b"\x81\x01")
    for pack, reason in (
        (tmp_path / "bad.toml", "bad.toml"),
        (tmp_path / "bad.cbor", "not a compiled pack"),
        (tmp_path / "absent.toml", "there is no pack"),
    ):
        done = headway("replay", path, "--offline", "--json", "--pack", pack)
        assert (done.returncode, done.stdout) == (1, "")
        assert reason in done.stderr
        assert "Traceback" not in done.stderr
    done = headway("replay", path, "--pack", "private-driving")
    assert done.returncode == 1
    assert "--pack goes with --offline" in done.stderr


@pytest.mark.full
def test_private_driving_as_a_pack_tells_of_all_recorded_trips_what_the_agent_tells() -> None:
    named = pack_replay.find_pack("private-driving")
    trips = 0
    for path in (path for vehicle in nrel.vehicles() for path in vehicle.day_files):
        recording = read(path)
        by_pack = pack_replay.episodes(recording, named, "car")
        for one, other in zip(by_pack, offline_replay.episodes(recording, "car"), strict=True):
            trips += 1
            packed, built_in = json.loads(one.as_json_line()), json.loads(other.as_json_line())
            for key, item in built_in["characteristics"].items():
                assert packed["characteristics"][key] == item
            for key in ("start", "end", "gates"):
                assert packed[key] == built_in[key]
            assert [event["time"] for event in packed["events"]] == [event["time"] for event in built_in["events"]]
    assert trips == 241
