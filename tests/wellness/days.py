"""Days for tests: the shipped pack, small packs of kind "day", and a core fed with rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headway_edge.core.data_quality import CLOSED, OPENED
from headway_edge.core.day import DayCore
from headway_edge.core.episode import wire_numbers
from headway_edge.core.pack import Pack
from headway_edge.core.pack_values import from_wire, read, totals_of_trip
from headway_edge.core.program import MISSING
from headway_protocol import cbor
from headway_server.packs import library
from headway_server.packs.compile import Compiled, compile_source
from headway_server.packs.source import parse

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/data"
SOURCE = library.path("wellness").read_text(encoding="utf-8")
MINUTE_MS = 60_000

CLOCK = ["Wearable.LocalMinute", "min", 1, 1, 0, 1439, 1440, 4]
COUNT = ["Wearable.ActivityCount", "", 1, 1, 0, 1000, 0, 0]
REPORT = ["Wearable.Report.Drinks", "", 1, 1, 0, 60, 0, 5]
SMALL: list[Any] = [
    1, "small", 1, "day", ["any"], [CLOCK, COUNT, REPORT], [MINUTE_MS, 240, 0], [[7]],
    [["lag", ["s", 1], 120000], ["total", ["s", 1], 180000]],
    [["sum", ["s", 1]], ["last", ["v", 0]], ["last", ["v", 1]], ["sum", ["s", 2]], ["time", [">=", ["s", 2], 0]]],
    [], [["sum", 1]], [], [], [], [], [], [], [], [],
]  # fmt: skip


def shared(name: str) -> Path:
    """A recording beside the repository; fails where it is missing, for a full run without it has shown nothing."""
    path = SHARED / name
    assert path.exists(), f"this test needs the recordings in {SHARED}"
    return path


def wellness(*changes: tuple[str, str]) -> Compiled:
    """The shipped pack with (old, new) replaced, each of which stands in it once."""
    text = SOURCE
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in wellness.toml"
        text = text.replace(old, new)
    return compile_source(parse(text.encode(), "wellness.toml"))


def packed(parts: list[Any]) -> Pack:
    return Pack(cbor.encode(parts, 14))


@dataclass
class Day:
    """A closed day: its numbers with their signs, its gates, and the values of its characteristics by id."""

    numbers: list[int]
    gates: list[int]
    values: dict[int, int | None] = field(default_factory=dict)


def feed(core: DayCore, dt_ms: int, *signals: int | None) -> int:
    """Update with signals in the pack's order; None and what is left out is missing."""
    for i in range(len(core.signals)):
        number = signals[i] if i < len(signals) else None
        core.signals[i] = MISSING if number is None else number
    return core.update(dt_ms)


def closed(core: DayCore) -> Day:
    numbers = from_wire(core.pack, wire_numbers(core.pack, core.closed))
    totals = totals_of_trip(core.pack, numbers)
    values = {item[0]: read(item, totals if item[1] else numbers) for item in core.pack.characteristics}
    return Day(numbers, list(core.closed_gates), values)


def run(core: DayCore, samples: Iterable[tuple[int | None, ...]]) -> list[Day]:
    """The days of samples (dt_ms, signals...); the last is finished."""
    days = []
    for dt_ms, *signals in samples:
        assert dt_ms is not None
        if feed(core, dt_ms, *signals) & CLOSED:
            days.append(closed(core))
    if core.finish() & CLOSED:
        days.append(closed(core))
    return days


__all__ = ["CLOSED", "OPENED", "Day", "closed", "feed", "packed", "run", "shared", "wellness"]
