"""Each pack is made a program once for a whole run, not at each start of each device: it is the same one every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from headway_edge.core import made_program

_program_of = made_program.program_of
_program_once = cache(_program_of)


@contextmanager
def programs_once() -> Iterator[None]:
    """Let cores that are made meanwhile share the programs of their packs, which hold no state."""
    made_program.program_of = _program_once
    try:
        yield
    finally:
        made_program.program_of = _program_of
