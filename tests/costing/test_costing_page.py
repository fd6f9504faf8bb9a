"""docs/costing.md says what its commands print: on made logs always, on the help-desk log and for the rates in a full run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench import factors

ROOT = Path(__file__).parents[2]
HELP_DESK = ROOT.parent / "shared/data/helpdesk_log/helpdesk.xes.gz"
PAGE = (ROOT / "docs/costing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
MADE = [block for block in BLOCKS if "helpdesk" not in block]
REAL = [block for block in BLOCKS if "helpdesk" in block]


def printed(command: str, folder: Path) -> str:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(  # noqa: S602 - the page's own commands
        command, shell=True, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    return done.stdout + done.stderr


def flat(text: str) -> list[str]:
    """The lines that say something, without rules and the blanks that only align."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line and not set(line) <= set("─ ")]


def check(block: str, folder: Path) -> None:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        assert flat(printed(command, folder)) == flat(expected), command


def test_the_page_has_both_kinds_of_examples() -> None:
    assert len(MADE) >= 2
    assert len(REAL) >= 3


@pytest.mark.parametrize("block", MADE, ids=range(len(MADE)))
def test_on_made_logs_the_commands_print_what_the_page_says(block: str, tmp_path: Path) -> None:
    check(block, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("block", REAL, ids=range(len(REAL)))
def test_on_the_help_desk_log_the_commands_print_what_the_page_says(block: str, tmp_path: Path) -> None:
    assert HELP_DESK.exists(), f"this test needs the help-desk log, {HELP_DESK}"
    shutil.copy(HELP_DESK, tmp_path)
    check(block, tmp_path)


@pytest.mark.full
def test_the_rates_are_those_of_the_benchmark() -> None:
    figures = [figure for _, figure, _, _ in factors.figures()]
    for i, effect in enumerate(factors.EFFECTS):
        cells = " | ".join(f"{figure} %" for figure in figures[4 * i : 4 * i + 4])
        assert f"| {effect:g} | {cells} |" in PAGE
