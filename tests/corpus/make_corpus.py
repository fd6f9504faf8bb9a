"""Writes the messages of a release as a file: their bytes, and what readers of that release make of them.

    python tests/corpus/make_corpus.py

The file is named for the release in pyproject.toml. Of a release that is out it is never written again: from then on
`test_corpus.py` holds every later version to it. While a release is being made, remove its file first.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from meaning import by_protocol, by_server

from headway_edge import packs
from headway_edge.core import data_quality
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.program import MISSING
from headway_protocol import ack, benchmark, command, fold, incident, pack_offer, record, service, signed, state
from headway_protocol.record import HOLDOVER, SYNCED, UNSYNCED, Record
from headway_server.signing import Signing, SigningKey

ROOT = Path(__file__).parents[2]

Message = tuple[str, str, bytes]  # name, channel, bytes

PACK = (ROOT / "edge/headway_edge/packs/private-driving.cbor").read_bytes()
WALL_MS = 1_790_000_000_000


def signed_offer(address: str) -> bytes:
    """An offer with the signature of a key that everybody knows."""
    signing = Signing([SigningKey(bytes(range(32)), bytes(range(32, 64)))], ["bands"])
    body = pack_offer.encode(b"compiled", '{"name": "private-driving"}')
    return signed.make(
        signed.OFFER, address, WALL_MS // 1000, WALL_MS // 1000 + 90 * 86_400, body, signing.signer(address)
    )


def messages() -> list[Message]:
    """One of every message, and of each form that a message may have."""
    process = packs.load("private-driving")
    core = EpisodeCore(process.pack, "car", 1000)
    for speed_ckmh in (0, 1500, 4800, 5200, 900, 0):
        for _ in range(12):
            for i in range(len(core.signals)):
                core.signals[i] = MISSING
            core.signals[process.pack.speed] = speed_ckmh
            core.update(1000)
    assert core.finish() == data_quality.CLOSED
    cells, gates = wire_cells(core), data_quality.wire_gates(core.closed_gates)
    totals = fold.pack_totals(process.totals(process.numbers(cells)))

    def up(name: str, kind: int, seq: int, body: list[Any], clock: int = SYNCED) -> Message:
        wall_ms = None if clock == UNSYNCED else WALL_MS
        return name, "up", record.encode(Record(kind, 3, seq, 600_000, wall_ms, clock, body))

    held = [(process.id, process.name, process.version)]
    changed = [6, 1, 7, -62, 29]
    return [
        up("birth", record.BIRTH, 1, record.birth_body("headway 0.1.0", "car", held, 2, 0), UNSYNCED),
        up("birth of a device that was wiped", record.BIRTH, 13,
           record.birth_body("headway 0.1.0", "car", held, 0, 0, (1_790_000_000, 3))),
        up("episode", record.EPISODE, 2, record.episode_body(process.id, 72_000, cells, gates)),
        up("episode with local time", record.EPISODE, 3, record.episode_body(process.id, 72_000, cells, gates, 540)),
        up("episode that revises", record.EPISODE, 4,
           record.episode_body(process.id, 72_000, cells, gates, -210, (3, 2))),
        up("episode of an unknown pack", record.EPISODE, 5, record.episode_body(bytes(8), 9, b"", b""), HOLDOVER),
        up("day", record.DAY, 6,
           fold.day_body(process.id, 20_717, fold.DAY_SPAN, 1, 1, 250, totals, [(2, 5, 6), (2, 9, 9)])),
        up("month", record.DAY, 7,
           fold.day_body(process.id, 20_697, fold.MONTH_SPAN, 0, 1, 250, totals, [(1, 1, 90)])),
        up("incident", record.INCIDENT, 8,
           incident.incident_body(incident.CHANGE, incident.NOTICE, 86_400_000, process.id, changed)),
        up("incident that closes", record.INCIDENT, 9,
           incident.incident_body(incident.CHANGE, incident.NOTICE, 0, process.id, [6], (3, 8)), HOLDOVER),
        up("service", record.SERVICE, 10, service.service_body(service.REFUELLED, 0, 84_210, 41_500)),
        up("loss", record.LOSS, 11, record.loss_body(2, 10, 19, "storage full"), UNSYNCED),
        up("feedback, of a later version", record.FEEDBACK, 12, [1, "later"]),
        ("state, online", "state", state.encode(3, True, [(3, 12), (2, 40)])),
        ("state, last will", "state", state.encode(3, False)),
        ("acknowledgement", "ack", ack.encode(3, 12, [])),
        ("acknowledgement with refusals and ranges", "ack", ack.encode(3, 7, [(9, 1), (11, 4)], [(9, 11), (14, 20)])),
        ("benchmark", "bench",
         benchmark.encode(4, "car", process.id, [(103, 22, [136, 386, 614, 864], [51, 80, 120, 230])])),
        ("benchmark of too small a cohort", "bench", benchmark.encode(5, "bus", process.id, [])),
        ("pack offer", "pack", pack_offer.encode(b"compiled", '{"name": "private-driving"}')),
        ("signed pack offer", "pack", signed_offer("depot/bus-1")),
        ("signed pack offer for a microcontroller", "pack", signed_offer("bands/band-3")),
        ("resend", "cmd", command.resend([(3, 17, 18), (2, 1, 2**32 - 1)])),
    ]  # fmt: skip


def main() -> None:
    """Write the file of the present release."""
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    path = Path(__file__).parent / f"{release}.json"
    if path.exists():
        sys.exit(f"{path} is there already. A release that is out never changes; remove the file of one that is not.")
    found = [
        {
            "name": name,
            "channel": channel,
            "hex": data.hex(),
            "protocol": by_protocol(channel, data),
            "server": by_server(channel, data, PACK),
        }
        for name, channel, data in messages()
    ]
    path.write_text(json.dumps({"pack": PACK.hex(), "messages": found}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
