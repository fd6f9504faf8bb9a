"""Private-driving against the core that counts the same by hand: the pack's first counts and its events, trip for trip,
in every class. The trips of NREL are in tests/simulators/test_pack_replay.py.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
from bench.hand_written import as_pack
from bench.hand_written.trip import TripCore

from headway_edge.core.data_quality import CLOSED
from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators.demo import shipped_sources
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recording import Recording
from headway_simulators.recordings import read

PACK = Pack(compile_file(library.path("private-driving")).data)


def closed(recordings: Iterable[Recording], vehicle_class: str) -> Iterator[tuple[list[int], list[int]]]:
    """(what the core by hand counted, what the pack's counted) of each trip; both must close the same."""
    hand, pack = TripCore(vehicle_class), EpisodeCore(PACK, vehicle_class)
    wanted = [SignalQuantum(name, above, below) for name, _, above, below, *_ in PACK.signals]
    last_ms = None
    for recording in recordings:
        for sample, row in zip(recording.samples, recording.signals(wanted, Counter()), strict=True):
            dt_ms = 0 if last_ms is None else sample.wall_ms - last_ms
            last_ms = sample.wall_ms
            for i, number in enumerate(row):
                pack.signals[i] = number
            flags = hand.update(dt_ms, sample.speed_ckmh, sample.rpm, sample.ignition), pack.update(dt_ms)
            assert flags[0] == flags[1]
            if flags[0] & CLOSED:
                yield counted(hand, pack)
    if hand.finish() == pack.finish() == CLOSED:
        yield counted(hand, pack)


def counted(hand: TripCore, pack: EpisodeCore) -> tuple[list[int], list[int]]:
    assert hand.closed_gates == pack.closed_gates
    # Accumulators of the pack take one cell each up to the bands, the events are its last two.
    return [hand.closed[i] for i in as_pack.CELLS], [*pack.closed[: len(as_pack.CELLS) - 2], *pack.closed[-2:]]


def check(vehicles: Iterable[list[Recording]], vehicle_class: str) -> int:
    trips = 0
    for recordings in vehicles:
        for by_hand, by_pack in closed(recordings, vehicle_class):
            assert by_pack == by_hand
            trips += 1
    return trips


@pytest.mark.parametrize("vehicle_class", PACK.classes)
def test_on_the_trips_that_ship(vehicle_class: str) -> None:
    assert check(([read(path) for path in source.files] for source in shipped_sources()), vehicle_class) == 51
