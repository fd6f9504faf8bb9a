"""What readers make of a message, as text that can be kept in a file."""

import sys
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "micropython"))
from codec_vectors import OF_CHANNEL

from headway_edge import packs
from headway_protocol import topics
from headway_protocol.diagnostic import diagnostic
from headway_server.ingest.arrival import Received, Refusal, read


def by_protocol(channel: str, data: bytes) -> str:
    """As `headway_protocol` reads it: diagnostic notation."""
    return diagnostic(OF_CHANNEL[channel](data))


def by_server(channel: str, data: bytes, pack: bytes) -> "dict[str, Any] | None":
    """As the server reads what devices say; None of what only the server says. Fields that are not set are left out."""
    if channel not in {topics.UP, topics.STATE}:
        return None
    process = packs.process(pack, None)
    found = read(Received(f"headway/v1/depot/bus-1/{channel}", data, channel == topics.STATE),
                 lambda pack_id: process if pack_id == process.id else None)  # fmt: skip
    assert not isinstance(found, Refusal), found.reason
    kept = {field.name: getattr(found, field.name) for field in fields(found) if field.name not in {"payload", "hash"}}
    return {name: _plain(value) for name, value in kept.items() if value is not None}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(item) for name, item in asdict(value).items() if item is not None}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
