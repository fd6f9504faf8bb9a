"""The tutorial is what it says: its files are made, its commands are run, and they print what stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(  # noqa: S602 - the page's own commands
        command, shell=True, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    return done.stdout + done.stderr


def flat(text: str) -> list[str]:
    """The lines that say something, without rules, spacing at their ends, and blanks that only align."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return [line for line in lines if line and not set(line) <= set("─ ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tutorial")


def test_every_command_prints_what_the_page_says(folder: Path) -> None:
    commands = 0
    for language, text in BLOCKS:
        if language == "python":
            name = text.splitlines()[0].removeprefix("# ")
            (folder / name).write_text(text, encoding="utf-8")
        elif language == "toml":
            with (folder / "bike.toml").open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        elif language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, expected = part.partition("\n")
                printed = run(command, folder)
                assert flat(printed) == flat(expected), f"{command}\n{printed}"
                commands += 1
    assert commands >= 6
