"""What a microcontroller has: little heap, and none to spare while samples come in."""

from collections.abc import Callable

import pytest

RunOn = Callable[..., str]


def numbers(printed: str) -> dict[str, int]:
    return {name: int(number) for name, number in (line.rsplit(" ", 1) for line in printed.splitlines())}


@pytest.mark.full
@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_no_update_allocates_on_any_path(host: str, run_on: RunOn) -> None:
    found = numbers(run_on(host, "no_allocation.py", "core"))
    assert found.pop("left_behind") == 0
    assert found["updates"] >= 1000
    # Each path was taken, or the check would show nothing about it.
    assert sorted(name for name, number in found.items() if number == 0) == []
    assert {"opened", "closed", "accelerated", "braked", "gaps", "duplicate", "backwards", "too_short"} <= set(found)


@pytest.mark.full
@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_one_allocation_in_a_seldom_path_is_found(host: str, run_on: RunOn) -> None:
    assert run_on(host, "no_allocation.py", "allocating").startswith("allocated at update 192 (1000, 0, ")


@pytest.mark.full
def test_protocol_and_core_fit_64_kilobytes_from_source(run_on: RunOn, capsys: pytest.CaptureFixture[str]) -> None:
    used = numbers(run_on("micropython32", "heap_use.py", heap="64k"))
    with capsys.disabled():
        print(f"\nheap of a 32-bit MicroPython: {used['modules']} B modules, {used['core']} B core")
    assert used["record"] == 60
    assert used["modules"] < 32_000
    assert used["core"] < 1_300
