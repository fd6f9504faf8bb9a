"""`headway agent` says in its log how it stands with its server, and tries at once when it is told to."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.edge.fake_broker import Behaviour, FakeBroker, until


class Agent:
    """An agent in a process of its own; `statuses` are what it logged of how it stands."""

    def __init__(self, folder: Path, port: int) -> None:
        settings = folder / "agent.toml"
        settings.write_text(f'device = "car-1"\nstore = "{folder}/outbox.db"\nbroker_port = {port}\n')
        self._log = folder / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "headway_simulators", "agent", "--config", settings, "--log-json"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    @property
    def statuses(self) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "agent.status"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(20)


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with FakeBroker(Behaviour(connack=0x87)) as one:
        yield one


def test_a_refusal_is_told_with_its_next_step_and_a_hang_up_signal_tries_again(
    broker: FakeBroker, tmp_path: Path
) -> None:
    agent = Agent(tmp_path, broker.port)
    try:
        until(lambda: [status for status in agent.statuses if status["link"] == "refused"], 30)
        refused = agent.statuses[-1]
        assert refused["cause"] == f"refused: 127.0.0.1:{broker.port}: not authorized"
        assert "access rules" in str(refused["next_step"])
        assert refused["backlog"] == 1
        attempts = broker.accepted
        agent.process.send_signal(signal.SIGHUP)
        until(lambda: broker.accepted == attempts + 1)
        broker.behaviour.connack = 0
        agent.process.send_signal(signal.SIGHUP)
        until(lambda: [status for status in agent.statuses if status["link"] == "connected"], 20)
        until(lambda: broker.stored)
    finally:
        code = agent.stop()
    assert code == 0
    assert broker.published[-1][0].endswith("/state"), "it said good-bye"
