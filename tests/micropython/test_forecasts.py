"""Forecasts on every interpreter: the same numbers, and nothing allocated by an update."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

HOSTS = ("cpython", "micropython", "micropython32")


def wild_steps(seed: int) -> str:
    """Ordinary weeks, jumps, and numbers as large as there may be and larger."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lines = []
    for step in range(400):
        actual = 5000 + 700 * (step % 7) + round(dice.gauss(0, 900))
        if step > 150:
            actual = dice.choice([actual] * 6 + [0, 1, -3, -actual])
        if step > 300:
            actual = dice.choice([1 << 20, -(1 << 20), dice.randint(-(1 << 20), 1 << 20), 2_000_000, 17])
        lines.append(f"{actual} {dice.choice([0, 32768, -32768, dice.randint(-32768, 32768)])}\n")
    return "".join(lines)


@pytest.mark.parametrize("seed", range(3))
def test_every_host_gives_the_same_forecasts_without_allocating(
    seed: int, run_on: Callable[..., str], tmp_path: Path
) -> None:
    steps = tmp_path / "steps.txt"
    steps.write_text(wild_steps(seed))
    outputs = {host: run_on(host, "forecast_vectors.py", steps) for host in HOSTS}
    assert outputs["cpython"].count("\n") > 400
    assert outputs["micropython"] == outputs["cpython"]
    assert outputs["micropython32"] == outputs["cpython"]
