"""Lets the tests here import what they share, and the days of the tests of wellness; fixtures that several need."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "wellness"))
sys.path.insert(0, str(Path(__file__).parent))

from stored import Store


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty database of a server."""
    one = await Store.open(tmp_path / "headway.db")
    yield one
    await one.database.close()
