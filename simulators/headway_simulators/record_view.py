"""One trip's record in every form: bytes, diagnostic notation, names, JSON, and the samples it stands for."""

import json
from pathlib import Path

from rich.console import Group
from rich.table import Table
from rich.text import Text

from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.process import Process
from headway_protocol import cbor
from headway_protocol.diagnostic import diagnostic
from headway_protocol.record import decode
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import Episode, episodes
from headway_simulators.recordings import read

_SAMPLE_LINES = 6


def content(episode: Episode) -> dict[str, object]:
    """The record's content as a JSON object with names: what the positions on the wire mean, times in tenths of a second."""
    envelope = decode(episode.payload)
    return {
        "version": 1,
        "kind": "episode",
        "boot": envelope.boot,
        "seq": envelope.seq,
        "mono_ms": envelope.mono_ms,
        "wall_ms": envelope.wall_ms,
        "clock": envelope.clock,
        "pack_id": episode.trip.process.id.hex(),
        "start_ago_ms": envelope.body[1],
        "utc_offset_min": envelope.body[4],
        "counts": dict(zip(_names(episode.trip.process), episode.trip.numbers(), strict=True)),
        "gates": dict(zip(GATE_NAMES, episode.trip.quality(), strict=True)),
    }


def _names(process: Process) -> list[str]:
    # The name of each count; bands are numbered.
    names = [f"count_{i}" for i in range(len(process.pack.cells))]
    for name in process.count_names():
        places = process.places(name)
        for i, place in enumerate(places):
            names[place] = name if len(places) == 1 else f"{name}_{i:02d}"
    return names


def sizes(episode: Episode) -> tuple[int, int, int]:
    """Return (bytes of the record, bytes of its content as compact JSON, bytes of the samples as CSV)."""
    as_json = json.dumps(content(episode), separators=(",", ":")).encode()
    return len(episode.payload), len(as_json), len(_samples_csv(episode).encode())


def _samples_csv(episode: Episode) -> str:
    start_ms, end_ms = episode.start_ms, episode.end_ms
    lines = ["timestamp,Vehicle.Speed"]
    lines.extend(
        f"{sample.wall_ms / 1000:.3f},{sample.speed_ckmh / 100:.2f}"
        for sample in episode.recording.samples
        if start_ms <= sample.wall_ms <= end_ms
    )
    return "\n".join(lines) + "\n"


def record_view(path: Path, number: int, process: Process, vehicle_class: str, all_samples: bool = False) -> Group:
    """Return what to print of trip `number` (from 1) of a recording, with some or all of its samples.

    Raises SimulatorError when there is no such trip.
    """
    found = list(episodes(read(path), process, vehicle_class))
    if not 1 <= number <= len(found):
        raise SimulatorError(f"{path} has {len(found)} trips, no number {number}.")
    episode = found[number - 1]
    size, json_size, csv_size = sizes(episode)
    table = Table(title="The same trip in bytes")
    for heading in ("form", "bytes", "times the record"):
        table.add_column(heading, justify="left" if heading == "form" else "right")
    for form, count in (
        ("record (CBOR)", size),
        ("its content as compact JSON", json_size),
        ("its samples as CSV", csv_size),
    ):
        table.add_row(form, f"{count:,}", f"{count / size:.1f}")
    lines = _samples_csv(episode).splitlines()
    shown = lines if all_samples else lines[:_SAMPLE_LINES]
    left_out = len(lines) - len(shown)
    return Group(
        Text("Bytes\n", style="bold"),
        Text(episode.payload.hex()),
        Text("\nDiagnostic notation (RFC 8949)\n", style="bold"),
        Text(diagnostic(cbor.decode(episode.payload))),
        Text("\nThe same with names\n", style="bold"),
        Text(json.dumps(content(episode), separators=(",", ":"))),
        Text("\nIts samples as CSV, which stay on the device\n", style="bold"),
        Text("\n".join(shown)),
        Text(f"… {left_out} more lines (--all-samples prints them)\n" if left_out else ""),
        table,
    )
