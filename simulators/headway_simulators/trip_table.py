"""A table of trips for people."""

from collections.abc import Sequence

from rich.table import Table

from headway_edge.core import characteristics
from headway_simulators.offline_replay import Episode, iso

_COLUMNS = (
    (1, "km"),
    (2, "seconds"),
    (10, "mean km/h"),
    (9, "max km/h"),
    (6, "idle %"),
    (7, "< 29 km/h %"),
    (8, "stops"),
    (11, "hard acc."),
    (12, "hard brk."),
)


def trip_table(episodes: Sequence[Episode]) -> Table:
    """One line a trip, in the order given."""
    table = Table(title=f"{len(episodes)} trips")
    table.add_column("file")
    table.add_column("start")
    for _, heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for episode in episodes:
        counts = episode.trip.numbers()
        values = [
            characteristics.text(characteristics.BY_ID[number], characteristics.BY_ID[number].value(counts))
            for number, _ in _COLUMNS
        ]
        table.add_row(episode.recording.path.name, iso(episode.start_ms), *values)
    return table
