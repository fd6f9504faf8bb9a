"""`headway chaos`: what it prints, what it writes, and its exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_protocol import record
from headway_simulators.chaos.script_file import read_script
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.command import app

SMALL = ["chaos", "--devices", "2", "--days", "2"]


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_a_sound_run_says_so_and_is_the_same_again() -> None:
    code, out, _ = invoke(*SMALL, "--seed", "4")
    assert code == 0
    assert "No violation: produced = stored + kept + declared lost, everywhere." in out
    assert "device-years in" in out
    digest = next(line for line in out.splitlines() if line.startswith("hash of the event log: "))
    assert digest in invoke(*SMALL, "--seed", "4")[1]


def test_as_json_there_is_one_object_with_the_sums_of_all_seeds() -> None:
    code, out, _ = invoke(*SMALL, "--seeds", "1..2", "--faults", "network", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["runs"], found["violations"], set(found["hashes"])) == (2, [], {"1", "2"})
    records = found["records"]
    assert records["produced"] == records["stored"] == sum(records["by_kind"].values()) > 0
    assert found["device_years_per_cpu_minute"] > 0
    assert found["counts"]["server"]["committed a batch"] > 0


def test_the_log_tells_every_event_of_one_seed() -> None:
    code, out, _ = invoke(*SMALL, "--log", "--faults", "none")
    assert code == 0
    assert "0d 00:00:00.000 server started" in out
    assert " unit-001 booted " in out
    code, _, err = invoke(*SMALL, "--log", "--seeds", "1..2")
    assert (code, err) == (1, "headway: --log prints the events of one seed\n")


def test_a_violation_is_exit_code_1_and_leaves_a_script_that_shows_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = SimBroker.publish

    def twist(self: SimBroker, device: str, channel: str, payload: bytes) -> None:
        """A broker that changes a record on its way, so that it reads as another."""
        place = record.identity(payload) if channel == "up" else None
        if place is not None and place[1] == 1:
            found = record.decode(payload)
            found.mono_ms += 1
            payload = record.encode(found)
        publish(self, device, channel, payload)

    monkeypatch.setattr(SimBroker, "publish", twist)
    code, out, _ = invoke(*SMALL, "--faults", "kill,offline", "--seed", "2", "--keep", str(tmp_path))
    assert code == 1
    assert "VIOLATIONS" in out
    assert "one identity, two contents: with 0 faults, 1 devices, 1 days:" in out
    path = tmp_path / "chaos-seed-2.json"
    assert f"The same again: headway chaos --seed 2 --script {path}" in out
    assert read_script(path).faults == ()
    code, out, err = invoke("chaos", "--script", str(path), "--json", "--no-shrink", "--keep", str(tmp_path))
    assert code == 1
    assert json.loads(out)["violations"][0]["kind"] == "one identity, two contents"
    assert "The same again" in err


def test_a_folder_that_is_not_there_is_said_before_anything_runs() -> None:
    code, out, err = invoke("chaos", "--devices", "1000", "--days", "3650", "--keep", "nowhere")
    assert (code, out) == (2, "")
    assert "nowhere" in err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seeds", "5"], "headway: --seeds '5': write two whole numbers, for example 1..200"),
        (["--seeds", "5..1"], "headway: --seeds '5..1': write the lower number first, for example 1..200"),
        (["--faults", "rain"], "headway: there is no kind of fault 'rain'. Groups: network, "),
        (["--script", "nowhere.json"], "headway: nowhere.json is no script of `headway chaos`: "),
    ],
)
def test_what_is_mistaken_is_said(arguments: list[str], complaint: str) -> None:
    code, _, err = invoke("chaos", *arguments)
    assert code == 1
    assert err.startswith(complaint)
