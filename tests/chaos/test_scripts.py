"""Scripts: the faults of a seed, as JSON, and made smaller."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_simulators.chaos.faults import KINDS, chosen, describe, faults_of, groups
from headway_simulators.chaos.script import FLEET, Fault, Script
from headway_simulators.chaos.script_file import read_script
from headway_simulators.chaos.shrink import Shrinking
from headway_simulators.chaos.timeline import DAY_MS
from headway_simulators.errors import SimulatorError


def test_the_faults_of_a_seed_are_the_same_each_time_and_within_their_bounds() -> None:
    faults = faults_of(7, 20, 60, chosen(""))
    assert faults == faults_of(7, 20, 60, chosen(""))
    assert faults != faults_of(8, 20, 60, chosen(""))
    assert list(faults) == sorted(faults)
    for fault in faults:
        kind = KINDS[fault.kind]
        assert (fault.device == FLEET) is not kind.is_of_device
        assert kind.n[0] <= fault.n <= kind.n[1]
        assert kind.m[0] <= fault.m <= kind.m[1]
        assert fault.at_ms + fault.for_ms <= 60 * DAY_MS
        if kind.lasts is None:
            assert fault.for_ms == 0


def test_every_kind_comes_in_a_few_device_years_and_can_be_told_to_people() -> None:
    faults = faults_of(1, 50, 365, chosen(""))
    assert {fault.kind for fault in faults} == set(KINDS)
    for fault in faults:
        assert "{" not in describe(fault)


def test_choosing_kinds_leaves_the_others_faults_as_they_are() -> None:
    everything = faults_of(3, 10, 90, chosen(""))
    for group in groups():
        kinds = chosen(group)
        assert faults_of(3, 10, 90, kinds) == tuple(fault for fault in everything if fault.kind in kinds)
    assert chosen("kill, disk") == {"kill"} | {name for name, kind in KINDS.items() if kind.group == "disk"}
    assert chosen("none") == frozenset()
    with pytest.raises(SimulatorError, match=r"no kind of fault 'thunder'. Groups: network, .* Kinds: offline, "):
        chosen("thunder")


any_fault = st.builds(
    Fault,
    st.integers(0, DAY_MS),
    st.sampled_from(sorted(KINDS)),
    st.integers(-1, 30),
    st.integers(0, DAY_MS),
    st.integers(-1000, 1000),
    st.integers(0, 1000),
)


@given(st.builds(Script, st.integers(), st.integers(1, 9), st.integers(1, 9), st.lists(any_fault).map(tuple)))
def test_a_script_is_the_same_after_it_was_written_and_read(script: Script) -> None:
    path = Path("script.json")
    written = script.to_json()

    class Written(type(path)):  # type: ignore[misc]
        def read_text(self, *_args: object, **_options: object) -> str:
            return written

    assert read_script(Written("script.json")) == script


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "indices must be integers"),
        ('{"headway-chaos": 2, "seed": 1, "devices": 1, "days": 1, "faults": []}', "of format 2, this version knows 1"),
        ('{"headway-chaos": 1, "seed": 1, "devices": 1, "days": 1}', "KeyError\\('faults'\\)"),
        (
            '{"headway-chaos": 1, "seed": 1, "devices": 1, "days": 1, "faults": [{"at_ms": 1, "kind": "rain"}]}',
            "no kind 'rain'",
        ),
        (
            '{"headway-chaos": 1, "seed": 1, "devices": 1, "days": 1, "faults": [{"at_ms": "1", "kind": "kill"}]}',
            "not whole numbers",
        ),
    ],
)
def test_a_file_that_is_no_script_says_why(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(SimulatorError, match=f"script.json is no script of `headway chaos`: .*{reason}"):
        read_script(path)


@given(st.lists(any_fault, unique=True, min_size=1, max_size=40), st.data())
def test_shrinking_keeps_what_is_needed_and_drops_the_rest(faults: list[Fault], data: st.DataObject) -> None:
    needed = set(data.draw(st.lists(st.sampled_from(faults), unique=True, min_size=1, max_size=4)))
    script = Script(1, 40, 9, tuple(sorted(faults)))
    shrinking = Shrinking(lambda tried: needed <= set(tried.faults), runs_max=2000)
    smallest = shrinking.shrink(script)
    assert set(smallest.faults) == needed
    assert smallest.devices > max(fault.device for fault in needed)
    assert smallest.days * DAY_MS > max(fault.at_ms + fault.for_ms for fault in needed)


def test_shrinking_ends_after_so_many_runs_with_what_it_has() -> None:
    script = Script(1, 40, 9, faults_of(1, 40, 9, chosen("")))
    needed = set(script.faults[::7])
    shrinking = Shrinking(lambda tried: needed <= set(tried.faults), runs_max=10)
    smallest = shrinking.shrink(script)
    assert shrinking.runs == 10
    assert needed <= set(smallest.faults)


def test_what_goes_wrong_without_any_fault_needs_none() -> None:
    script = Script(1, 40, 9, faults_of(1, 40, 9, chosen("")))
    assert Shrinking(lambda _tried: True).shrink(script).faults == ()
