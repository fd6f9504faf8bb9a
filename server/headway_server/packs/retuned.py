"""A pack's source with learned weights written into it: everything else stays as its author wrote it, but the version.

The source is edited line by line, for a source that is written anew from its data would have lost the author's comments and
order. It is read again afterwards, so what is returned is a pack.

>>> in_decimals(9830), in_decimals(-8192), in_decimals(1)
('0.29999', '-0.25', '0.00003')
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from headway_edge.core.forecast.fixed_point import GAIN_ONE
from headway_server.errors import ServerError
from headway_server.packs.dimension import exact_text
from headway_server.packs.source import Source, parse

_VERSION = re.compile(r"^(\s*version\s*=\s*)\d+")
_PLACES = 5  # of a decimal, so that every step of 2**-15 has one of its own


def in_decimals(weight: int) -> str:
    """Return a weight in 2**-15 as the shortest decimal of five places that the compiler reads as the same weight."""
    return exact_text(Fraction(round(Fraction(weight, GAIN_ONE) * 10**_PLACES), 10**_PLACES))


def retuned(
    text: str,
    file: str,
    series: str,
    weights: Mapping[str, Sequence[int]],
    classes: Mapping[str, Sequence[str]],
    gains: Mapping[str, Fraction],
) -> str:
    """Return a source with the weights of one series, its next version.

    series: the name of its table. weights: by factor, in 2**-15, of its classes in the order of `classes`. Factors that the
    source does not name are added to it. gains: alpha, damping and share, where they are to be others. Raises PackRefused for a
    source that is none, and ServerError for one that cannot be edited.
    """
    source = parse(text.encode(), file)
    lines = text.replace("\r\n", "\n").split("\n")
    table = next(item for item in source.tables["series"] if item.name == series)
    written = ", ".join(f"{name} = [{', '.join(map(in_decimals, found))}]" for name, found in weights.items())
    changes = {}
    if table.text("model", "choice") == "choice":
        changes["model"] = 'model = "r1"'
    changes |= {key: f"{key} = {exact_text(gain)}" for key, gain in gains.items()}
    changes["weights"] = f"weights = {{ {written} }}"
    at = source.line("pack", "version") - 1
    lines[at] = _VERSION.sub(rf"\g<1>{source.pack.fields['version'] + 1}", lines[at])
    for key, line in changes.items():
        if key in table.fields:
            at = source.line(*table.path, key)
            _check_one_line(source, lines, at, line)
            lines[at - 1] = line
    added = [line for key, line in changes.items() if key not in table.fields]
    header = source.line(*table.path)  # right under it: below, values may go on over several lines
    lines[header:header] = added
    while lines and not lines[-1].strip():
        lines.pop()
    known = {factor.name for factor in source.tables["factors"]}
    for name in weights:
        if name not in known:
            lines += _factor(name, classes[name])
    found = "\n".join(lines) + "\n"
    parse(found.encode(), file)
    return found


def _check_one_line(source: Source, lines: Sequence[str], at: int, line: str) -> None:
    key = line.partition(" =")[0]
    old = lines[at - 1].strip()
    if not old.startswith(key) or old.count("[") != old.count("]") or old.count("{") != old.count("}"):
        raise ServerError(
            f"{source.file}:{at}: {key!r} is not written on one line of its own, so it cannot be replaced",
            f"write it as {line!r}",
        )


def _factor(name: str, classes: Sequence[str]) -> list[str]:
    listed = ", ".join(f'"{one}"' for one in classes)
    return [
        "",
        f"[factors.{name}]",
        f'title = "{name.replace("_", " ").capitalize()}"',
        f"classes = [{listed}]",
        'about = "As the fleet knows it of its persons."',
    ]
