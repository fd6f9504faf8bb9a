"""The whole loop: agents, MQTT, a server in its own process."""

import tempfile
import time
from pathlib import Path

from bench.rows import Rows
from headway_edge.mqtt.link import Broker
from headway_simulators.demo import free_port, shipped_sources
from headway_simulators.fleet_replay import FleetReplay, FleetSetup
from headway_simulators.server_process import ServerProcess


def figures() -> Rows:
    """Yield the time of a replay until every record is settled."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        with ServerProcess(base, 0, free_port(), "bench-token") as server:
            broker = Broker("127.0.0.1", server.broker_port, protocol="3.1.1")  # the embedded one knows no other
            setup = FleetSetup("bench", base / "outboxes", broker)
            with FleetReplay(shipped_sources(), setup) as fleet:
                start_s = time.perf_counter()
                fleet.run()
                fleet.settle(120)
                passed_s = time.perf_counter() - start_s
                samples, agents = fleet.samples_total, len(fleet.vehicles)
    yield (
        "fleet replay until settled",
        f"{passed_s:.1f}",
        "s",
        f"{samples:,} samples, {agents} agents, embedded broker, SQLite FULL",
    )
