"""Recordings as the bulk engine reads them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_simulators.bulk.samples import VehicleSamples, steps_of
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recording import Recording


def vehicle_samples(pack: Pack, recordings: Sequence[Recording]) -> VehicleSamples:
    """Return one vehicle's recordings, one after the other, with the signals of the pack; None for those it does not have.

    What a recording has and cannot be read is missing in that sample. Raises SimulatorError if a file has gone or changed.
    """
    wanted = [SignalQuantum(name, above, below) for name, _, above, below, *_ in pack.signals]
    times_ms = np.array([sample.wall_ms for recording in recordings for sample in recording.samples], np.int64)
    rows = [row for recording in recordings for row in recording.signals(wanted, Counter())]
    columns = np.array(rows, np.int64).reshape(-1, len(wanted)).T
    return VehicleSamples(steps_of(times_ms), [column if np.any(column != MISSING) else None for column in columns])
