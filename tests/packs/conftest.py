"""A small pack for tests to change, and what its compiler says about a change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headway_server.packs.compile import Compiled, compile_source
from headway_server.packs.problems import PackRefused
from headway_server.packs.source import parse

MINIMAL = (Path(__file__).parent / "minimal.toml").read_text(encoding="utf-8")


def replaced(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in minimal.toml"
        text = text.replace(old, new)
    return text


@pytest.fixture
def minimal() -> str:
    return MINIMAL


@pytest.fixture
def compiled() -> Callable[..., Compiled]:
    """Compile minimal.toml with (old, new) replaced."""
    return lambda *changes: compile_source(parse(replaced(MINIMAL, changes).encode(), "minimal.toml"))


@pytest.fixture
def refusals() -> Callable[..., list[str]]:
    """Return the messages that minimal.toml with (old, new) replaced is refused with."""

    def messages(*changes: tuple[str, str]) -> list[str]:
        with pytest.raises(PackRefused) as refused:
            compile_source(parse(replaced(MINIMAL, changes).encode(), "minimal.toml"))
        return [str(problem) for problem in refused.value.problems]

    return messages
