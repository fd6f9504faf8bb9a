"""A pack as its author wrote it: TOML read into plain records, with the line of every field kept for messages.

Here it is checked what can be seen without understanding an expression: keys, types, words, names. What expressions
mean is `compile`'s affair, what a device can bear is `headway_edge.core.pack`'s.
"""

import re
import tomllib
from dataclasses import dataclass, field
from fractions import Fraction
from keyword import iskeyword
from pathlib import Path
from typing import Any

from headway_edge.core.pack_limits import CLASSES_MAX, FACTOR_CLASSES_MAX
from headway_server.packs.dimension import UNITS
from headway_server.packs.expression import FUNCTIONS
from headway_server.packs.problems import Problems, none_of
from headway_server.packs.schema import (
    ACCUMULATOR_KINDS,
    CHARTS,
    DIRECTIONS,
    EACH,
    KEYS,
    KINDS,
    MERGES,
    MODELS,
    MOST,
    OPTIONAL,
    ROLES,
    SINGLE,
    WATCHES,
    has_control,
    is_a,
    keys_of,
)
from headway_server.packs.toml_lines import line_of, line_of_each_key

SOURCE_BYTES_MAX = 128 * 1024  # the packs that ship take 10 to 20 KiB
LINE_LENGTH_MAX = 1000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PACK_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_VSS = re.compile(r"[A-Z][A-Za-z0-9]*(?:\.[A-Z][A-Za-z0-9]*)+")
_DECIMAL = re.compile(r"-?\d{1,12}\.\d{1,9}")


@dataclass(frozen=True)
class Entry:
    """One named table, such as `[events.stop]`. path: where it stands. fields: checked values; absent ones are absent."""

    path: tuple[str, ...]
    fields: dict[str, Any]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path[-1]

    def text(self, key: str, default: str = "") -> str:
        """Return a field that is a text."""
        return str(self.fields.get(key, default))

    def texts(self, key: str) -> list[str]:
        """Return a field that is a list of texts; empty if absent."""
        return list(self.fields.get(key, []))


@dataclass
class Source:
    """A whole source. Tables by name, each an ordered list of entries; `lines` maps paths to lines of `file`.

    warnings: None where the pack has none.
    """

    file: str
    lines: dict[tuple[str, ...], int]
    pack: Entry
    rules: Entry
    warnings: Entry | None
    tables: dict[str, list[Entry]] = field(default_factory=dict)

    def line(self, *path: str) -> int:
        """Return the line of a field, or of the nearest table around it."""
        return line_of(self.lines, path)


def read(path: Path) -> Source:
    """Return the source in a file. Raises PackRefused with all that is wrong, OSError if the file cannot be read."""
    with path.open("rb") as file:
        data = file.read(SOURCE_BYTES_MAX + 1)
    return parse(data, str(path))


def parse(data: bytes, file: str) -> Source:
    """Return the source in `data`. file: its name in messages. Raises PackRefused with all that is wrong."""
    problems = Problems(file)
    if len(data) > SOURCE_BYTES_MAX:
        problems.add(0, "", f"more than {SOURCE_BYTES_MAX} bytes; a pack's source has no need of so many")
    else:
        try:
            text = data.decode("utf-8").replace("\r\n", "\n")
            _check_lines(text, problems)
            problems.raise_if_any()
            document = tomllib.loads(text, parse_float=_exact)
        except UnicodeDecodeError as error:
            problems.add(0, "", f"byte {error.start} is not UTF-8; save the file as UTF-8")
        except RecursionError:
            problems.add(0, "", "nested too deep to be a pack")
        except ValueError as error:  # TOMLDecodeError, and integers of thousands of digits
            where = re.search(r"at line (\d+)", str(error))
            problems.add(int(where[1]) if where else 0, "", f"not TOML: {str(error)[:200]}")
    problems.raise_if_any()
    source = _Reader(document, line_of_each_key(text), problems).source()
    problems.raise_if_any()
    return source


def _check_lines(text: str, problems: Problems) -> None:
    # A key of very many parts takes the standard library's reader time that grows with the square of their number.
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LINE_LENGTH_MAX:
            problems.add(number, "", f"a line of {len(line)} characters; the limit is {LINE_LENGTH_MAX}: break it")


def _exact(text: str) -> Fraction | float:
    # What is no plain decimal becomes a float, which no field takes.
    return Fraction(text) if _DECIMAL.fullmatch(text) else float("nan")


class _Reader:
    def __init__(self, document: dict[str, Any], lines: dict[tuple[str, ...], int], problems: Problems) -> None:
        self._document = document
        self._lines = lines
        self._problems = problems

    def _wrong(self, path: tuple[str, ...], what: str) -> None:
        self._problems.add(line_of(self._lines, path), ".".join(path), what)

    def source(self) -> Source:
        for key in self._document:
            if key not in KEYS:
                self._wrong((key,), f"unknown table: {none_of(key, sorted(KEYS))}")
        pack = self._document.get("pack")
        keys = keys_of(pack.get("kind") if isinstance(pack, dict) else None)
        single = {
            name: self._entry((name,), self._document.get(name), keys[name])
            for name in SINGLE
            if name not in OPTIONAL or name in self._document
        }
        pack, rules, warnings = single["pack"], single["rules"], single.get("warnings")
        source = Source(self._problems.file, self._lines, pack, rules, warnings)
        for name in KEYS:
            if name not in SINGLE:
                source.tables[name] = self._table(name)
        self._check_pack(source.pack)
        for signal in source.tables["signals"]:
            self._check_signal(signal)
        self._check_unique(source)
        for accumulator in source.tables["accumulators"]:
            self._check_accumulator(accumulator)
            if source.pack.text("kind") == "day" and accumulator.text("kind") == "metres":
                self._wrong((*accumulator.path, "kind"), "a day has no distance")
        events = [event.name for event in source.tables["events"]]
        for event in source.tables["events"]:
            for suppressor in event.texts("suppressed_by"):
                self._check_word((*event.path, "suppressed_by"), suppressor, events)
        self._check_circles(source.tables["events"])
        for series in source.tables["series"]:
            self._check_word((*series.path, "each"), series.text("each", EACH[0]), EACH)
            self._check_word((*series.path, "chart"), series.text("chart", CHARTS[0]), CHARTS)
            self._check_word((*series.path, "watch"), series.text("watch", WATCHES[0]), WATCHES)
            self._check_word((*series.path, "model"), series.text("model", MODELS[0]), MODELS)
        for factor in source.tables["factors"]:
            self._check_classes((*factor.path, "classes"), factor, FACTOR_CLASSES_MAX)
        for total in source.tables["totals"]:
            self._check_word((*total.path, "merge"), total.text("merge", "sum"), MERGES)
        return source

    def _table(self, name: str) -> list[Entry]:
        table = self._document.get(name, {})
        if not isinstance(table, dict):
            self._wrong((name,), f"expected tables [{name}.NAME]")
            return []
        if len(table) > MOST[name]:
            self._wrong((name,), f"{len(table)} entries; the limit is {MOST[name]}")
            return []
        entries = []
        for key, item in table.items():
            if not _NAME.fullmatch(key):
                self._wrong((name, key), "a name is a lower-case letter, then up to 63 of a-z, 0-9 and _")
            entries.append(self._entry((name, key), item, KEYS[name]))
        return entries

    def _entry(self, path: tuple[str, ...], item: object, keys: dict[str, str]) -> Entry:
        fields: dict[str, Any] = {}
        if not isinstance(item, dict):
            self._wrong(path, f"missing: a table [{'.'.join(path)}]" if item is None else "expected a table")
            return Entry(path, fields)
        for key in item:
            if key not in keys:
                self._wrong((*path, key), f"unknown key: {none_of(key, list(keys))}")
        for key, wanted in keys.items():
            if key in item:
                if is_a(item[key], wanted.lstrip("?")):
                    fields[key] = item[key]
                    if has_control(item[key]):
                        self._wrong((*path, key), "a control character; only line breaks and tabs are text")
                else:
                    self._wrong((*path, key), f"expected {wanted.lstrip('?')}, not {_shown(item[key])}")
            elif not wanted.startswith("?"):
                self._wrong((*path, key), "missing")
        return Entry(path, fields)

    def _check_word(self, path: tuple[str, ...], word: str, allowed: list[str]) -> None:
        if word not in allowed:
            self._wrong(path, none_of(word, allowed))

    def _check_pack(self, pack: Entry) -> None:
        if "name" in pack.fields and not _PACK_NAME.fullmatch(pack.text("name")):
            self._wrong(("pack", "name"), "a lower-case letter, then up to 63 of a-z, 0-9 and -")
        if "kind" in pack.fields:
            self._check_word(("pack", "kind"), pack.text("kind"), KINDS)
        classes = pack.texts("classes")
        self._check_classes(("pack", "classes"), pack, CLASSES_MAX)
        like = pack.fields.get("like", {})
        for name, other in like.items():
            self._check_word(("pack", "like"), name, classes)
            self._check_word(("pack", "like"), other, [c for c in classes if c not in like])

    def _check_classes(self, path: tuple[str, ...], entry: Entry, most: int) -> None:
        classes = entry.texts("classes")
        for name in classes:
            if not _NAME.fullmatch(name):
                self._wrong(path, f"{name[:64]!r}: a lower-case letter, then up to 63 of a-z, 0-9 and _")
        if "classes" in entry.fields and (not classes or len(set(classes)) != len(classes) or len(classes) > most):
            self._wrong(path, f"one to {most} classes, each once")

    def _check_signal(self, signal: Entry) -> None:
        if "vss" in signal.fields and not _VSS.fullmatch(signal.text("vss")):
            self._wrong((*signal.path, "vss"), "expected a VSS name such as Vehicle.Speed")
        self._check_word((*signal.path, "role"), signal.text("role", "none"), ROLES)

    def _check_unique(self, source: Source) -> None:
        sample = [("elapsed", ""), ("distance", "")]
        for table in ("signals", "params", "values", "accumulators", "events"):
            sample.extend((entry.name, table) for entry in source.tables[table])
        seen: dict[str, str] = {}
        for name, table in sample:
            if table and (name in UNITS or iskeyword(name) or any(name in words for words in FUNCTIONS.values())):
                self._wrong(
                    (table, name), f"{name!r} is a unit, a function or a word of expressions; choose another name"
                )
            if name in seen:
                self._wrong((table, name), f"{name!r} is also the name of {seen[name] or 'a built-in accumulator'}")
            seen.setdefault(name, f"[{table}.{name}]" if table else "")
        by_vss: dict[str, str] = {}
        for signal in source.tables["signals"]:
            other = by_vss.setdefault(signal.text("vss"), signal.name)
            if other != signal.name:
                self._wrong((*signal.path, "vss"), f"{signal.text('vss')!r} is also signals.{other}")
        by_id: dict[int, str] = {}
        for item in source.tables["trip"] + source.tables["period"]:
            number = item.fields.get("id")
            if number is None:
                continue
            if not 1 <= number <= 0xFFFF:
                self._wrong((*item.path, "id"), f"{number} is not in 1..65535")
            other = by_id.setdefault(number, ".".join(item.path))
            if other != ".".join(item.path):
                self._wrong((*item.path, "id"), f"{number} is also the id of {other}; ids are unique over both levels")
            self._check_word((*item.path, "direction"), item.text("direction", "neutral"), list(DIRECTIONS))
            if not 0 <= item.fields.get("decimals", 0) <= 6:
                self._wrong((*item.path, "decimals"), f"{item.fields['decimals']} is not in 0..6")

    def _check_accumulator(self, item: Entry) -> None:
        kind = item.text("kind")
        if "kind" not in item.fields:
            return
        self._check_word((*item.path, "kind"), kind, ACCUMULATOR_KINDS)
        wanted = {"when"} if kind in {"time", "metres", "edges"} else {"of", "edges"} if kind == "bands" else {"of"}
        for key in ("when", "of", "edges") if kind in ACCUMULATOR_KINDS else ():
            if key in wanted and key not in item.fields:
                self._wrong((*item.path, key), f"missing: kind {kind!r} needs it")
            if key not in wanted and key in item.fields and (kind not in {"sum", "integral"} or key != "when"):
                self._wrong((*item.path, key), f"kind {kind!r} has no use for it")

    def _check_circles(self, events: list[Entry]) -> None:
        suppressors = {event.name: event.texts("suppressed_by") for event in events}
        settled: set[str] = set()
        while True:  # an event is settled when all of its suppressors are; what never is stands in or behind a circle
            ready = {n for n, by in suppressors.items() if n not in settled and all(s in settled for s in by)}
            if not ready:
                break
            settled |= ready
        for event in events:
            known = [name for name in suppressors[event.name] if name in suppressors]
            if event.name not in settled and known == suppressors[event.name]:
                self._wrong((*event.path, "suppressed_by"), "events suppress each other in a circle")


def _shown(value: object) -> str:
    # A float is what `_exact` makes of a number that is no plain decimal.
    return "one with an exponent or so many places" if isinstance(value, float) else repr(str(value)[:40])
