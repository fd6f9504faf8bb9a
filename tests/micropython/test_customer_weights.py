"""A customer's weight is the same number on every host, and costs no heap."""

from collections.abc import Callable

import pytest

pytestmark = pytest.mark.full


@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_weights_are_the_same_on_every_host_with_the_heap_locked(host: str, run_on: Callable[..., str]) -> None:
    here = run_on("cpython", "weight_vectors.py")
    assert run_on(host, "weight_vectors.py", "locked") == here
    numbers = set(here.strip("[]\n").split(", "))
    assert {"32768", "-32768"} < numbers
    assert len(numbers) > 100
