"""The pack of the eleven behaviours, run by the engine, against the oracle: event by event, at the same times."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
import steered_drives as drives
from eleven_behaviours import NAMES, Position, behaviours
from hypothesis import example, given
from hypothesis import strategies as st

from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack
from headway_edge.core.pack_limits import PACK_DEPTH_MAX
from headway_edge.core.program import MISSING
from headway_protocol import cbor
from headway_server.packs import library
from headway_server.packs.compile import compile_file

CLASSES = ("car", "bus", "truck")
LIMIT_KMH = 50

_compiled = compile_file(library.path("commercial-driving"))
# The oracle takes every drive for a trip: here the shortest is one too.
_parts = [*_compiled.parts[:6], [*_compiled.parts[6][:4], 0, 0], *_compiled.parts[7:]]
PACK = Pack(cbor.encode(_parts, PACK_DEPTH_MAX))
EVENTS = [item["name"] for item in _compiled.catalogue["events"]]
HEADING, ROAD_LIMIT, LATITUDE, LONGITUDE = (
    next(i for i, signal in enumerate(PACK.signals) if signal[0].endswith(name))
    for name in ("Heading", "RoadSpeedLimit", "Latitude", "Longitude")
)


def told(core: EpisodeCore, flags: int, now_ms: int) -> list[tuple[str, int]]:
    """Those of the eleven that an update reported, with the times they fired."""
    reported = [i for i in range(len(EVENTS)) if flags & (4 << i) and EVENTS[i] in NAMES]
    return [(EVENTS[i], now_ms - age_ms) for i in reported for age_ms in core.firings(i)]


def by_engine(
    trip: Sequence[tuple[int, int, int | None]],
    vehicle_class: str,
    limit: int | None,
    period_ms: int,
    positions: Sequence[Position | None] | None = None,
):
    """The events of one trip as the engine finds them; ignition on, so that the trip is the whole drive."""
    core = EpisodeCore(PACK, vehicle_class, period_ms)
    ignition = PACK.ignition
    found, last_ms = [], trip[0][0]
    for k, (time_ms, speed, heading) in enumerate(trip):
        for i in range(len(core.signals)):
            core.signals[i] = MISSING
        core.signals[PACK.speed] = speed
        position = None if positions is None else positions[k]
        if position is not None:
            core.signals[LATITUDE], core.signals[LONGITUDE] = position
        core.signals[ignition] = 1
        core.signals[HEADING] = MISSING if heading is None else heading
        core.signals[ROAD_LIMIT] = MISSING if limit is None else limit
        flags = core.update(time_ms - last_ms)
        last_ms = time_ms
        found.extend(told(core, flags, time_ms))
    flags = core.finish()
    found.extend(told(core, flags, last_ms))
    return sorted(found, key=lambda event: (event[1], event[0]))


def test_the_pack_has_the_eleven_behaviours() -> None:
    assert sorted(EVENTS) == sorted([*NAMES, "continuous_driving"])


def check(trip, vehicle_class: str, limit: int | None, period_ms: int, positions=None) -> int:
    """Hold engine and oracle together on one trip; return how many events there were."""
    expected = behaviours(list(trip), vehicle_class, limit, positions)
    assert by_engine(trip, vehicle_class, limit, period_ms, positions) == expected
    return len(expected)


@pytest.mark.parametrize("vehicle_class", CLASSES)
def test_on_every_shipped_trip(vehicle_class: str) -> None:
    events = sum(
        check(trip, vehicle_class, LIMIT_KMH, 1000) for trips in drives.sumo_drivers().values() for trip in trips
    )
    assert events > 200


@pytest.mark.full
def test_on_a_real_minute_at_10_hz() -> None:
    if not drives.COMMA.exists():
        pytest.fail(f"this test needs the recorded minute in {drives.COMMA}")
    for vehicle_class in CLASSES:
        check(drives.comma_trip(), vehicle_class, LIMIT_KMH, 100)


@pytest.mark.parametrize("steps_ms", [(1000,), (100,)], ids=["1 Hz", "10 Hz"])
@pytest.mark.parametrize("seed", range(12))
def test_on_random_drives(seed: int, steps_ms: tuple[int, ...]) -> None:
    trip = drives.sampled(drives.random_legs(seed), steps_ms=steps_ms)
    assert check(trip, CLASSES[seed % 3], LIMIT_KMH, steps_ms[0]) > 3


@given(drives.drives, st.sampled_from(CLASSES), st.sampled_from([None, 30, LIMIT_KMH]))
def test_on_generated_drives(trip, vehicle_class: str, limit: int | None) -> None:
    if len(trip) > 1:
        # A core is told the sampling period; it looks back far enough for up to twice that rate.
        fastest_ms = min(later[0] - earlier[0] for earlier, later in pairwise(trip))
        check(trip, vehicle_class, limit, min(max(fastest_ms, 40), 1000))


def tunnels(trip, seed: int) -> list[Position | None]:
    """Positions for a trip: moving, frozen for a while, frozen in one coordinate only, or missing."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    found: list[Position | None] = []
    latitude = longitude = 4_700_000
    kind, left = "moving", 0
    for _ in trip:
        if left == 0:
            kind, left = dice.choice(["moving", "moving", "frozen", "north", "missing"]), dice.randint(1, 25)
        left -= 1
        latitude += kind in {"moving", "north"}
        longitude += kind == "moving"
        found.append(None if kind == "missing" else (latitude, longitude))
    return found


# A lane change waits 1000 ms for an overtaking; here that comes with the first sample after them.
LATE = drives.sampled(
    [drives.Leg(6000), *drives.weave(80, 500, 1000, 0), *drives.weave(80, 500, 1000, 250)], 3000, 0, (900, 1100)
)


@given(drives.turning_drives | drives.drives, st.sampled_from(CLASSES), st.integers(0, 1 << 16))
@example(LATE, "truck", 0)
def test_a_heading_is_not_believed_while_the_position_is_frozen(trip, vehicle_class: str, seed: int) -> None:
    if len(trip) > 1:
        fastest_ms = min(later[0] - earlier[0] for earlier, later in pairwise(trip))
        check(trip, vehicle_class, None, min(max(fastest_ms, 40), 1000), tunnels(trip, seed))


def test_a_frozen_position_takes_the_turns_of_random_drives() -> None:
    trips = [drives.sampled(drives.random_legs(seed)) for seed in range(6)]
    seen = sum(check(trip, "truck", None, 1000, [(k, k) for k in range(len(trip))]) for trip in trips)
    frozen = sum(check(trip, "truck", None, 1000, [(7, 7)] * len(trip)) for trip in trips)
    assert 0 < frozen < seen - 20


@given(drives.long_drives, st.sampled_from(CLASSES))
def test_on_long_speeding(trip, vehicle_class: str) -> None:
    if len(trip) > 1:
        check(trip, vehicle_class, LIMIT_KMH, 1000)
