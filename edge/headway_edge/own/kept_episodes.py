"""The closed episodes that the outbox still keeps, read back from their records: what a correction begins with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headway_edge.core.boot_dates import BootClock
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


def kept_episodes(
    payloads: Iterable[bytes], process: Process, utc_offset_min: Callable[[int], int] = lambda _wall_ms: 0
) -> list[KeptEpisode]:
    """Return the episodes of one process among records of this device, oldest first.

    payloads: of all kinds, for any record may be what an episode of its boot is dated by. utc_offset_min: at a Unix time in ms,
    for an episode whose own clock did not know it, or not as well. Left out are those whose start nothing tells, and those
    that a later record took the place of.
    """
    clocks: dict[int, BootClock] = {}
    items = sorted((record.decode(payload) for payload in payloads), key=lambda item: (item.boot, item.seq))
    for item in items:
        clocks.setdefault(item.boot, BootClock()).learn(item.mono_ms, item.wall_ms, item.clock)
    found: dict[tuple[int, int], KeptEpisode] = {}
    replaced = set()
    for item in items:
        if item.kind != record.EPISODE:
            continue
        its_pack, ago_ms, counts, gates, offset_min, revises = record.parse_episode(item.body)
        if its_pack != process.id:
            continue
        replaced.add(revises)
        clock = clocks[item.boot]
        start_ms = clock.began_ms(item.mono_ms, item.wall_ms, item.clock, ago_ms)
        if start_ms is not None:
            if offset_min is None or item.clock < clock.quality:
                offset_min = utc_offset_min(start_ms)
            day = process.day(start_ms, offset_min)
            key = (item.boot, item.seq)
            found[key] = KeptEpisode(*key, day, start_ms, offset_min, counts, gates)
    return [item for key, item in found.items() if key not in replaced]
