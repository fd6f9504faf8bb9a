"""A table of trips for people."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from headway_edge.core.process import Characteristic, text
from headway_simulators.offline_replay import Episode, iso

_START_WIDTH = 16
_NUMBER_WIDTH = 7
_BETWEEN = 3


def trip_table(episodes: Sequence[Episode], width: int = 80) -> Table:
    """One line a trip, in the order given: the pack's headlines, and how often each of its other events happened.

    What does not fit into `width` characters is named under the table.
    """
    process = episodes[0].trip.process
    is_days = process.pack.kind == "day"
    trips = [episode.trip.numbers() for episode in episodes]
    first = process.pack.first_event
    files = {episode.recording.path.name for episode in episodes}
    headlines = [c for c in process.trip if c.headline]
    events = [i for i in range(len(process.events)) if not any(c.is_count(first + i) for c in headlines)]
    happened = [i for i in events if any(numbers[first + i] for numbers in trips)]
    columns = [(_heading(c), c, 0) for c in headlines] + [
        (process.events[i].replace("_", " "), None, i) for i in happened
    ]
    taken = _START_WIDTH + 2 * (_NUMBER_WIDTH + _BETWEEN) + (max(map(len, files)) + _BETWEEN if len(files) > 1 else 0)
    shown = []
    for column in columns:
        taken += max(_NUMBER_WIDTH, *map(len, column[0].split())) + _BETWEEN
        if taken <= width:
            shown.append(column)
    noun = ("day" if is_days else "trip") + ("" if len(episodes) == 1 else "s")
    place = f" of {next(iter(files))}" if len(files) == 1 else ""
    table = Table(
        title=f"{len(episodes)} {noun}{place}, {process.name} version {process.version}",
        caption=_caption(
            [heading for heading, _, _ in columns if heading not in {shown_heading for shown_heading, _, _ in shown}],
            [process.events[i].replace("_", " ") for i in events if i not in happened],
        ),
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
        pad_edge=False,
    )
    if len(files) > 1:
        table.add_column("file", no_wrap=True)
    table.add_column("start", no_wrap=True)
    for heading in (*(("hours",) if is_days else ("km", "minutes")), *(heading for heading, _, _ in shown)):
        table.add_column(heading, justify="right", min_width=max(map(len, heading.split())))
    for episode, numbers in zip(episodes, trips, strict=True):
        table.add_row(
            *((episode.recording.path.name,) if len(files) > 1 else ()),
            iso(episode.start_ms)[:16].replace("T", " "),
            *((f"{numbers[0] / 36000:.1f}",) if is_days else (f"{numbers[1] / 1000:.2f}", f"{numbers[0] / 600:.1f}")),
            *(str(numbers[first + i]) if c is None else text(c, c.value(numbers)) for _, c, i in shown),
        )
    return table


def _heading(characteristic: Characteristic) -> str:
    unit = (
        "" if characteristic.unit == "1" or characteristic.title.endswith(characteristic.unit) else characteristic.unit
    )
    return f"{characteristic.title} {unit}".strip()


def _caption(left_out: Sequence[str], never: Sequence[str]) -> str:
    parts = [f"also: {', '.join(left_out)}"] if left_out else []
    if never:
        parts.append(f"never: {', '.join(never)}")
    return "; ".join([*parts, "--json tells everything"])
