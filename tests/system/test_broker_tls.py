"""A server and a device that speak TLS to mosquitto, each with a certificate of its own; without one nobody is let in."""

from pathlib import Path

import pytest
from agent_process import AgentProcess, filled, until
from mosquitto import Mosquitto

from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.server import SoakedServer, counted, stored

pytestmark = pytest.mark.full

CERTIFICATES = Path(__file__).parents[1] / "edge/certificates"
AUTHORITY, BROKER, OWN, STRANGER = (
    CERTIFICATES / f"{name}.pem" for name in ("authority", "broker", "device", "stranger")
)
MUTUAL = f"cafile {AUTHORITY}\ncertfile {BROKER}\nkeyfile {BROKER}\nrequire_certificate true\n"


def test_records_pass_a_broker_that_lets_in_only_who_has_a_certificate(tmp_path: Path) -> None:
    tls = {"broker_tls": "true", "broker_ca": str(AUTHORITY), "broker_cert": str(OWN)}
    with (
        Nursery("device_child", tmp_path / "agents.log") as nursery,
        Mosquitto(tmp_path, free_port(), MUTUAL) as broker,
        ServerProcess(tmp_path, 0, broker.port, "operator-token", embedded=False, **tls) as server,
    ):
        device = filled(nursery, tmp_path, "car-1", 5)
        with AgentProcess(device, broker_port=broker.port, **tls) as agent:
            agent.settle(30)
            assert agent.stop() == 0
    assert stored(server.database_url)[device.address] == device.check(thorough=True).records
    assert counted(server.database_url) == ({device.address: device.check().trips}, [])


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({}, "TLS: the broker refused this server's certificate (certificate required)"),
        ({"broker_cert": str(STRANGER)}, "TLS: the broker refused this server's certificate ("),
    ],
)
def test_a_server_that_the_broker_does_not_let_in_says_why(tmp_path: Path, own: dict[str, str], words: str) -> None:
    log = tmp_path / "server.log"
    with Nursery("server_child", log) as nursery, Mosquitto(tmp_path, free_port(), MUTUAL) as broker:
        server = SoakedServer(nursery, tmp_path, broker.port, broker_tls=True, broker_ca=str(AUTHORITY), **own)
        server.start()
        server.await_ready()
        until(lambda: words in log.read_text(), 20, "the reason")
        server.stop()
        assert server.violations == []
    assert "in broker_cert and broker_key" in log.read_text()
