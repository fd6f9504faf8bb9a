"""Trips held against a device's own samples: what is honest agrees, what is not is named, and what nobody can tell is said."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import (
    Device,
    Store,
    changed,
    csv,
    is_trip,
    only,
    part,
    payloads_of,
    replayed,
    samples_of,
    verdicts,
)

from headway_edge.core.data_quality import GAPS, NO_SPEED
from headway_protocol import record
from headway_server.audit.computed_trips import RunSamples
from headway_server.audit.differences import CHARACTERISTIC, COUNT, GATE, START
from headway_server.audit.findings import Verdict
from headway_server.audit.judgement import judged, pairs_of
from headway_server.audit.stored_runs import StoredTrip
from headway_server.errors import ServerError
from headway_server.packs.catalogue import for_device
from headway_simulators import nrel
from headway_simulators.demo import shipped_sources
from headway_simulators.fleet_replay import FleetSetup, Vehicle, VehicleSource
from headway_simulators.processes import find_process
from headway_simulators.recordings import read

pytestmark = pytest.mark.anyio

FILES = [source.files[0] for source in shipped_sources()]
PROCESS = find_process("private-driving")
STOPS = PROCESS.places("stops")[0]
WHOLE = samples_of(FILES[0])


@pytest.fixture(scope="module")
def payloads(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The birth and the four trips of the first driver that ships."""
    found = replayed(tmp_path_factory.mktemp("replay"), PROCESS, "car", [FILES[0]])
    assert [is_trip(payload) for payload in found] == [False, True, True, True, True]
    return found


@pytest.mark.parametrize(
    ("pack", "vehicle_class"),
    [
        ("private-driving", "car"),
        ("commercial-driving", "truck"),
        ("commercial-driving", "taxi"),
        ("eco-driving", "bus"),
    ],
)
async def test_what_the_agents_sent_is_what_their_samples_give(
    store: Store, tmp_path: Path, pack: str, vehicle_class: str
) -> None:
    process = find_process(pack)
    for i, file in enumerate(FILES[:3]):
        await store.take(replayed(tmp_path / str(i), process, vehicle_class, [file]), f"depot/{i}")
    for i, (file, trips) in enumerate(zip(FILES, (4, 3, 4), strict=False)):
        found = await store.audit(samples_of(file), f"depot/{i}")
        assert verdicts(found) == {Verdict.AGREES: trips}
        assert (found.classes, found.samples, found.wrong, found.is_foreign) == (
            [vehicle_class],
            len(samples_of(file)),
            [],
            False,
        )


async def test_a_trip_that_was_changed_is_found_and_its_numbers_are_named(store: Store, payloads: list[bytes]) -> None:
    payloads = [*payloads[:2], changed(payloads[2], PROCESS, {STOPS: 3}), *payloads[3:]]
    await store.take(payloads)
    assert await store.is_consistent(), "the records alone do not tell"
    found = await store.audit(WHOLE)
    assert verdicts(found) == {Verdict.AGREES: 3, Verdict.DIFFERS: 1}
    finding = only(found, Verdict.DIFFERS)
    assert finding.place == (1, 3)
    stored, honest = finding.differences[0].stored, finding.differences[0].computed
    assert int(stored) == int(honest) + 3
    assert [(one.kind, one.name, one.unit, one.stored, one.computed) for one in finding.differences] == [
        (COUNT, "stops", "", stored, honest),
        (CHARACTERISTIC, "Stops", "", stored, honest),
    ]


async def test_numbers_are_named_with_their_units(store: Store, payloads: list[bytes]) -> None:
    bands = PROCESS.places("speed_bands")
    await store.take([payloads[0], changed(payloads[1], PROCESS, {1: 100, bands[3]: 10, bands[4]: -10}), *payloads[2:]])
    named = {(one.name, one.unit) for one in only(await store.audit(WHOLE), Verdict.DIFFERS).differences}
    assert {("distance", "m"), ("speed_bands[3]", "0.1 s"), ("Distance", "km"), ("Mean speed", "km/h")} <= named


@pytest.mark.parametrize(
    ("how", "kind", "name"),
    [
        ({"start_by_ms": 1000}, START, "start"),
        ({"gate": GAPS}, GATE, "gaps"),
        ({"gate": NO_SPEED}, GATE, "missing"),
    ],
)
async def test_a_changed_start_or_gate_is_found(
    store: Store, payloads: list[bytes], how: dict[str, int], kind: str, name: str
) -> None:
    await store.take([*payloads[:2], changed(payloads[2], PROCESS, {}, **how), *payloads[3:]])
    (difference,) = only(await store.audit(WHOLE), Verdict.DIFFERS).differences
    assert (difference.kind, difference.name) == (kind, name)
    assert difference.stored != difference.computed


async def test_what_came_before_the_samples_is_no_contradiction(store: Store, payloads: list[bytes]) -> None:
    await store.take([payloads[0], changed(payloads[1], PROCESS, {}, gate=NO_SPEED), *payloads[2:]])
    found = await store.audit(WHOLE)
    assert verdicts(found) == {Verdict.AGREES: 3, Verdict.UNDECIDED: 1}
    assert [one.name for one in only(found, Verdict.UNDECIDED).differences] == ["missing"]


async def test_a_trip_that_is_not_stored_is_found(store: Store, payloads: list[bytes]) -> None:
    await store.take([*payloads[:3], *payloads[4:]])
    found = await store.audit(WHOLE)
    assert verdicts(found) == {Verdict.AGREES: 3, Verdict.NOT_STORED: 1}
    missing = only(found, Verdict.NOT_STORED)
    item = record.decode(payloads[3])
    assert item.wall_ms is not None
    assert (missing.place, missing.start_ms) == (None, item.wall_ms - record.parse_episode(item.body)[1])


async def test_a_trip_that_was_made_up_is_found(store: Store, payloads: list[bytes]) -> None:
    item = record.decode(changed(payloads[2], PROCESS, {}, start_by_ms=-3_600_000))
    item.seq = 6
    await store.take([*payloads, record.encode(item)])
    found = await store.audit(WHOLE)
    assert verdicts(found) == {Verdict.AGREES: 4, Verdict.NOT_GIVEN: 1}
    assert only(found, Verdict.NOT_GIVEN).place == (1, 6)


async def test_another_vehicles_recording_is_told_as_such(store: Store, payloads: list[bytes]) -> None:
    await store.take(payloads)
    found = await store.audit(samples_of(FILES[1]))
    assert found.is_foreign
    assert found.counts()[Verdict.AGREES] == 0


async def test_another_class_contradicts(store: Store, tmp_path: Path) -> None:
    process = find_process("commercial-driving")
    await store.take(replayed(tmp_path / "one", process, "taxi", [FILES[4]]))
    found = await store.audit(samples_of(FILES[4]), vehicle_class="truck")
    assert found.classes == ["truck"]
    assert not found.is_foreign
    names = {one.name for finding in found.wrong for one in finding.differences}
    assert names, "the thresholds differ"
    assert all(one.kind in {COUNT, CHARACTERISTIC} for finding in found.wrong for one in finding.differences)


async def test_what_cannot_be_audited_says_why(store: Store, payloads: list[bytes]) -> None:
    await store.take(payloads)
    with pytest.raises(ServerError, match="no device 'depot/two' has ever spoken"):
        await store.audit(WHOLE, "depot/two")
    with pytest.raises(ServerError, match=r"private-driving that depot/one ran knows the classes car, .* not 'boat'"):
        await store.audit(WHOLE, vehicle_class="boat")
    await store.take(payloads[1:], "depot/unborn")
    with pytest.raises(ServerError, match=r"the class of depot/unborn is not known.*name it with --class"):
        await store.audit(WHOLE, "depot/unborn")
    assert verdicts(await store.audit(WHOLE, "depot/unborn", vehicle_class="car")) == {Verdict.AGREES: 4}


# --- Parts of a recording ---


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), pack=st.sampled_from(["private-driving", "commercial-driving"]))
def test_no_part_of_the_own_samples_contradicts(data: st.DataObject, pack: str) -> None:
    process = find_process(pack)
    everything = RunSamples(WHOLE, process.pack, "car", 0, len(WHOLE)).computed(None)
    stored = [
        StoredTrip((1, seq), trip.start_ms, trip.end_ms // 100 * 100, 0, trip.counts, trip.gates, is_correction=False)
        for seq, trip in enumerate(everything.trips, start=2)
    ]
    begin = data.draw(st.integers(0, len(WHOLE) - 1))
    end = data.draw(st.integers(begin + 1, len(WHOLE)))
    cut = part(WHOLE, begin, end)
    computed = RunSamples(cut, process.pack, "car", 0, len(cut)).computed(None)
    found = judged(process, stored, computed, 0, pairs_of(stored, computed))
    unlike = {Verdict.DIFFERS, Verdict.NOT_GIVEN, Verdict.NOT_STORED, Verdict.UNDATED}
    assert not unlike & {finding.verdict for finding in found}
    inside = sum(
        WHOLE.times_ms[begin] <= trip.start_ms and trip.end_ms <= WHOLE.times_ms[end - 1] for trip in everything.trips
    )
    assert sum(finding.verdict in {Verdict.AGREES, Verdict.UNDECIDED} for finding in found) >= inside


async def test_what_lies_outside_is_said_to(store: Store, payloads: list[bytes]) -> None:
    await store.take(payloads)
    trips = (await store.audit(WHOLE)).findings
    begin, end = (int((WHOLE.times_ms < (trip.start_ms or 0)).sum()) for trip in (trips[1], trips[2]))
    inside = part(WHOLE, begin, end)
    assert verdicts(await store.audit(inside)) == {Verdict.AGREES: 1, Verdict.OUTSIDE: 3}
    cut = part(WHOLE, begin + 5, end)
    assert verdicts(await store.audit(cut)) == {Verdict.EDGE: 1, Verdict.OUTSIDE: 3}


async def test_files_that_go_on_are_one_recording(store: Store, payloads: list[bytes], tmp_path: Path) -> None:
    header, *rows = gzip.decompress(FILES[0].read_bytes()).decode().splitlines()
    middle = len(rows) // 8  # in the first trip
    for name, some in (("b", rows[:middle]), ("a", rows[middle:])):
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *some, ""]))
    await store.take([payloads[0], changed(payloads[1], PROCESS, {STOPS: 1}), *payloads[2:]])
    found = await store.audit(samples_of(tmp_path / "a.csv", tmp_path / "b.csv"))
    assert verdicts(found) == {Verdict.AGREES: 3, Verdict.DIFFERS: 1}
    alone = await store.audit(samples_of(tmp_path / "b.csv"))
    assert verdicts(alone) == {Verdict.EDGE: 1, Verdict.OUTSIDE: 3}


async def test_what_a_pack_remembers_of_before_is_no_contradiction(store: Store, tmp_path: Path) -> None:
    """Driving time goes on over rests that are too short; who sees only later trips cannot know it."""
    rows, time_s = [], 1_770_000_000
    for pause_s in (600, 7200, 600, 600):
        rows += [f"{time_s + i},{50 if 0 < i < 1500 else 0}" for i in range(1501)]
        time_s += 1501 + pause_s
    process = find_process("commercial-driving")
    recording = csv(tmp_path / "day.csv", "timestamp,Vehicle.Speed", rows)
    await store.take(replayed(tmp_path / "one", process, "truck", [recording.path]))
    whole = samples_of(recording.path)
    assert verdicts(await store.audit(whole)) == {Verdict.AGREES: 4}
    found = await store.audit(part(whole, 1501, len(whole)))
    assert verdicts(found) == {Verdict.OUTSIDE: 1, Verdict.UNDECIDED: 1, Verdict.AGREES: 2}
    names = {one.name for one in only(found, Verdict.UNDECIDED).differences if one.kind == COUNT}
    assert names == {"longest_driving"}


# --- The device's clock and its local time ---


def night(tmp_path: Path) -> Path:
    """A drive of 40 minutes from 21:40 to 22:20 in Korea, whose times are Unix seconds and so tell no local time."""
    start_s = 1_770_036_000  # 2 February 2026, 12:40 UTC
    rows = [f"{start_s + i},{(40 + i % 30) if 0 < i < 2400 else 0}" for i in range(-150, 2550)]
    return csv(tmp_path / "night.csv", "timestamp,Vehicle.Speed", rows).path


@pytest.mark.parametrize("off_ms", [0, 700, -93_000])
async def test_local_time_is_by_the_devices_own_clock_and_zone(store: Store, tmp_path: Path, off_ms: int) -> None:
    path = night(tmp_path)
    device = Device(tmp_path / "outbox.db", PROCESS, "car", read(path), offset_min=540, off_ms=off_ms)
    device.live()
    await store.take(device.payloads())
    (trip,) = [payload for payload in device.payloads() if is_trip(payload)]
    metres = PROCESS.count("night", PROCESS.numbers(record.parse_episode(record.decode(trip).body)[2]))
    assert metres is not None
    assert 0 < metres < 20_000, "the night begins under way"
    strict = await store.audit(samples_of(path))
    if off_ms:
        assert START in [one.kind for one in only(strict, Verdict.DIFFERS).differences]
    else:
        assert verdicts(strict) == {Verdict.AGREES: 1}
    assert verdicts(await store.audit(samples_of(path), clock_ms=100_000)) == {Verdict.AGREES: 1}


async def test_a_clock_that_was_never_set_leaves_the_counts(
    store: Store, tmp_path: Path, payloads: list[bytes]
) -> None:
    device = Device(tmp_path / "outbox.db", PROCESS, "car", read(FILES[0]), off_ms=None)
    device.live()
    undated = device.payloads()
    await store.take([*undated[:2], changed(undated[2], PROCESS, {STOPS: 1}), *undated[3:]])
    found = await store.audit(WHOLE)
    assert verdicts(found) == {Verdict.AGREES: 3, Verdict.UNDATED: 1, Verdict.NOT_STORED: 1}


async def test_recordings_in_local_time(store: Store, tmp_path: Path) -> None:
    path = night(tmp_path)
    device = Device(tmp_path / "outbox.db", PROCESS, "car", read(path), offset_min=540, ahead_ms=540 * 60_000)
    device.live()
    await store.take(device.payloads())
    assert verdicts(await store.audit(samples_of(path, is_local=True))) == {Verdict.AGREES: 1}
    assert (await store.audit(samples_of(path))).is_foreign


# --- A device's life ---


async def test_each_pack_is_compared_while_it_ran(store: Store, tmp_path: Path) -> None:
    device = Device(tmp_path / "outbox.db", PROCESS, "car", read(FILES[0]))
    offered = store.processes.pack(find_process("eco-driving").id)
    assert offered is not None
    middle = len(WHOLE) // 2
    device.live(0, middle)
    device.live(middle, offer=(offered.data, json.dumps(for_device(offered.process.catalogue))))
    payloads = device.payloads()
    await store.take(payloads)
    found = await store.audit(WHOLE)
    assert verdicts(found) == {Verdict.AGREES: 4}
    assert {finding.process.name for finding in found.findings} == {"private-driving", "eco-driving"}
    assert found.samples == len(WHOLE)

    late = record.decode(payloads[1])  # a correction of a trip of the pack before
    pack_id, ago_ms, counts, gates, offset_min, _ = record.parse_episode(late.body)
    late.body = record.episode_body(pack_id, ago_ms, counts, gates, offset_min, (late.boot, late.seq))
    late.seq = record.decode(payloads[-1]).seq + 1
    await store.take([record.encode(late)])
    corrected = await store.audit(WHOLE)
    assert (verdicts(corrected), corrected.superseded) == ({Verdict.AGREES: 4}, 1)


async def test_a_replay_that_was_cut_off_and_went_on_agrees(store: Store, tmp_path: Path) -> None:
    first = replayed_part(tmp_path, 300)
    whole = replayed(tmp_path / "one", PROCESS, "car", [FILES[0]])
    assert {record.decode(payload).boot for payload in whole} == {1, 2}
    assert len(first) < len(whole)
    await store.take(whole)
    assert verdicts(await store.audit(WHOLE)) == {Verdict.AGREES: 4}


def replayed_part(tmp_path: Path, samples: int) -> list[bytes]:
    vehicle = Vehicle(VehicleSource("one", "car", [FILES[0]], PROCESS), FleetSetup("depot", tmp_path / "one", None))
    vehicle.feed(samples)
    found = payloads_of(vehicle.agent.outbox)
    vehicle.close()
    return found


async def test_records_of_a_pack_that_is_not_known_are_counted(store: Store, payloads: list[bytes]) -> None:
    item = record.decode(payloads[2])
    _, *rest = record.parse_episode(item.body)
    item.body = record.episode_body(b"unknown!", *rest)
    await store.take([*payloads[:2], record.encode(item), *payloads[3:]])
    found = await store.audit(WHOLE)
    assert (found.unread, verdicts(found)) == (1, {Verdict.AGREES: 3, Verdict.NOT_STORED: 1})


async def test_progress_is_told(store: Store, payloads: list[bytes]) -> None:
    await store.take(payloads)
    told: list[tuple[int, int]] = []
    await store.audit(WHOLE, tell=lambda *step: told.append(step))
    assert told == [(len(WHOLE), len(WHOLE))]


# --- Recorded vehicles ---


@pytest.mark.full
async def test_the_trips_of_nrel(store: Store, tmp_path: Path) -> None:
    agreed = 0
    for vehicle in nrel.vehicles():
        device = f"nrel/{vehicle.name.replace('_', '-')}"
        await store.take(replayed(tmp_path / vehicle.name, PROCESS, "car", vehicle.day_files), device)
        found = await store.audit(samples_of(*vehicle.day_files), device)
        assert set(verdicts(found)) == {Verdict.AGREES}, (device, found.wrong)
        agreed += found.counts()[Verdict.AGREES]
    assert agreed == 241
