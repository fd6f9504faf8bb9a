"""The closed episodes that the outbox still keeps, read back from their records: what a correction begins with."""

from collections.abc import Iterable
from dataclasses import dataclass

from headway_edge.core.process import Process
from headway_protocol import record


@dataclass(frozen=True)
class KeptEpisode:
    """One episode's record. day: local, in days since 1970. start_ms: Unix time. counts, gates: packed."""

    boot: int
    seq: int
    day: int
    start_ms: int
    utc_offset_min: int | None
    counts: bytes
    gates: bytes


def kept_episodes(payloads: Iterable[bytes], process: Process) -> list[KeptEpisode]:
    """Return the episodes of one process among records of this device, oldest first.

    Left out are those whose start no clock knew, and those that a later record took the place of.
    """
    found: dict[tuple[int, int], KeptEpisode] = {}
    replaced = set()
    for payload in payloads:
        item = record.decode(payload)
        its_pack, ago_ms, counts, gates, offset_min, revises = record.parse_episode(item.body)
        if its_pack != process.id:
            continue
        replaced.add(revises)
        if item.wall_ms is not None:
            start_ms = item.wall_ms - ago_ms
            day = process.day(start_ms, offset_min or 0)
            key = (item.boot, item.seq)
            found[key] = KeptEpisode(*key, day, start_ms, offset_min, counts, gates)
    return [item for key, item in found.items() if key not in replaced]
