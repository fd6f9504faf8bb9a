"""What a vehicle's own device shows of its warning codes."""

import json
from pathlib import Path

import pytest
from tests.edge.warned_process import COOLANT, HOT, SPEED, TROUBLE, warned_pack, warned_process
from typer.testing import CliRunner

from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_simulators.command import app

DAY_MS = 86_400_000


class Clock:
    now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        return 20_500 * DAY_MS + self.now_ms, record.SYNCED


def run(config: Path, *arguments: str):
    return CliRunner().invoke(app, ["warnings", "--config", str(config), *arguments])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    data, catalogue = warned_pack()
    (tmp_path / "warned.cbor").write_bytes(data)
    (tmp_path / "warned.json").write_text(json.dumps(catalogue))
    path = tmp_path / "agent.toml"
    path.write_text(f'pack = "{tmp_path / "warned.cbor"}"\nstore = "{tmp_path / "outbox.db"}"\n')
    return path


def drive(agent: Agent, clock: Clock, trips: int) -> None:
    for _ in range(trips):
        for second in range(60):
            clock.now_ms += 1000
            signals = [MISSING] * 4
            signals[SPEED], signals[COOLANT] = 3600 + second, 200
            signals[TROUBLE] = HOT if second == 30 else 0
            agent.on_sample(clock.now_ms, signals)
        clock.now_ms += 400_000


def test_codes_advice_and_conditions_are_shown_of_a_stopped_agent(config: Path, tmp_path: Path) -> None:
    Outbox(tmp_path / "outbox.db").close()
    assert run(config).output == "No warning code has come.\n"
    clock = Clock()
    outbox = Outbox(tmp_path / "outbox.db")
    agent = Agent(outbox, None, clock, lambda _low, high: high, warned_process())
    drive(agent, clock, 3)
    agent.finish()
    boot = outbox.boot
    done = run(config)
    assert (done.exit_code, "is in use by an agent. Stop it, look, start it again" in done.stderr) == (1, True)
    outbox.close()
    done = run(config)
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["P0217", "3"] in [words[:2] for words in lines]
    assert "Engine too hot (P0217): on 2 trips within 30 days. Have the cooling system checked." in done.stdout
    assert "Around P0217 on 2026-02-16" in done.stdout
    assert ["-3", "36.27", "100"] in lines
    assert ["+0", "36.3", "100"] in lines
    found = json.loads(run(config, "--json").stdout)
    assert [item["trips"] for item in found["codes"]] == [3]
    assert len(found["conditions"]) == 3
    assert found["conditions"][0]["seconds"][6] == {
        "Vehicle.Speed": 36.33,
        "Vehicle.Powertrain.CombustionEngine.ECT": 100.0,
    }
    assert found["advice"] == ["Engine too hot (P0217): on 2 trips within 30 days. Have the cooling system checked."]
    outbox = Outbox(tmp_path / "outbox.db")
    assert outbox.boot == boot + 1  # looking on counts no boot
    outbox.close()


def test_a_repair_is_told_by_the_service_command(config: Path, tmp_path: Path) -> None:
    clock = Clock()
    outbox = Outbox(tmp_path / "outbox.db")
    agent = Agent(outbox, None, clock, lambda _low, high: high, warned_process())
    drive(agent, clock, 2)
    outbox.close()
    assert len(json.loads(run(config, "--json").stdout)["advice"]) == 1
    done = CliRunner().invoke(app, ["service", "repair", "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert json.loads(run(config, "--json").stdout)["advice"] == []


def test_what_there_is_nothing_of_is_said(config: Path, tmp_path: Path) -> None:
    done = run(config, "--store", str(tmp_path / "none.db"))
    assert (done.exit_code, "there is no store" in done.stderr) == (1, True)
    (tmp_path / "none.db").write_bytes(b"no database" * 100)
    done = run(config, "--store", str(tmp_path / "none.db"))
    assert (done.exit_code, "cannot be read" in done.stderr) == (1, True)
    Outbox(tmp_path / "outbox.db").close()
    config.write_text(f'store = "{tmp_path / "outbox.db"}"\npack = "eco-driving"\n')
    done = run(config)
    assert (done.exit_code, "eco-driving knows of no warning codes" in done.stderr) == (1, True)
