"""The lines of keys, against texts that are awkward to scan and against the packs that ship."""

import tomllib
from typing import Any

import pytest

from headway_server.packs import library
from headway_server.packs.toml_lines import line_of, line_of_each_key

AWKWARD = '''\
# [not.a.table]
first = "a # no comment \\" still the text" # comment with "quotes
[ a . "b.c" ]  # ]
list = [ # ]
  "x]", 'y]\\',
  [1, 2], # [
]
text = """
key = "no key"
[no.table] \\"""
"""
raw = \'\'\'it's
[[no]] \'\'\'
inline = { one = 1, two = "}" }
dotted.key.s = 1979-05-27
[[many]]
n = 1

[[many]]
n = 2
[many.inner]
n = 3
last = true'''


def test_awkward_texts_are_scanned_as_toml_reads_them() -> None:
    tomllib.loads(AWKWARD)
    lines = line_of_each_key(AWKWARD)
    assert lines == {
        ("first",): 2,
        ("a", "b.c"): 3,
        ("a", "b.c", "list"): 4,
        ("a", "b.c", "text"): 8,
        ("a", "b.c", "raw"): 12,
        ("a", "b.c", "inline"): 14,
        ("a", "b.c", "dotted"): 15,
        ("a", "b.c", "dotted", "key"): 15,
        ("a", "b.c", "dotted", "key", "s"): 15,
        ("many", "0"): 16,
        ("many", "0", "n"): 17,
        ("many", "1"): 19,
        ("many", "1", "n"): 20,
        ("many", "inner"): 21,
        ("many", "inner", "n"): 22,
        ("many", "inner", "last"): 23,
    }


def test_the_line_of_what_has_none_is_that_of_what_is_around_it_or_within() -> None:
    lines = line_of_each_key(AWKWARD)
    assert line_of(lines, ("a", "b.c", "inline", "two")) == 14
    assert line_of(lines, ("a",)) == 3
    assert line_of(lines, ("nowhere",)) == 0
    assert line_of(lines, ()) == 0


@pytest.mark.parametrize("name", library.names())
def test_every_key_of_a_pack_that_ships_stands_in_the_line_that_is_told(name: str) -> None:
    text = library.path(name).read_text(encoding="utf-8")
    lines = line_of_each_key(text)
    by_number = text.split("\n")
    found = 0
    for table, entries in tomllib.loads(text).items():
        for key, value in entries.items():
            fields: dict[str, Any] = value if table not in {"pack", "rules", "warnings"} else {}
            for path in [(table, key), *((table, key, field) for field in fields)]:
                written = by_number[lines[path] - 1]
                assert written.startswith((f"{path[-1]} =", f"[{'.'.join(path)}]")), path
                found += 1
    assert found > 200
