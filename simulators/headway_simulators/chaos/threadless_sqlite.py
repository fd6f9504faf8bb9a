"""aiosqlite without its threads: each statement runs where it is awaited.

The server's database code is the real one, on a real file. Only the hand-over to another thread and back is left out, which
would cost a simulation most of its time and could put nothing but chance into its order.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiosqlite.core


class _AtOnce:
    """In place of the queue to a connection's thread: what is put into it is done by whoever puts it."""

    def put_nowait(self, item: tuple[Any, Callable[[], Any]]) -> None:
        future, function = item
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - as in the thread: whoever waits for the future gets it
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """In place of a connection's thread."""

    def __init__(self, **_options: Any) -> None:
        self.daemon = True

    def start(self) -> None:
        """Nothing has to run."""


@contextmanager
def threadless_sqlite() -> Iterator[None]:
    """Let connections that are opened meanwhile do without threads; they must be closed before the end."""
    core: Any = aiosqlite.core
    before = core.SimpleQueue, core.Thread
    core.SimpleQueue, core.Thread = _AtOnce, _NoThread
    try:
        yield
    finally:
        core.SimpleQueue, core.Thread = before
