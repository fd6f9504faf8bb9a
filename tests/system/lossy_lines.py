"""Sends a real agent's records to a real server through `tc netem`, one line after the other; runs on a kernel of its own.

Arguments: the folder that gets what came of it, one file of JSON a line. All packets between agent, broker and server pass netem.
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from agent_process import AgentProcess, filled, until

from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.broker import FLEET, BrokerProcess
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.server import counted, stored

RECORDS = 40
THROUGH_S = 240.0
PORT, HTTP_PORT = 1883, 8080
MTU_BYTES = 576  # loopback has 64 KiB, which is all records in a packet


@dataclass(frozen=True)
class Line:
    """netem: what it does to packets, in its own words. dark_s: nothing passes for so long once the first record is through."""

    netem: str
    dark_s: float = 0.0


LINES = {
    "the edge of a cell": Line("delay 200ms 100ms loss 20%"),
    "losses in bursts": Line("delay 50ms loss gemodel 5% 40%"),
    "out of order, doubled and spoilt": Line("delay 100ms reorder 50% duplicate 20% corrupt 10%"),
    "a tunnel on a thin line": Line("delay 300ms rate 32kbit", dark_s=8.0),
}


def netem(verb: str, words: str = "") -> None:
    """Add, change or delete what netem does on the loopback."""
    subprocess.run(("tc", "qdisc", verb, "dev", "lo", "root", "netem", *words.split()), check=True)


def packets() -> dict[str, int]:
    """What netem has counted since it was added."""
    told = subprocess.run(("tc", "-s", "-j", "qdisc", "show", "dev", "lo"), check=True, capture_output=True).stdout
    return {"passed": json.loads(told)[0]["packets"], "dropped": json.loads(told)[0]["drops"]}


def kernel_counts() -> dict[str, int]:
    """What this kernel's TCP has counted so far, by the kernel's own names."""
    counts = {}
    for path in ("/proc/net/snmp", "/proc/net/netstat"):
        lines = [line.split() for line in Path(path).read_text().splitlines()]
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            if names[0] in {"Tcp:", "TcpExt:"}:
                counts |= dict(zip(names[1:], map(int, values[1:]), strict=True))
    return counts


def send(device: SoakedDevice, broker: BrokerProcess, line: Line) -> dict[str, object]:
    """Have the device's agent send what it holds; return how it went."""
    before = kernel_counts()
    netem("add", line.netem)
    started_s = time.monotonic()
    with AgentProcess(device, broker_port=broker.port) as agent:
        if line.dark_s:
            until(lambda: bool(device.check(thorough=True).settled), THROUGH_S, "the first record is through")
            netem("change", "loss 100%")
            time.sleep(line.dark_s)
            netem("change", line.netem)
        agent.settle(THROUGH_S)
        took_s = time.monotonic() - started_s
        left = agent.stop()
        told = {"took_s": round(took_s, 1), "left": left, "log": agent.log, "packets": packets()}
    netem("del")
    return told | {"tcp": {key: count - before[key] for key, count in kernel_counts().items()}}


def at_both_ends(device: SoakedDevice, server: ServerProcess) -> dict[str, object]:
    """What device and server hold."""
    kept = device.check(thorough=True)
    trips, differences = counted(server.database_url)
    return {
        "records": len(kept.records),
        "same_at_server": stored(server.database_url)[device.address] == kept.records,
        "trips_driven": kept.trips,
        "trips_counted": trips[device.address],
        "differences": differences,
        "violations": device.violations,
    }


def main(results: str) -> None:
    """Go through all lines."""
    folder = Path("/run")
    subprocess.run(("ip", "link", "set", "lo", "mtu", str(MTU_BYTES)), check=True)
    with (
        Nursery("device_child", folder / "agents.log") as nursery,
        BrokerProcess(folder, PORT, FLEET) as broker,
        ServerProcess(folder, HTTP_PORT, PORT, "operator-token", embedded=False) as server,
    ):
        for number, line in enumerate(LINES.values()):
            device = filled(nursery, folder, f"car-{number}", RECORDS)
            told = send(device, broker, line) | at_both_ends(device, server)
            (Path(results) / f"{number}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
