"""What docs/forecasts.md says of intervals by month is what made series give, by the code that makes a person's page."""

import math
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from headway_server.reading.trend import predict

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "forecasts.md").read_text(encoding="utf-8").split())
INDEPENDENT = re.search(r"of independent months the interval of 80 % holds (\d+) to (\d+) %, from 4 to 36 months", PAGE)
RUNS = 3000
Draw = Callable[[random.Random, int], list[int]]


def held_pct(draw: Draw, months: int) -> float:
    """Of how many series, in %, the number after so many months lay within what was expected."""
    dice = random.Random(1)  # noqa: S311 - repeatable, not secret
    held = 0
    for _ in range(RUNS):
        *before, comes = draw(dice, months + 1)
        _, low, high = predict(before)
        held += low <= comes <= high
    return 100 * held / RUNS


def independent(dice: random.Random, count: int) -> list[int]:
    return [round(1000 + 100 * dice.gauss(0, 1)) for _ in range(count)]


def walk(dice: random.Random, count: int) -> list[int]:
    at, found = 100_000, []
    for _ in range(count):
        at += round(1000 * dice.gauss(0, 1))
        found.append(at)
    return found


def season(dice: random.Random, count: int) -> list[int]:
    """A year's season at its steepest in the last month, and a tenth of it as noise."""
    return [
        round(10_000 + 1000 * math.sin(math.pi * (i - count + 1) / 6) + 100 * dice.gauss(0, 1)) for i in range(count)
    ]


@pytest.mark.parametrize("months", [4, 12, 36])
def test_independent_months(months: int) -> None:
    assert INDEPENDENT is not None
    assert int(INDEPENDENT[1]) <= round(held_pct(independent, months)) <= int(INDEPENDENT[2])


@pytest.mark.parametrize(
    ("draw", "months", "words"),
    [
        (walk, 4, "of random walks {} % after four months"),
        (walk, 12, "{} % after twelve. Where"),
        (season, 4, "it holds {} % in the steepest month after four months"),
        (season, 6, "{} % after six"),
        (season, 12, "{} % after twelve (`tests"),
    ],
)
def test_walks_and_seasons(draw: Draw, months: int, words: str) -> None:
    assert words.format(round(held_pct(draw, months))) in PAGE
