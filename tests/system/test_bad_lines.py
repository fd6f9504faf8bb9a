"""The real agent behind lines that are slow, cut or silent: it comes through, nothing is lost, and its log says what it was.

Loss of single packets is in `test_lossy_lines`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from agent_process import AgentProcess, filled
from mosquitto import Mosquitto

from headway_simulators.chaos.proxy import Cut, Plan, ProxyThread, Way
from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.broker import FLEET
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.server import counted, stored

pytestmark = pytest.mark.full

RECORDS = 40
THROUGH_S = 60.0

NOTHING, SILENT, THIN, FAR = (
    Way(cut_after=0, cut=Cut.BLACKHOLE),
    Way(cut_after=2000, cut=Cut.BLACKHOLE),
    Way(piece_bytes=100, delay_s=0.1),
    Way(latency_s=(1.0, 3.0)),
)
RESETS = 4
HALF_OPEN = "not a byte for one and a half keep-alive times"


@dataclass(frozen=True)
class Line:
    """plans: of the first connections; the last is that of all others. causes: in the log, any of them. settings: the agent's."""

    plans: tuple[Plan, ...]
    causes: tuple[str, ...] = ()
    connections: int = 1
    settings: tuple[tuple[str, object], ...] = ()

    def plan(self, number: int) -> Plan:
        return self.plans[min(number, len(self.plans) - 1)]


LINES = {
    # The first one, in MQTT 5, may be a broker that is too old for it: nothing is said, 3.1.1 is tried at once.
    "takes connections and says nothing": Line(
        (Plan(NOTHING), Plan(NOTHING), Plan()), (HALF_OPEN,), 3, (("keepalive_s", 5),)
    ),
    "goes silent in the middle": Line((Plan(SILENT), Plan()), (HALF_OPEN,), 2, (("keepalive_s", 5),)),
    "1 kB/s both ways": Line((Plan(THIN, THIN),)),
    "reset in the middle of a record": Line(
        (*(Plan(Way(cut_after=700 + 150 * n)) for n in range(RESETS)), Plan()),
        ("the connection was reset",),
        RESETS + 1,
    ),
    "1 to 3 s each way": Line((Plan(FAR, FAR),)),
}


@dataclass(frozen=True)
class Fleet:
    nursery: Nursery
    broker: Mosquitto
    server: ServerProcess
    folder: Path


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    with (
        Nursery("device_child", folder / "agents.log") as nursery,
        Mosquitto(folder, free_port(), FLEET) as broker,
        ServerProcess(folder, 0, broker.port, "operator-token", embedded=False) as server,
    ):
        yield Fleet(nursery, broker, server, folder)


@pytest.mark.parametrize("name", LINES)
def test_everything_gets_through(fleet: Fleet, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = LINES[name]
    device = filled(fleet.nursery, fleet.folder, f"car-{list(LINES).index(name)}", RECORDS)
    with (
        ProxyThread("127.0.0.1", fleet.broker.port, line.plan) as proxy,
        AgentProcess(device, broker_port=proxy.port, **dict(line.settings)) as agent,
    ):
        agent.settle(THROUGH_S)
        assert agent.stop() == 0
        passed = proxy.proxy.passed
    kept = device.check(thorough=True)
    assert device.violations == []
    assert stored(fleet.server.database_url)[device.address] == kept.records, "each record once, and none but these"
    trips, differences = counted(fleet.server.database_url)
    assert (trips[device.address], differences) == (kept.trips, [])
    assert len(passed) >= line.connections, "or nothing was cut"
    for cause in line.causes:
        assert cause in agent.log
    assert line.causes or '"level": "error"' not in agent.log
    with capsys.disabled():
        print(
            f"\n{name}: {len(kept.records)} records, {len(passed)} connections, {sum(one.up for one in passed)} bytes up "
            f"and {sum(one.down for one in passed)} down"
        )
