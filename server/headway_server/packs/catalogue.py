"""The catalogue of a pack: all that people read about it, kept apart from what devices run.

Plain data that goes into JSON as it is. It carries the id of the definition it describes; a better wording makes a new
catalogue for the same id.
"""

from fractions import Fraction
from typing import Any

from headway_server.packs.dimension import exact_text
from headway_server.packs.source import Source

# Of a pack's tables, those whose entries are described alike.
TABLES = (
    "signals",
    "params",
    "values",
    "accumulators",
    "events",
    "totals",
    "contexts",
    "score",
    "series",
    "consumables",
    "factors",
    "advice",
)
DIRECTION_WORDS = {"lower": "lower is better", "neutral": "neither is better", "higher": "higher is better"}


def catalogue(
    source: Source,
    pack_id: str,
    units: dict[tuple[str, ...], str],
    places: dict[tuple[str, str], tuple[int, ...]],
) -> dict[str, Any]:
    """Return the catalogue.

    pack_id: in hexadecimal. units: what the compiler found each named thing to be, by (table, name). places: where its
    counts stand among those of a trip, or its totals among those of a period, by the same.
    """
    pack = source.pack
    described: dict[str, Any] = {
        "pack_id": pack_id,
        "name": pack.text("name"),
        "version": pack.fields["version"],
        "kind": pack.text("kind"),
        "title": pack.text("title"),
        "about": pack.text("about"),
        "source": pack.text("source"),
        "classes": pack.texts("classes"),
        "like": dict(pack.fields.get("like", {})),
        "rules": {key: str(value) for key, value in source.rules.fields.items()},
    }
    for table in TABLES:
        described[table] = []
        for item in source.tables[table]:
            entry: dict[str, Any] = {"name": item.name, "is": units.get((table, item.name), "")}
            if (table, item.name) in places:
                entry["places"] = list(places[table, item.name])
            for key, value in item.fields.items():
                entry[key] = _plain(value)
            described[table].append(entry)
    described["warnings"] = {} if source.warnings is None else dict(source.warnings.fields)
    described["characteristics"] = []
    for level in ("trip", "period"):
        for item in source.tables[level]:
            above, below = (" + ".join(item.texts(key)) for key in ("numerator", "denominator"))
            if len(item.texts("numerator")) > 1 and below:
                above = f"({above})"
            if len(item.texts("denominator")) > 1:
                below = f"({below})"
            described["characteristics"].append(
                {
                    "id": item.fields["id"],
                    "level": level,
                    "key": item.name,
                    "title": item.text("title"),
                    "unit": item.text("unit"),
                    "decimals": item.fields["decimals"],
                    "direction": DIRECTION_WORDS[item.text("direction")],
                    "formula": f"{above} / {below}" if below else above,
                    "counted": bool(item.fields.get("counted", False)),
                    "headline": bool(item.fields.get("headline", False)),
                    "about": item.text("about"),
                    "source": item.text("source"),
                }
            )
    described["characteristics"].sort(key=lambda entry: entry["id"])
    return described


def _plain(value: object) -> object:
    # Numbers of a source are exact; as texts they stay so.
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return exact_text(value) if isinstance(value, Fraction) else value


# What a display needs of each table; the rest is for authors and operators.
_FOR_DEVICE = {
    "accumulators": ("name", "places"),
    "events": ("name", "places"),
    "totals": ("name", "places"),
    "contexts": ("name", "title", "otherwise"),
    "score": ("name", "title"),
    "consumables": ("id", "name", "title", "unit", "unit_size"),
    "advice": ("title", "do"),
    "characteristics": ("id", "key", "title", "unit", "headline", "about"),
}


def for_device(catalogue: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a catalogue that a device's display needs, under the same keys."""
    found = {key: catalogue[key] for key in ("pack_id", "name", "version", "title")}
    for table, keys in _FOR_DEVICE.items():
        found[table] = [{key: item[key] for key in keys} for item in catalogue[table]]
    return found
