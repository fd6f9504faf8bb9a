"""Simulated years of recorded trips: whose adjusted line leads, what a replacement does, and the chart of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headway_edge import packs
from headway_edge.core.consumable import LINE, NOT_YET
from headway_edge.core.usage_line import DAYS_LEAST
from headway_simulators import nrel
from headway_simulators.consumables.chart import draw
from headway_simulators.consumables.recorded_days import recorded_days
from headway_simulators.consumables.simulated_use import SimulatedUse, simulated_use
from headway_simulators.demo import shipped_sources
from headway_simulators.errors import SimulatorError

PROCESS = packs.load("private-driving")
SHORT_M = 18_000  # Table II of the founding paper


def lead(files: list[Path]) -> tuple[float, float]:
    """(share of the distance on trips of 18 km and more, how much sooner the adjusted line reaches the limit)."""
    days = recorded_days(files, PROCESS, "car")
    trips = [PROCESS.total("distance_m", totals) for day in days for totals in day]
    oil = oil_of(files, 200)
    # The first outlook of the first oil that has both lines.
    found = next(outlook for outlook in oil.stretches[0].outlooks if outlook.adjusted_days and outlook.real_days)
    return sum(m for m in trips if m >= SHORT_M) / sum(trips), 1 - found.adjusted_days / found.real_days


def oil_of(files: list[Path], days: int) -> SimulatedUse:
    return simulated_use(PROCESS, recorded_days(files, PROCESS, "car"), days)[0]


def test_the_adjusted_line_leads_most_for_drivers_of_short_trips_only() -> None:
    found = [lead(source.files) for source in shipped_sources()]
    short = [ahead for share, ahead in found if share == 0]
    mixed = [ahead for share, ahead in found if share > 0.4]
    assert len(short) + len(mixed) == 14
    assert len(short) == 8
    # A short trip counts 1.25 times: 20 % sooner; and idling comes on top.
    assert min(short) >= 0.2
    assert max(mixed) < min(short)


@pytest.mark.full
def test_on_real_days_it_leads_for_short_trip_drivers_and_not_for_others() -> None:
    # One vehicle moved 100 m on its only day; ten years of it reach no limit.
    vehicles = [vehicle for vehicle in nrel.vehicles() if vehicle.name != "4033363_1"]
    found = [lead(vehicle.day_files) for vehicle in vehicles]
    short = [ahead for share, ahead in found if share == 0]
    long = [ahead for share, ahead in found if share > 0.8]
    assert len(short) >= 9
    assert len(long) >= 5
    assert min(short) >= 0.2
    assert max(long) < 0.06


def test_a_replacement_restarts_both_lines_and_the_first_two_weeks_are_not_yet() -> None:
    far = next(source.files for source in shipped_sources() if source.device == "driver-08")
    oil = oil_of(far, 400)
    assert oil.replacements == 1
    for stretch in oil.stretches:
        daily = stretch.real[0]
        assert stretch.real == [daily * (i + 1) for i in range(len(stretch.real))]
        assert stretch.adjusted[0] < 2 * daily
        reasons = [outlook.reason for outlook in stretch.outlooks]
        assert reasons[: DAYS_LEAST - 1] == [NOT_YET] * (DAYS_LEAST - 1)
        assert reasons[DAYS_LEAST - 1] == LINE
        assert all(outlook.days is None for outlook in stretch.outlooks[: DAYS_LEAST - 1])
    due = len(oil.stretches[0].real)
    # Every day is the same, so the very first outlook has the day.
    assert oil.stretches[0].outlooks[DAYS_LEAST - 1].days == pytest.approx(due - DAYS_LEAST, abs=1)


def test_the_chart_shows_both_lines_and_the_days_they_reach_the_limit() -> None:
    files = next(source.files for source in shipped_sources() if source.device == "driver-08")
    oil = oil_of(files, 60)
    image = draw(oil)
    assert draw(oil) == image
    text = re.sub(r"<[^>]*>", " ", image.decode())
    outlook = oil.stretches[-1].outlooks[-1]
    assert f"Engine oil: {outlook.days} days left" in text
    assert f"day {60 + outlook.days}" in text
    assert f"day {60 + outlook.real_days}" in text
    assert "adjusted for wear" in text
    assert "limit 12,070 km" in text
    assert draw(oil, "png").startswith(b"\x89PNG")
    assert "not yet known" in re.sub(r"<[^>]*>", " ", draw(oil_of(files, 5)).decode())


def oil_lines(days: list[list[list[int]]], seed: int) -> list[int]:
    return simulated_use(PROCESS, days, 60, seed)[0].stretches[0].adjusted


def test_days_drawn_at_random_are_the_same_for_a_seed_and_reach_the_limit_within_the_band() -> None:
    files = [source.files[0] for source in shipped_sources()]
    drivers = [recorded_days([file], PROCESS, "car")[0] for file in files]
    days = [one + other for one in drivers for other in drivers]  # who drives for two
    assert oil_lines(days, 1) == oil_lines(days, 1) != oil_lines(days, 2)
    within = 0
    for seed in range(40):
        oil = simulated_use(PROCESS, days, 400, seed)[0].stretches[0]
        told = oil.outlooks[89]
        assert oil.outlooks[-1].calendar_days > 0  # it was the use that made it due
        within += told.fewest <= len(oil.adjusted) - 90 <= told.most
    # 80 of 100; 40 draws may miss by three standard errors.
    assert 24 <= within <= 39


def test_recordings_without_a_trip_are_refused(tmp_path: Path) -> None:
    standing = tmp_path / "standing.csv"
    standing.write_text("timestamp,Vehicle.Speed\n" + "".join(f"{1_700_000_000 + i},0\n" for i in range(60)))
    with pytest.raises(SimulatorError, match="no trip"):
        recorded_days([standing], PROCESS, "car")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headway_simulators", "consumables", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_command_tells_and_draws(tmp_path: Path) -> None:
    file, out = shipped_sources()[7].files[0], tmp_path / "oil.svg"
    done = run(file, "--days", "100", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Engine oil: about" in done.stdout
    assert out.read_bytes().startswith(b"<?xml")
    lines = [json.loads(line) for line in run(file, "--days", "10", "--json").stdout.splitlines()]
    assert [line["consumable"] for line in lines] == ["oil", "tyres", "battery", "air-filter"]
    assert {line["reason"] for line in lines} == {"not yet"}
    assert {line["days_left"] for line in lines} == {None}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "oil.gif"], "a chart is drawn as .svg or .png"),
        (["--of", "wipers", "--out", "oil.svg"], "'wipers' is none of oil, tyres, battery, air-filter"),
        (["--class", "boat"], "knows the classes"),
        (["--out", "no/such/folder/oil.svg"], "cannot be written"),
    ],
)
def test_what_it_cannot_do_it_says(arguments: list[str], words: str) -> None:
    done = run(shipped_sources()[0].files[0], "--days", "2", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
