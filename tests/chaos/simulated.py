"""Disks of these tests, each with dice of its own."""

from random import Random

from headway_simulators.chaos.disk import Disk
from headway_simulators.chaos.faulty_sqlite import CHECKPOINT_PAGES, MemoryPlan
from headway_simulators.chaos.medium import SimulatedMedium


def dice(seed: int) -> Random:
    """Return what decides in a simulation."""
    return Random(seed)  # noqa: S311 - no secrets


def a_disk(seed: int = 1, capacity_bytes: int | None = None) -> Disk:
    """Return an empty disk."""
    return Disk(dice(seed), capacity_bytes=capacity_bytes)


def a_medium(
    seed: int = 1, memory: MemoryPlan | None = None, checkpoint_pages: int = CHECKPOINT_PAGES
) -> SimulatedMedium:
    """Return the medium of an empty disk."""
    return SimulatedMedium(a_disk(seed), memory, checkpoint_pages)
