"""In which line of a TOML text each table and key begins; the standard library's reader does not tell.

It looks only at what makes up statements (headers, keys, the ends of values), and is used on texts that `tomllib` has
already accepted: it need not judge, only find. Keys inside an inline table are found at the line of that table.

>>> lines = line_of_each_key('[events.stop]\\nwhen = \\'\\'\\'\\nv1 > 0\\n\\'\\'\\'\\nwait = "3*s"\\n')
>>> lines[("events", "stop")], lines[("events", "stop", "when")], lines[("events", "stop", "wait")]
(1, 2, 5)
"""

import re

_BARE_OR_QUOTED = re.compile(r"""\s*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(\.?)""")
_INSIDE = re.compile(r"\"\"\"|'''|\"|'|#|[\[\]{}]|\n")
# Each with what may end it; a backslash hides the next character in the two kinds with double quotes.
_ENDS = {
    '"""': re.compile(r'(?:[^\\"]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    "'''": re.compile(r"(?:[^']|'(?!''))*'{3,5}", re.DOTALL),
    '"': re.compile(r'(?:[^\\"\n]|\\.)*"'),
    "'": re.compile(r"[^'\n]*'"),
    "#": re.compile(r"[^\n]*"),
}


def line_of_each_key(text: str) -> dict[tuple[str, ...], int]:
    """Return the line, from 1, of each table and key of a valid TOML text, by path."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    at, line = 0, 1
    while at < len(text):
        if text[at] in " \t\r\n":
            line += text[at] == "\n"
            at += 1
            continue
        if text[at] == "#":
            at = _end_of_value(text, at)
            continue
        if text[at] == "[":
            many = text.startswith("[[", at)
            table, _ = _path(text, at + (2 if many else 1))
            if many:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            lines.setdefault(table, line)
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
        else:
            key, equals = _path(text, at)
            for length in range(1, len(key) + 1):
                lines.setdefault(table + key[:length], line)
            end = _end_of_value(text, equals)
        line += text.count("\n", at, end)
        at = max(end, at + 1)
    return lines


def line_of(lines: dict[tuple[str, ...], int], path: tuple[str, ...]) -> int:
    """Return the line of the longest part of `path` that has one, or of the first thing within; 0 if there is none."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return min((line for key, line in lines.items() if path and key[: len(path)] == path), default=0)


def _path(text: str, at: int) -> tuple[tuple[str, ...], int]:
    parts = []
    while match := _BARE_OR_QUOTED.match(text, at):
        parts.append(match[1] or match[2] or match[3] or "")
        at = match.end()
        if not match[4]:
            break
    return tuple(parts), at


def _end_of_value(text: str, at: int) -> int:
    # The first line's end that is outside of strings, arrays and inline tables.
    open_brackets = 0
    while match := _INSIDE.search(text, at):
        found = match[0]
        at = match.end()
        if found == "\n":
            if open_brackets <= 0:
                return match.start()
        elif found in _ENDS:
            end = _ENDS[found].match(text, at)
            at = end.end() if end else len(text)
        else:
            open_brackets += 1 if found in "[{" else -1
    return len(text)
