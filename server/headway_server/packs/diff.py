"""What changed between two packs: what makes them different definitions, apart from what only reads differently.

Values of different definitions are never compared or merged, so an author wants to know which of the two a change is
before it is rolled out. Names are what is compared by: a renamed value shows as one that went and one that came, under
wording, and the definition stays the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from headway_server.packs.catalogue import TABLES
from headway_server.packs.compile import Compiled

# Fields of a catalogue that are no part of the definition.
_WORDING = {"title", "about", "source", "is", "key", "headline", "otherwise", "unit_size", "do"}


@dataclass
class Difference:
    """semantic: changes of the definition, wording: changes of texts; each a line for a person. same: one id."""

    before: str
    after: str
    semantic: list[str] = field(default_factory=list)
    wording: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether the two are one definition, whatever their texts."""
        return self.before == self.after

    def text(self) -> str:
        """Return it for a terminal, ending in a line's end."""
        if self.same:
            lines = [f"One definition: both have the id {self.before}."]
        else:
            lines = [f"Two definitions: {self.before} and {self.after}; their values are never compared or merged."]
        for heading, changes in (("Definition", self.semantic), ("Wording", self.wording)):
            if changes:
                lines += [f"\n{heading}", *(f"  {change}" for change in changes)]
        if not self.semantic and not self.wording:
            lines.append("Nothing differs.")
        return "\n".join(lines) + "\n"


def difference(before: Compiled, after: Compiled) -> Difference:
    """Return what changed from `before` to `after`."""
    found = Difference(before.id.hex(), after.id.hex())
    old, new = before.catalogue, after.catalogue
    same_parts = [one == other for one, other in zip(before.parts, after.parts, strict=True)]
    for key, place in (("rules", 6), ("like", 7), ("warnings", 19)):
        _compare(found, "pack", {key: old[key]}, {key: new[key]}, same_parts[place])
    for key in ("name", "version", "kind", "classes", "title", "about", "source"):
        _compare(found, "pack", {key: old[key]}, {key: new[key]}, found.same)
    compiled_old, compiled_new = _compiled_entries(before), _compiled_entries(after)
    for table in TABLES:
        _compare_table(found, table, old[table], new[table], compiled_old, compiled_new)
    by_id = [{(item["level"], item["id"]): item for item in pack["characteristics"]} for pack in (old, new)]
    for identity in sorted(set(by_id[0]) | set(by_id[1])):
        where = f"{identity[0]}.{(by_id[1].get(identity) or by_id[0][identity])['key']} (id {identity[1]})"
        first, second = (side.get(identity) for side in by_id)
        if first is None or second is None:
            found.semantic.append(f"{where}: {'added' if first is None else 'removed'}")
        else:
            _compare(found, where, first, second, compiled_old.get(identity) == compiled_new.get(identity))
    if not found.same and not found.semantic:
        found.semantic.append("the order in which something is numbered")
    return found


def _compiled_entries(pack: Compiled) -> dict[tuple[str, Any], object]:
    # What a device gets for each named thing: equal, and it means the same whatever its text.
    parts = pack.parts
    found: dict[tuple[str, Any], object] = {}
    for table, place in (
        ("signals", 5),
        ("values", 8),
        ("accumulators", 9),
        ("events", 10),
        ("contexts", 13),
        ("score", 14),
        ("series", 16),
        ("consumables", 17),
        ("factors", 18),
    ):
        for item, compiled in zip(pack.catalogue[table], parts[place], strict=True):
            found[table, item["name"]] = compiled
    rules = parts[19][2] if parts[19] else []
    found.update({("advice", item["name"]): rule for item, rule in zip(pack.catalogue["advice"], rules, strict=True)})
    for index, item in enumerate(pack.catalogue["params"]):
        found["params", item["name"]] = [numbers[index] for numbers in parts[7]]
    for item in pack.catalogue["totals"]:
        places = pack.totals[item["name"]]
        enough = [least for place, least in parts[15] if place in places]
        found["totals", item["name"]] = [[parts[11][place] for place in places], enough]
    for compiled in parts[12]:
        found["period" if compiled[1] else "trip", compiled[0]] = compiled
    return found


def _compare_table(
    found: Difference,
    table: str,
    old: list[dict[str, Any]],
    new: list[dict[str, Any]],
    compiled_old: dict[tuple[str, Any], object],
    compiled_new: dict[tuple[str, Any], object],
) -> None:
    first, second = ({item["name"]: item for item in items} for items in (old, new))
    for name in [*first, *(name for name in second if name not in first)]:
        where = f"{table}.{name}"
        if name in first and name in second:
            key = (table, name)
            same = found.same or (key in compiled_old and compiled_old[key] == compiled_new[key])
            _compare(found, where, first[name], second[name], same)
        else:
            kind = found.wording if found.same else found.semantic
            kind.append(f"{where}: {'removed' if name in first else 'added'}")
    common = [name for name in first if name in second]
    if common != [name for name in second if name in first] and not found.same:
        found.semantic.append(f"{table}: another order, so other numbers")


def _compare(found: Difference, where: str, old: dict[str, Any], new: dict[str, Any], same: bool) -> None:
    for key in [*old, *(key for key in new if key not in old)]:
        if key == "places":
            continue  # follows from the order
        one, other = _shown(old.get(key)), _shown(new.get(key))
        if one == other:
            continue
        kind = found.wording if same or key in _WORDING else found.semantic
        kind.extend(_change(where, key, one, other))


def _change(where: str, key: str, one: str, other: str) -> Iterator[str]:
    if len(one) + len(other) <= 80:
        yield f"{where}.{key}: {one} -> {other}"
    else:
        yield f"{where}.{key}:"
        yield f"  - {one}"
        yield f"  + {other}"


def _shown(value: object) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return " ".join(str(value).split())
