"""The documentation says what the code does: generated pages are current, commands and links exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from headway_protocol import code_texts
from headway_simulators.generated_docs import pages

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = (
    "demo",
    "replay",
    "record",
    "fields",
    "pack",
    "forecast",
    "agent",
    "serve",
    "verify",
    "doctor",
    "backup",
    "restore",
    "dead-letters",
)


@pytest.mark.parametrize("name", ["characteristics.md", "configuration.md", "fields.md"])
def test_generated_pages_are_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == pages()[name], "run: python -m headway_simulators.generated_docs docs"


def test_links_within_the_documentation_lead_somewhere() -> None:
    link = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
    dead = [f"{d.name}: {to}" for d in DOCUMENTS for to in link.findall(d.read_text()) if not (d.parent / to).exists()]
    assert dead == []


def test_files_named_in_the_documentation_exist() -> None:
    named = re.compile(r"`((?:tests|protocol|edge|server|simulators|bench)/[\w./-]+)`")
    missing = [
        f"{d.name}: {name}" for d in DOCUMENTS for name in named.findall(d.read_text()) if not (ROOT / name).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_and_the_readme_names_it(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headway_simulators", command, "--help"], capture_output=True, text=True, check=True
    )
    assert "Usage" in done.stdout
    assert f"headway {command}" in (ROOT / "README.md").read_text() or command == "demo"


def test_every_refusal_code_is_in_the_wires_documentation() -> None:
    text = (ROOT / "docs/protocol.md").read_text()
    for code in code_texts.known():
        name, cause, next_step = code_texts.explain(code)
        assert f"| {code} | `{name}` | {cause} | {next_step} |" in text
