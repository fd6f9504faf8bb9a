"""A device's own recording, of one file or more, as the server's audit takes it."""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from headway_server.audit.device_samples import DeviceSamples
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_samples import columns_of, times_of
from headway_simulators.recordings import read

Progress = Callable[[int, int], None]


def device_samples(
    files: Sequence[Path], is_local: bool = False, progress: Progress = lambda _done, _total: None
) -> DeviceSamples:
    """Return what the files of one device say, in order of time.

    is_local: their times are those of the local clock, not UTC. progress: called with (files read, files in all), and again when
    a pack's signals are read, for which each file is read a second time. The sampling period is the first file's, as in a replay.
    Raises SimulatorError for what cannot be read, and for files that overlap in time.
    """
    recordings = []
    for file in files:
        recordings.append(read(file))
        progress(len(recordings), len(files))
    recordings.sort(key=lambda recording: recording.samples[0].wall_ms)
    for before, after in pairwise(recordings):
        if after.samples[0].wall_ms <= max(sample.wall_ms for sample in before.samples):
            raise SimulatorError(
                f"{after.path} begins before {before.path} ends. No sample counts twice: name one of them only."
            )
    first = list(accumulate((len(recording.samples) for recording in recordings), initial=0))[:-1]
    return DeviceSamples(
        times_of(recordings),
        first,
        recordings[0].period_ms,
        lambda pack: columns_of(pack, recordings, utc_as_local=False, progress=progress),
        is_local,
    )
