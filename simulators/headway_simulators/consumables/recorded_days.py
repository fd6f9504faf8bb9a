"""What each recorded day of one vehicle adds to its person's totals."""

from collections.abc import Sequence
from pathlib import Path

from headway_edge.core.process import Process
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import UTC_OFFSET_MIN, episodes
from headway_simulators.recordings import read


def recorded_days(files: Sequence[Path], process: Process, vehicle_class: str) -> list[list[list[int]]]:
    """Return the days in order of time, each a list of its trips' totals; days without a trip are left out.

    Raises SimulatorError for a file that is no recording, and where no file holds a trip.
    """
    days: dict[int, list[list[int]]] = {}
    for path in files:
        for episode in episodes(read(path), process, vehicle_class):
            day = process.day(episode.start_ms, UTC_OFFSET_MIN)
            days.setdefault(day, []).append(process.totals(episode.trip.numbers()))
    if not days:
        raise SimulatorError("no trip in these recordings: nothing moved long or far enough to use anything up.")
    return [days[day] for day in sorted(days)]
