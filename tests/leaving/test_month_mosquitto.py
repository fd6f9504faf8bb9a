"""The same month through a real mosquitto to the real server: what went over TCP is in the registry, and arrived."""

from pathlib import Path

import pytest
from mosquitto import Mosquitto
from tests.leaving import month as a_month
from tests.leaving.month import DAYS, DEVICE, GROUP, Month
from tests.leaving.test_month import BYTES_A_DAY_MAX, Captured

from headway_simulators.chaos.proxy import ProxyThread
from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.server import stored

pytestmark = pytest.mark.full


def test_a_month_over_a_real_broker(tmp_path: Path) -> None:
    month = Month()
    with (
        Mosquitto(tmp_path, free_port()) as broker,
        ServerProcess(tmp_path, 0, broker.port, "operator-token", embedded=False) as server,
        ProxyThread("127.0.0.1", broker.port, keeps=True) as proxy,
    ):
        produced = a_month.live(month, a_month.settings_in(tmp_path, proxy.port))
        streams = [bytes(one.written) for one in proxy.proxy.passed]
        arrived = stored(server.database_url)
    captured = Captured(month, streams, produced)
    assert captured.found(b"".join(streams)) == set()
    assert sum(map(len, streams)) / DAYS < BYTES_A_DAY_MAX
    device = arrived[f"{GROUP}/{DEVICE}"]
    assert len(device) == produced
    uploads = {
        packet.fields["payload"] for packet in captured.packets if packet.fields.get("topic", "").endswith("/up")
    }
    assert len(uploads) == produced, "each is in what went over the wire"
