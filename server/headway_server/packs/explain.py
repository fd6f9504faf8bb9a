"""A pack in words: each signal, value, accumulator, event and characteristic with unit, formula, direction and source.

For people who are to agree with a definition, or to find out what a number on a page is made of. Made of the catalogue
alone, so that it can be shown wherever a catalogue is.
"""

import re
from collections.abc import Callable, Iterator
from textwrap import fill
from typing import Any

from headway_server.packs.dimension import UNITS, exact_text
from headway_server.packs.outlook import GAINS
from headway_server.packs.schema import MODELS, WATCHES

_WIDTH = 110
_KIND_WORDS = {
    "time": "time while {when}",
    "metres": "distance while {when}",
    "edges": "times that this became true: {when}",
    "sum": "sum over samples of {of}",
    "integral": "{of}, times time",
    "max": "highest {of}",
    "min": "lowest {of}",
    "first": "first {of}",
    "last": "last {of}",
    "bands": "times by {of}, cut at {edges}",
}
_SPELLED = {"kmh": "km/h", "mps": "m/s", "mps2": "m/s2", "degps": "deg/s", "percent": "%", "celsius": "°C"}
_UNIT = re.compile(r"(\d)\s*\*\s*(" + "|".join(UNITS) + r")\b")
_MERGE_WORDS = {"sum": "added up over {}s", "max": "the highest of all {}s", "min": "the lowest of all {}s"}


def explained(catalogue: dict[str, Any]) -> str:
    """Return the text for a catalogue, ending in a line's end."""
    return "\n".join(_lines(catalogue)) + "\n"


def _lines(pack: dict[str, Any]) -> Iterator[str]:
    yield f"{pack['title']} ({pack['name']} version {pack['version']}, id {pack['pack_id']})"
    yield _indented(pack["about"], "")
    if pack["source"]:
        yield _indented("Source: " + pack["source"], "")
    classes = [f"{name} (as {pack['like'][name]})" if name in pack["like"] else name for name in pack["classes"]]
    yield "Classes: " + ", ".join(classes)
    yield "\nRules of an episode"
    rules = pack["rules"]
    if pack["kind"] == "day":
        yield f"  a sample is an epoch of {_words(rules['epoch'])}"
        yield f"  a day begins when the local clock passes {_words(rules['boundary'])}"
        yield f"  under {_words(rules['min_elapsed'])} it is no day"
    else:
        yield from _trip_rules(rules)
    yield from _section("Signals", pack["signals"], _signal)
    yield from _section("Parameters, by class", pack["params"], _parameter)
    yield from _section("Values, on every sample", pack["values"], lambda item: _words(item["formula"]))
    kind = pack["kind"]
    first = "elapsed and distance" if kind == "trip" else "elapsed"
    yield from _section(f"Accumulators, over a {kind}, after {first}", pack["accumulators"], _accumulator)
    yield from _section(f"Events, counted over a {kind}", pack["events"], _event)
    yield from _section(f"Totals, over the {kind}s of a period", pack["totals"], lambda item: _total(item, kind))
    for level, heading in (("trip", f"Characteristics of a {kind}"), ("period", "Characteristics of a period")):
        yield "\n" + heading
        for item in pack["characteristics"]:
            if item["level"] == level:
                unit = "" if item["unit"] == "1" else f" [{item['unit']}]"
                counted = "; with the error of counting" if item["counted"] else ""
                yield f"  {item['id']} {item['title']}{unit}: {item['formula']}; {item['direction']}{counted}"
                yield from _about(item)
    yield from _section("Contexts of a trip, by which a period can be broken down", pack["contexts"], _context)
    yield from _section("Score: the axes", pack["score"], _axis)
    classes_of = {item["name"]: item["classes"] for item in pack["factors"]}
    yield from _section("Customer factors, as the device is told of its person", pack["factors"], _factor)
    yield from _section(
        "Series, forecast and watched on the device", pack["series"], lambda item: _series(item, classes_of)
    )
    yield from _section("Consumables", pack["consumables"], consumable)
    if pack["warnings"]:
        around = ", ".join(pack["warnings"]["condition"]) or "nothing"
        yield "\nWarning codes"
        yield f"  carried by {pack['warnings']['code']}; kept for seven seconds around one: {around}"
    yield from _section("Advice on warning codes, the most urgent first", pack["advice"], advice)


def _trip_rules(rules: dict[str, str]) -> Iterator[str]:
    yield f"  samples up to {_words(rules['near'])} apart are one observation"
    yield f"  silence of more than {_words(rules['gap'])} ends a trip"
    yield f"  standing for more than {_words(rules['standing'])} ends it when nothing says that the engine runs"
    yield f"  a trip is cut after {_words(rules['limit'])}"
    yield f"  under {_words(rules['min_distance'])} or {_words(rules['min_elapsed'])} it is no trip"


def _section(heading: str, items: list[dict[str, Any]], words: Callable[[dict[str, Any]], str]) -> Iterator[str]:
    if items:
        yield "\n" + heading
    for item in items:
        what = f" ({item['is']})" if item["is"] else ""
        yield _indented(f"{item['name']}{what}: {words(item)}", "  ")
        yield from _about(item)


def _about(item: dict[str, Any]) -> Iterator[str]:
    yield _indented(item["about"], "      ")
    if item.get("source"):
        yield _indented("Source: " + item["source"], "      ")


def _signal(item: dict[str, Any]) -> str:
    unit = f" {item['unit']}" if item["unit"] else ""
    wrap = f", starting again at {item['wrap']}" if "wrap" in item else ""
    return f"{item['vss']}, {item['min']} to {item['max']}{unit}{wrap}"


def _parameter(item: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_words(value)}" for name, value in item["classes"].items())


def _accumulator(item: dict[str, Any]) -> str:
    when = _words(item.get("when", ""))
    words = _KIND_WORDS[item["kind"]].format(
        when=when, of=_words(item.get("of", "")), edges=_words(", ".join(item.get("edges", [])))
    )
    return f"{words} while {when}" if item["kind"] in {"sum", "integral"} and when else words


def _event(item: dict[str, Any]) -> str:
    parts = [f"when {_words(item['when'])}"]
    if "hold" in item:
        parts.append(f"held for {_words(item['hold'])}")
    if "quiet" in item:
        parts.append(f"at most once in {_words(item['quiet'])}")
    if item.get("suppressed_by"):
        within = f" within {_words(item['wait'])} before or after" if "wait" in item else " at the same time"
        parts.append(f"dropped if {' or '.join(item['suppressed_by'])} happens{within}")
    return "; ".join(parts)


def _factor(item: dict[str, Any]) -> str:
    return f"{item['title']}, one of {', '.join(item['classes'])}"


def _series(item: dict[str, Any], classes_of: dict[str, list[str]]) -> str:
    chart = item.get("chart", "none")
    watched = "" if chart == "none" else f", watched by {'an' if chart == 'ewma' else 'a'} {chart.upper()} chart"
    if chart in {"ewma", "cusum"}:
        watched += f" of its {'errors' if item.get('watch', WATCHES[0]) == WATCHES[0] else 'values'}"
    words = f"{item['of']} of each {item['each']}{watched}"
    if item.get("model", MODELS[0]) == MODELS[0]:
        return words
    gains = ", ".join(f"{key} {item.get(key, exact_text(usual))}" for key, usual in GAINS.items())
    words += f"; simple smoothing moved by customer factors ({item['model'].upper()}; {gains})"
    for name, weights in item.get("weights", {}).items():
        by_class = zip(classes_of[name], weights, strict=True)
        words += f"; {name}: " + ", ".join(f"{known} {weight}" for known, weight in by_class)
    return words


def advice(item: dict[str, Any]) -> str:
    """Return a rule on warning codes and what it says to do, in words."""
    times = f"{item['times']} trip{'' if item['times'] == 1 else 's'} within {item['days']} days"
    return f"{item['title']}, {item.get('code', 'any code')} on {times}: {item['do']}"


def consumable(item: dict[str, Any]) -> str:
    """Return what wears out, and when, in words. item: of a catalogue, as in `advice`."""
    limits = []
    if "limit" in item:
        worn = f" (as worn: {' + '.join(item['worn'])})" if "worn" in item else ""
        limits.append(f"{_words(item['limit'])} of {' + '.join(item['used'])}{worn}")
    limits += [f"{item['days']} days"] if "days" in item else []
    return f"{item['title']}, after {' or '.join(limits)}"


def _total(item: dict[str, Any], kind: str) -> str:
    enough = f"; compared from {_words(item['enough'])} on" if "enough" in item else ""
    return f"{_words(item['formula'])}; {_MERGE_WORDS[item.get('merge', 'sum')].format(kind)}{enough}"


def _context(item: dict[str, Any]) -> str:
    return f"{item['title']} when {_words(item['when'])}, else {item['otherwise']}"


def _axis(item: dict[str, Any]) -> str:
    return f"{item['title']}, weight {item.get('weight', 1)}, of {', '.join(item['of'])}"


def _words(formula: str) -> str:
    # 29*kmh reads as 29 km/h; the rest of an expression is plain enough as it is.
    return _UNIT.sub(lambda match: f"{match[1]} {_SPELLED.get(match[2], match[2])}", " ".join(formula.split()))


def _indented(text: str, indent: str) -> str:
    return fill(" ".join(text.split()), _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
