"""A stored record with names in the place of positions, for the person whose record it is: what each number is and in which unit.

The names of counts are the pack's; which VSS signals they were counted from is in the pack's own entry (`pack_entry`).
What this version does not know is left as it is on the wire, so nothing of a record is kept from its person.
"""

from typing import Any

from headway_edge.core import data_quality
from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.process import Process
from headway_protocol import cbor, counts, fold, incident, record, service
from headway_protocol.diagnostic import diagnostic
from headway_protocol.errors import DecodeError
from headway_protocol.record_names import CLOCK_NAMES, KIND_NAMES
from headway_server.ingest.arrival import Find
from headway_server.reading.answers import decimal


def readable(payload: bytes, find: Find) -> dict[str, Any]:
    """Return a record as a JSON object. find: the process of a pack id.

    A trip's `counts` are integers in the unit that the pack's entry says, its `characteristics` numbers with their unit
    beside them.
    """
    try:
        found = record.decode(payload)
        body = _body(found, find)
    except (DecodeError, ValueError):
        return {"notation": _notation(payload)}
    return {
        "kind": KIND_NAMES.get(found.kind, f"kind {found.kind}"),
        "boot": found.boot,
        "seq": found.seq,
        "mono_ms": found.mono_ms,
        "wall_ms": found.wall_ms,
        "clock": CLOCK_NAMES[found.clock],
        **body,
    }


def pack_entry(process: Process) -> dict[str, Any]:
    """Return what the numbers of a pack's trips mean: the VSS signals they are from, and each count with its unit."""
    texts = process.catalogue
    units = {item["name"]: item["is"] for item in (*texts["accumulators"], *texts["events"])}
    abouts = {item["name"]: item["about"] for item in (*texts["accumulators"], *texts["events"])}
    return {
        "id": process.id.hex(),
        "name": process.name,
        "version": process.version,
        "signals": [
            {"name": item["name"], "vss": item["vss"], "unit": item["unit"], "about": item["about"]}
            for item in texts["signals"]
        ],
        "counts": [
            {"name": name, "is": units.get(name, _ALWAYS.get(name, "")), "about": abouts.get(name, "")}
            for name in process.count_names()
        ],
        "characteristics": [{"key": c.key, "unit": c.unit} for c in (*process.trip, *process.period)],
    }


_ALWAYS = {"elapsed": "time in 0.1 s", "distance": "distance in m"}


def _body(found: record.Record, find: Find) -> dict[str, Any]:
    if found.kind == record.EPISODE:
        return _episode(found.body, find)
    if found.kind == record.DAY:
        told = _named(
            ("pack_id", "day", "span", "context", "trips", "distance_m", "totals", "replaces"),
            fold.parse_day(found.body),
        )
        return {**told, "pack_id": told["pack_id"].hex(), "totals": told["totals"].hex()}
    if found.kind == record.BIRTH:
        firmware, vehicle_class, packs, backlog, dropped = record.parse_birth(found.body)
        held = [{"id": pack_id.hex(), "name": name, "version": version} for pack_id, name, version in packs]
        wiped = record.wiped_of(found.body)
        return {
            "firmware": firmware,
            "vehicle_class": vehicle_class,
            "packs": held,
            "backlog": backlog,
            "dropped": dropped,
            "wiped": None if wiped is None else {"order": wiped[0], "boot": wiped[1]},
        }
    if found.kind == record.LOSS:
        return _named(("lost_boot", "first_seq", "last_seq", "reason"), record.parse_loss(found.body))
    if found.kind == record.INCIDENT:
        names = ("code", "severity", "start_ago_ms", "pack_id", "values", "closes")
        told = _named(names, incident.parse_incident(found.body))
        return {**told, "pack_id": None if told["pack_id"] is None else told["pack_id"].hex()}
    if found.kind == record.SERVICE:
        return _named(("what", "ago_ms", "odometer_km", "millilitres"), service.parse_service(found.body))
    return {"notation": diagnostic(found.body)}


def _episode(body: list[Any], find: Find) -> dict[str, Any]:
    pack_id, start_ago_ms, packed, gates, utc_offset_min, revises = record.parse_episode(body)
    told = {
        "pack_id": pack_id.hex(),
        "start_ago_ms": start_ago_ms,
        "utc_offset_min": utc_offset_min,
        "revises": None if revises is None else {"boot": revises[0], "seq": revises[1]},
        "gates": dict(zip(GATE_NAMES, counts.unpack(gates, data_quality.GATES), strict=True)),
    }
    process = find(pack_id)
    if process is None:
        return {**told, "counts": packed.hex()}
    numbers = process.numbers(packed)
    places = {name: process.places(name) for name in process.count_names()}
    return {
        **told,
        "counts": {
            name: numbers[where[0]] if len(where) == 1 else [numbers[place] for place in where]
            for name, where in places.items()
        },
        "characteristics": {c.key: {"value": decimal(c, c.value(numbers)), "unit": c.unit} for c in process.trip},
    }


def _named(names: tuple[str, ...], values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))


def _notation(payload: bytes) -> str | None:
    try:
        return diagnostic(cbor.decode(payload))
    except DecodeError:
        return None
