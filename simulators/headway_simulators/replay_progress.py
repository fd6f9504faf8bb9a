"""The progress of a replay on a terminal: samples fed, and records the server has not settled yet."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class ReplayProgress:
    """Call it with (samples fed, records waiting)."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("replaying", total=None, waiting=0)

    def total(self, samples: int) -> None:
        """How many samples there will be."""
        self._bar.update(self._task, total=samples)

    def __call__(self, fed: int, waiting: int) -> None:
        """Show where the replay stands."""
        self._bar.update(self._task, completed=fed, waiting=waiting)


@contextmanager
def replay_progress(console: Console) -> Iterator[ReplayProgress]:
    """Show a bar while the block runs; nothing moves where there is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("samples, {task.fields[waiting]} records not yet acknowledged"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield ReplayProgress(bar)
