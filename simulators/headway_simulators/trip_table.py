"""A table of trips for people."""

from collections.abc import Sequence

from rich.table import Table

from headway_edge.core import characteristics
from headway_simulators.offline_replay import Episode, iso
from headway_simulators.pack_replay import PackEpisode

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


def pack_trip_table(episodes: Sequence[PackEpisode]) -> Table:
    """One line a trip: distance, time, and how often each of the pack's events happened."""
    named = episodes[0].named
    first = named.pack.first_event
    happened = [i for i in range(len(named.events)) if any(episode.numbers[first + i] for episode in episodes)]
    never = [name.replace("_", " ") for i, name in enumerate(named.events) if i not in happened]
    caption = f"never: {', '.join(never)}" if never else None
    table = Table(title=f"{len(episodes)} trips, {named.pack.name}; --json tells everything", caption=caption)
    table.add_column("file", no_wrap=True)
    table.add_column("start", no_wrap=True)
    for heading in ("km", "seconds", *(named.events[i].replace("_", " ") for i in happened)):
        table.add_column(heading, justify="right", max_width=12)
    for episode in episodes:
        table.add_row(
            episode.recording.path.name,
            iso(episode.start_ms),
            f"{episode.numbers[1] / 1000:.3f}",
            f"{episode.numbers[0] / 10:.1f}",
            *(str(episode.numbers[first + i]) for i in happened),
        )
    return table
