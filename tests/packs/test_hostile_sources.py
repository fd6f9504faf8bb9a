"""Sources that mean harm: each is refused with a reason, and soon."""

import time
from collections.abc import Callable

import pytest

from headway_server.packs.compile import compile_source
from headway_server.packs.problems import PackRefused
from headway_server.packs.source import parse

SECONDS_MAX = 20.0  # the slowest takes about 2 s; without the limits of line and nesting it would be minutes
FORMULA = '"delta(now, 1*s)"'


def refusal(data: bytes) -> str:
    began = time.monotonic()
    with pytest.raises(PackRefused) as refused:
        compile_source(parse(data, "m"))
    assert time.monotonic() - began < SECONDS_MAX
    assert len(refused.value.problems) <= 200
    return str(refused.value)


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("__import__('os').system('true')", "unknown function"),
        ("__import__", "unknown name"),
        ("speed.__class__", "a dot after a name is not part of an expression"),
        ("speed.real + 1", "a dot after a name is not part of an expression"),
        ("lambda: 1", "lambda is not part of an expression"),
        ("(lambda: 1)()", "unknown function"),
        ("'speed'", "is no literal"),
        ("f'{speed}'", "JoinedStr is not part of an expression"),
        ("[now for now in (1,)]", "ListComp is not part of an expression"),
        ("(x := 5) * now", "NamedExpr is not part of an expression"),
        ("await now", "Await is not part of an expression"),
        ("speed[0]", "Subscript is not part of an expression"),
        ("max(*now)", "takes plain operands only"),
        ("max(now, key=now)", "takes plain operands only"),
        ("True", "is no literal"),
        ("...", "is no literal"),
        ("None", "is no literal"),
        ("10**9", "a power is not part of an expression"),
        ("10**9**9**9", "a power is not part of an expression"),
        ("1e999999999 * now", "is no literal"),
        ("1_000 * now", "is no literal"),
        ("0xff * now", "is no literal"),
        ("1j * now", "is no literal"),
        ("9" * 900 + " * now", "is no literal"),
        ("now +\n" * 500 + "now", "the limit is 2000"),
        ("(" * 400 + "now" + ")" * 400, "not an expression"),
        ("abs(" * 190 + "now" + ")" * 190, "nested deeper than 40"),
        ("not " * 200 + "(now > fast)", "nested deeper than 40"),
        ("-" * 900 + "now", "nested deeper than 40"),
        ("\n+".join(["now"] * 400), "nested deeper than 40"),
        ("+".join(["now"] * 25), "no device would take it: "),
        ("max(" + ",\n".join(["now"] * 300) + ")", "no device would take it: "),
        ("*\n".join(["999999999999999*km"] * 60), "nested deeper than 40"),
        ("now\\u0000", "a control character"),
        ("1or 2", "not an expression"),
    ],
)
def test_an_expression_is_never_evaluated_only_refused(minimal: str, formula: str, reason: str) -> None:
    assert reason in refusal(minimal.replace(FORMULA, f'"""{formula}"""').encode())


SMALL_VALUE = '[values.v%d]\nformula = "now"\nabout = "x"\n'
DOUBLING = "".join(f'[values.v{i}]\nformula = "{f"v{i - 1}" if i else "now"} * 2"\nabout = "x"\n' for i in range(40))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"#" * 10_000_000, "more than 131072 bytes"),
        (b"a = " + b"[" * 900, "nested too deep to be a pack"),
        (b"a = " + b"[\n" * 60_000, "nested too deep to be a pack"),
        (b"a" + b".a" * 60_000 + b" = 1", "the limit is 1000: break it"),
        (b"\n".join(b"k%d" % i + b".a" * 490 + b" = 1" for i in range(128)), "unknown table"),
        (b"[" + b"a." * 490 + b"a]\n" + b"".join(b"k%d = 1\n" % i for i in range(12_000)), "unknown table"),
        (b"".join(b"k%d = 1\n" % i for i in range(9_000)), "unknown table"),
        (b"a = " + b"9" * 900, "unknown table"),
        (bytes(range(256)) * 100, "is not UTF-8"),
    ],
    ids=[
        "bytes",
        "brackets",
        "brackets over lines",
        "one long key",
        "long keys",
        "long table",
        "keys",
        "digits",
        "noise",
    ],
)
def test_a_huge_or_deep_source_is_refused_soon(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_thousands_of_rules_are_refused_by_their_number(minimal: str) -> None:
    text = minimal + "".join(SMALL_VALUE % i for i in range(2500))
    assert "values: 2502 entries; the limit is 48" in refusal(text.encode())


def test_an_integer_too_long_for_python_is_refused_as_toml(minimal: str) -> None:
    lines = minimal.replace("version = 1\n", "version = " + "9" * 990 + "\n")
    assert "pack.version: expected a whole number" in refusal(lines.encode())


def test_values_that_double_forty_times_are_refused_where_they_overflow(minimal: str) -> None:
    text = refusal(minimal.replace("[values.gain]", DOUBLING + "[values.gain]").encode())
    assert "values.v20: no device would take it" in text
    assert "overflow" in text


def test_a_circle_of_many_events_is_refused_soon(minimal: str) -> None:
    events = "".join(
        f'[events.e{i}]\nwhen = "now > fast"\nsuppressed_by = [{", ".join(f"{chr(34)}e{j}{chr(34)}" for j in range(14))}]'
        '\nabout = "x"\n'
        for i in range(14)
    )
    assert "events suppress each other in a circle" in refusal((minimal + events).encode())


def test_escape_sequences_of_a_source_do_not_reach_the_terminal() -> None:
    text = refusal(b'[pack]\n"\\u001b[2J" = 1\nname = "\\u001b[31m"\nkind = "\\u009b1m"\n')
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "pack.\\x1b[2J: unknown key" in text


def test_what_is_refused_is_never_more_than_a_page_or_two(refusals: Callable[..., list[str]]) -> None:
    keys = "".join(f"k{i} = 1\n" for i in range(1000))
    assert len(refusals(("[rules]\n", "[rules]\n" + keys))) == 200
