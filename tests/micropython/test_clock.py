"""A band's clock counts through the wrap of its ticks on every interpreter, and allocates nothing for a tick."""

from collections.abc import Callable

import pytest


@pytest.mark.full
def test_the_same_times_everywhere_without_an_allocation(run_on: Callable[..., str]) -> None:
    expected = run_on("cpython", "clock_vectors.py")
    assert len(expected.splitlines()) == 20
    assert "never set" in expected
    for host in ("micropython", "micropython32"):
        assert run_on(host, "clock_vectors.py") == expected
