"""Hundreds of simulated fleets, each with its own faults: no violation in any of them."""

import os

import pytest

from headway_simulators.chaos.faults import KINDS, chosen, faults_of
from headway_simulators.chaos.runs import run_all
from headway_simulators.chaos.script import Script
from headway_simulators.chaos.summary import Summary

pytestmark = pytest.mark.full

SEEDS = range(1000, 1200)
DEVICES, DAYS = 6, 8


@pytest.mark.timeout(1200)
def test_no_violation_in_two_hundred_seeds() -> None:
    kinds = chosen("")
    scripts = [Script(seed, DEVICES, DAYS, faults_of(seed, DEVICES, DAYS, kinds)) for seed in SEEDS]
    summary = Summary()
    for outcome in run_all(scripts, min(os.cpu_count() or 1, 4)):
        summary.add(outcome)
    print(summary.as_json())
    wrong = [(found.script.seed, violation) for found in summary.failed for violation in found.violations]
    assert not wrong, f"headway chaos --seed {wrong[0][0]} --devices {DEVICES} --days {DAYS}: {wrong}"
    assert set(summary.counts["faults"]) == set(KINDS)
