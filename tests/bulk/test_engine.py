"""The bulk engine's own promises: order, progress, errors, long vehicles; and cases worked out by hand."""

import numpy as np
import pytest
from bench.hand_written import definition
from bench.hand_written.trip import TripCore
from made_packs import everything, made_pack
from scalar import assert_same

from headway_edge.core.data_quality import CLOSED
from headway_edge.core.pack import Pack
from headway_server.bulk import engine
from headway_server.bulk.engine import BulkEngine
from headway_server.bulk.samples import VehicleSamples
from headway_server.packs import library
from headway_server.packs.compile import compile_file

STANDING_S = definition.STANDING_MS // 1000


def driving(*parts: tuple[int, int], signals: int = 6) -> VehicleSamples:
    """One vehicle at 1 Hz that drives at each speed (0.01 km/h) for so many seconds."""
    speed = np.concatenate([np.full(seconds, speed_ckmh, np.int64) for speed_ckmh, seconds in parts])
    return VehicleSamples(np.full(len(speed), 1000), [speed, *[None] * (signals - 1)])


def test_trips_come_in_order_of_vehicles_whichever_way_they_took(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = everything()
    orderly = driving((0, 3), (3600, 20), (0, 20), (1800, 15))
    disorderly = VehicleSamples(np.where(np.arange(58) == 30, -5, 1000), orderly.signals)
    vehicles = [orderly, disorderly, driving((0, 5)), orderly, disorderly]
    whole = BulkEngine(pack, "one").run(vehicles)
    assert whole.vehicle.tolist() == sorted(whole.vehicle.tolist())
    assert set(whole.vehicle.tolist()) == {0, 1, 3, 4}
    monkeypatch.setattr(engine, "BLOCK_SAMPLES", 25)
    assert_same(pack, "one", 1000, vehicles)
    for threads in (1, 3):
        parts = BulkEngine(pack, "one").run(vehicles, threads)
        assert np.array_equal(parts.wire, whole.wire)
        assert np.array_equal(parts.gates, whole.gates)
        assert np.array_equal(parts.events.trip, whole.events.trip)
        assert np.array_equal(parts.events.counted_at, whole.events.counted_at)


def test_a_long_vehicle_is_computed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BLOCK_SAMPLES", 50)
    parts = [(3600, 20), (0, 3), (2500, 9), (0, 30)] * 12
    assert assert_same(everything(), "other", 1000, [driving(*parts)]) == 12


def test_progress_is_told_for_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BLOCK_SAMPLES", 40)
    told: list[tuple[int, int]] = []
    BulkEngine(everything(), "one").run([driving((3600, 30))] * 4, 2, lambda done, total: told.append((done, total)))
    assert told == [(30, 120), (60, 120), (90, 120), (120, 120)]


@pytest.mark.parametrize("vehicles", [[], [driving((0, 0))], [driving((0, 9))]])
def test_no_trips_are_no_trips(vehicles: list[VehicleSamples]) -> None:
    found = BulkEngine(everything(), "one").run(vehicles)
    assert len(found) == len(found.events) == 0
    assert found.wire.shape == (0, len(everything().cells))


def test_what_does_not_fit_is_refused_with_the_reason() -> None:
    pack = everything()
    with pytest.raises(ValueError, match="period of 39 ms"):
        BulkEngine(pack, "one", 39)
    with pytest.raises(ValueError, match="'bicycle'"):
        BulkEngine(pack, "bicycle")
    with pytest.raises(ValueError, match="5 signals; pack made has 6"):
        BulkEngine(pack, "one").run([driving((0, 3), signals=5)])
    with pytest.raises(ValueError, match=r"Vehicle.Speed has shape \(3,\), the steps \(2,\)"):
        BulkEngine(pack, "one").run([VehicleSamples(np.zeros(2, np.int64), driving((0, 3)).signals)])
    with pytest.raises(ValueError, match=r"Vehicle\.Speed is None"):
        BulkEngine(pack, "one").run([VehicleSamples(np.zeros(2, np.int64), [None] * 6)])


def test_after_standing_too_long_a_trip_begins_with_the_sample_driven_off_from() -> None:
    """Held against the core written by hand: the drive off is a hard acceleration, which needs the sample before it."""
    pack = Pack(compile_file(library.path("private-driving")).data)
    vehicle = driving((3600, 20), (0, STANDING_S + 1), (3600, 20), signals=len(pack.signals))
    found = BulkEngine(pack, "car").run([vehicle])
    core = TripCore("car")
    speed = vehicle.signals[0]
    assert speed is not None
    closed = [list(core.closed) for speed_ckmh in speed.tolist() if core.update(1000, speed_ckmh) & CLOSED]
    closed += [list(core.closed) for _ in range(1) if core.finish()]
    assert len(closed) == 2
    assert found.first_sample.tolist() == [0, 20 + STANDING_S]
    assert found.numbers[:, 0].tolist() == [trip[definition.ELAPSED] for trip in closed]
    assert found.numbers[:, 1].tolist() == [trip[definition.DISTANCE] for trip in closed]
    drive_off = found.events.fired_at[found.events.trip == 1].tolist()
    assert drive_off == [21 + STANDING_S]
    assert closed[1][definition.HARD_ACCELERATION] == 1


def test_a_trip_that_is_open_for_too_long_is_cut() -> None:
    # The limit of these rules is a minute: the sample after it closes the trip, and nothing is built upon it.
    vehicle = driving((3600, 150), (0, 5), (3600, 200))
    found = BulkEngine(everything(), "one").run([vehicle])
    assert found.first_sample.tolist() == [0, 61, 122, 183, 244, 305]
    assert_same(everything(), "one", 1000, [vehicle])


def test_firings_that_wait_together_are_told_one_by_one() -> None:
    # Up at every second sample; counted together when nothing has suppressed the first for ten seconds.
    pack = made_pack(
        [],
        [],
        [[["==", ["s", 4], 7], 0, 0, [1], 10000], [["==", ["s", 4], 9], 0, 0, [], 0]],
        [1500, 300000, 1800000, 432000000, 0, 0],
    )
    speed = np.full(30, 3600)
    acceleration = np.where(np.arange(30) % 2 == 1, 7, 0)
    vehicle = VehicleSamples(np.full(30, 1000), [speed, None, None, None, acceleration, None])
    found = BulkEngine(pack, "one").run([vehicle])
    assert found.events.fired_at.tolist() == list(range(1, 31, 2))[: len(found.events)]
    assert found.events.counted_at.tolist() == [11] * 5 + [21] * 5 + [30] * 5
    assert found.events.age_ms.tolist() == [10000, 8000, 6000, 4000, 2000] * 2 + [8000, 6000, 4000, 2000, 0]
    assert_same(pack, "one", 1000, [vehicle])
    acceleration[9] = 9
    found = BulkEngine(pack, "one").run([vehicle])
    assert found.events.event.tolist()[-1] == 1
    assert 1 not in found.events.fired_at
    assert_same(pack, "one", 1000, [vehicle])
