"""Recordings as the bulk engine reads them."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.bulk.local_time import with_local_time
from headway_server.bulk.samples import Integers, VehicleSamples, steps_of
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recording import Recording


def vehicle_samples(pack: Pack, recordings: Sequence[Recording]) -> VehicleSamples:
    """Return one vehicle's recordings, one after the other, with the signals of the pack; None for those it does not have.

    What a recording has and cannot be read is missing in that sample. Local time is as a replay has it: as the recordings tell
    it, and where they do not, by UTC. Raises SimulatorError if a file has gone or changed.
    """
    times_ms = times_of(recordings)
    samples = VehicleSamples(steps_of(times_ms), columns_of(pack, recordings))
    return with_local_time(pack, samples, times_ms)


def times_of(recordings: Sequence[Recording]) -> Integers:
    """Return the times (ms since 1970) of all samples, one recording after the other."""
    return np.array([sample.wall_ms for recording in recordings for sample in recording.samples], np.int64)


def columns_of(
    pack: Pack,
    recordings: Sequence[Recording],
    utc_as_local: bool = True,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Integers | None]:
    """Return a column for each signal of the pack, None for one that there is nowhere; of the speed always a column.

    utc_as_local: as of `Recording.signals`. progress: called with (recordings read, recordings in all).
    """
    wanted = [SignalQuantum(name, above, below) for name, _, above, below, *_ in pack.signals]
    rows: list[tuple[int, ...]] = []
    for i, recording in enumerate(recordings):
        rows.extend(recording.signals(wanted, Counter(), utc_as_local))
        progress(i + 1, len(recordings))
    columns = np.array(rows, np.int64).reshape(-1, len(wanted)).T
    return [column if i == pack.speed or np.any(column != MISSING) else None for i, column in enumerate(columns)]
