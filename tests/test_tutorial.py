"""The tutorial is what it says: its files are made, its commands are run, and they print what stands there.

The server that it starts in a second terminal is started here on ports of its own, which the commands are told.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")
TOKEN = re.findall(r"OPERATOR_TOKEN=(\S+)", PAGE)[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


def run(command: str, folder: Path) -> str:
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    environment["HEADWAY_OPERATOR_TOKEN"] = TOKEN
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


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    with ServerProcess(folder, 0, free_port(), TOKEN) as one:
        yield one


def addressed(command: str, server: ServerProcess) -> str:
    """The command with the addresses that a reader's own server has by default."""
    if re.match(r"headway pack (publish|offer) ", command):
        return f"{command} --server {server.url}"
    if command.startswith("headway replay ") and "--offline" not in command:
        return f"{command} --broker 127.0.0.1:{server.broker_port}"
    return command


def test_the_token_is_the_same_throughout() -> None:
    assert set(re.findall(r"OPERATOR_TOKEN=(\S+)", PAGE)) == {TOKEN}


def test_every_command_prints_what_the_page_says(folder: Path, server: ServerProcess) -> None:
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
                printed = run(addressed(command, server), folder)
                printed = printed.replace(server.url.rstrip("/"), "http://127.0.0.1:8000")
                assert flat(printed) == flat(expected), f"{command}\n{printed}"
                commands += 1
    assert commands >= 14
