"""Any pack over any recording: a process is data, and a new characteristic needs no code."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.hand_written import as_pack, definition
from bench.hand_written.trip import TripCore

from headway_edge.core.data_quality import CLOSED, OPENED, wire_gates
from headway_edge.core.pack import Pack
from headway_protocol import counts, record
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators import nrel
from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.recording import Recording
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
id = 95
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
    assert {trip["characteristics"]["crawling_s"]["id"] for trip in trips} == {95}
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
        cells = record.parse_episode(record.decode(bytes.fromhex(trip["record"])).body)[2]
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


def test_a_class_that_the_pack_does_not_know_is_refused_with_those_it_knows() -> None:
    done = headway("replay", TRIPS / "driver-01.csv.gz", "--offline", "--pack", "private-driving", "--class", "tram")
    assert (done.returncode, done.stdout) == (1, "")
    assert "knows the classes car, taxi, bus, truck, not tram" in done.stderr


@pytest.mark.full
def test_private_driving_counts_of_all_recorded_trips_what_the_hand_written_core_counts() -> None:
    process = find_process()
    trips = 0
    for path in (path for vehicle in nrel.vehicles() for path in vehicle.day_files):
        recording = read(path)
        by_hand = list(hand_written_trips(recording))
        by_pack = [episode.trip for episode in episodes(recording, process, "car")]
        assert len(by_pack) == len(by_hand)
        for trip, (start_ms, counted, gates) in zip(by_pack, by_hand, strict=True):
            trips += 1
            numbers = trip.numbers()
            places = [place for name in SAME for place in process.places(name)]
            assert [numbers[place] for place in places] == counted
            assert trip.gates == wire_gates(gates)
            assert trip.start_ms == start_ms
            assert len(trip.events) == sum(counted[-2:])
    assert trips == 241


# Names in the order of `as_pack.CELLS`.
SAME = (
    "elapsed",
    "distance",
    "low_speed",
    "idle",
    "stops",
    "speed_max",
    "speed_bands",
    "hard_acceleration",
    "hard_braking",
)
TIMES = {definition.ELAPSED, definition.LOW_SPEED, definition.IDLE, *range(definition.BAND_0, definition.COUNTS)}


def hand_written_trips(recording: Recording) -> Iterator[tuple[int, list[int], list[int]]]:
    """(start, counts in the order of SAME with times in tenths of a second, gates) of each trip of a recording."""
    core = TripCore("car", recording.period_ms)
    start_ms, last_ms = 0, recording.samples[0].wall_ms
    for sample in [*recording.samples, None]:
        if sample is None:
            flags = core.finish()
        else:
            flags = core.update(sample.wall_ms - last_ms, sample.speed_ckmh, sample.rpm, sample.ignition)
            last_ms = sample.wall_ms
        if flags & CLOSED:
            counted = [(core.closed[i] + 50) // 100 if i in TIMES else core.closed[i] for i in as_pack.CELLS]
            yield start_ms, counted, list(core.closed_gates)
        if flags & OPENED:
            start_ms = last_ms - core.lead_ms
