"""The specification with numbers: every rule, promise and fault has a test that exists, or says why it has none."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {"protocol.md": "R", "promises.md": "P", "faults.md": "F"}
FAULTS = 84
PROMISES = 15
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
_REASON = "not covered, because "


def rows(page: str) -> list[list[str]]:
    """The cells of each row that begins with an id."""
    letter = PAGES[page]
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if re.match(rf"\| *{letter}\d+ *\|", line)
    ]


@cache
def functions(path: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}
    # A state machine's test is an assignment: TestX = Machine.TestCase.
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, ast.ClassDef(node.targets[0].id, [], [], [], []))
    return found


@pytest.mark.parametrize(("page", "letter"), PAGES.items())
def test_ids_are_numbered_through(page: str, letter: str) -> None:
    ids = [row[0] for row in rows(page)]
    assert ids == [f"{letter}{number}" for number in range(1, len(ids) + 1)]
    assert {"faults.md": FAULTS, "promises.md": PROMISES}.get(page, len(ids)) == len(ids) > 0


@pytest.mark.parametrize("page", PAGES)
def test_each_has_a_test_or_says_why_not(page: str) -> None:
    for row in rows(page):
        text = " ".join(row)
        assert len(row) in {3, 4}, f"{row[0]}: {len(row)} columns"
        assert _TEST.search(text) or _REASON in text, f"{row[0]} has neither a test nor a reason"
        for reason in text.split(_REASON)[1:]:
            assert len(reason.split("`")[0].split()) >= 4, f"{row[0]}: that is no reason"


@pytest.mark.parametrize("page", PAGES)
def test_each_test_that_is_named_exists_and_is_not_skipped(page: str) -> None:
    for row in rows(page):
        for path, name in _TEST.findall(" ".join(row)):
            assert (ROOT / "tests" / path).is_file(), f"{row[0]}: there is no tests/{path}"
            assert name in functions(path), f"{row[0]}: there is no {name} in tests/{path}"
            marks = [ast.unparse(mark) for mark in functions(path)[name].decorator_list]
            assert not any("skip" in mark or "xfail" in mark for mark in marks), f"{row[0]}: {name} is not run"
