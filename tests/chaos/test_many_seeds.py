"""Hundreds of simulated fleets, each with its own faults: no violation in any of them, and everything happened in some."""

import os
from collections.abc import Callable

import pytest

from headway_simulators.chaos.faults import KINDS, chosen, faults_of
from headway_simulators.chaos.runs import run_all
from headway_simulators.chaos.script import Script
from headway_simulators.chaos.summary import Summary

pytestmark = pytest.mark.full

SIZES = dict.fromkeys(range(1000, 1180), (10, 8)) | dict.fromkeys(range(1180, 1200), (4, 50))
MUST_HAPPEN = {
    "devices": ("killed", "killed amid a change of the disk", "lost power", "put a damaged store aside"),
    "server": (
        "asked a device to send again",
        "closed an epoch",
        "could not commit",
        "killed amid acknowledgements",
        "killed before a commit",
        "killed before acknowledgements",
        "killed in a commit",
        "restored",
        "erased again what came back",
    ),
    "operator": (
        "offered a pack",
        "erased a person",
        "found nothing to erase",
        "saw the server killed amid it",
        "was told that it failed",
    ),
    "dropped by the broker": ("access denied", "the server's queue is full", "too large"),
}


@pytest.mark.timeout(1200)
def test_no_violation_in_two_hundred_seeds(tell: Callable[[str], None]) -> None:
    kinds = chosen("")
    scripts = [Script(seed, *size, faults_of(seed, *size, kinds)) for seed, size in SIZES.items()]
    summary = Summary()
    for outcome in run_all(scripts, min(os.cpu_count() or 1, 4)):
        summary.add(outcome)
    found = summary.as_json()
    tell(f"{summary.runs} fleets, {summary.device_years:.0f} device-years: {found['records']}, {found['counts']}")
    wrong = [(failed.script.seed, violation) for failed in summary.failed for violation in failed.violations]
    assert not wrong, f"headway chaos --seed SEED with --devices and --days of {SIZES[wrong[0][0]]}: {wrong}"
    assert set(summary.counts["faults"]) == set(KINDS)
    for what, names in MUST_HAPPEN.items():
        assert not [name for name in names if not summary.counts[what][name]], what
    assert summary.made["day"] > 0
    assert summary.repeated > 0
    assert summary.erased > 0
    assert summary.lost["dropped, the store was full"] > 0
