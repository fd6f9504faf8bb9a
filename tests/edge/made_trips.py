"""A process small enough to be worked out by hand, and records of its trips to put into an outbox."""

from headway_edge import packs
from headway_edge.core.process import Process
from headway_edge.core.program import SIGNED
from headway_protocol import counts, record

PROCESS = packs.load("private-driving")
START_MS = 1_767_225_600_000  # 1 January 2026
DAY_MS = 86_400_000


def numbers_of(process: Process, elapsed_ds: int, distance_m: int, stops: int) -> list[int]:
    """A trip's numbers, which no rule of the pack contradicts."""
    numbers = [0] * len(process.pack.cells)
    numbers[0], numbers[1] = elapsed_ds, distance_m
    numbers[process.places("stops")[0]] = stops
    numbers[process.places("speed_max")[0]] = 3000 + stops
    return numbers


def packed(process: Process, numbers: list[int]) -> bytes:
    """A trip's numbers as they travel."""
    return counts.pack(
        [
            number if kind < SIGNED else 2 * number if number >= 0 else -2 * number - 1
            for (kind, _), number in zip(process.pack.cells, numbers, strict=True)
        ]
    )


def body_of(
    numbers: list[int], ago_ms: int = 0, revises: tuple[int, int] | None = None, process: Process = PROCESS
) -> list[object]:
    """The body of a trip's record."""
    return record.episode_body(process.id, ago_ms, packed(process, numbers), bytes([2, 35, 120]), 60, revises)


def day_of(wall_ms: int) -> int:
    """The local day of a trip that `body_of` has begin at a Unix time."""
    return (wall_ms + 3_600_000) // DAY_MS
