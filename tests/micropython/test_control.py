"""Control charts, consumables and warning codes give the same numbers on every interpreter, and allocate nothing per update."""

from collections.abc import Callable

import pytest


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_the_same_numbers_everywhere_without_an_allocation(seed: int, run_on: Callable[..., str]) -> None:
    expected = run_on("cpython", "control_vectors.py", str(seed))
    assert len(expected.splitlines()) > 150
    for host in ("micropython", "micropython32"):
        assert run_on(host, "control_vectors.py", str(seed)) == expected
