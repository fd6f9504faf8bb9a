"""Real processes, real failures: what was produced is stored, each once, and is what an undisturbed run gives."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import pytest
from mosquitto import Mosquitto

from headway_edge.store.outbox import Outbox
from headway_edge.watcher import Watcher
from headway_protocol import record
from headway_simulators.demo import free_port
from headway_simulators.offline_replay import iso, number, rows_of, trips_of
from headway_simulators.processes import find_process
from headway_simulators.recordings import read
from headway_simulators.server_process import ServerProcess
from headway_simulators.virtual_clock import VirtualClock

pytestmark = pytest.mark.full

TRIPS = Path(__file__).parents[2] / "simulators/headway_simulators/trips"
# Three devices, each with four simulated drivers' days one after the other: about 7,000 samples, 13 to 15 trips.
DEVICES = {f"van-{i}": [TRIPS / f"driver-{n:02d}.csv.gz" for n in range(4 * i + 1, 4 * i + 5)] for i in range(3)}


class AgentProcess:
    """`headway replay` of one device as a process, at 500 times real time."""

    def __init__(self, device: str, store: Path, broker_port: int) -> None:
        self.device = device
        self._command = [
            *(sys.executable, "-m", "headway_simulators", "replay", *map(str, DEVICES[device])),
            *("--device", device, "--group", "fleet", "--store", str(store), "--json"),
            *("--broker", f"127.0.0.1:{broker_port}", "--speed", "500", "--timeout-s", "90"),
        ]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kill_and_start_again(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL, "it had ended before it could be killed"
        self.process = self._start()


def expected_trips(device: str) -> list[tuple[str, str, dict[str, object]]]:
    process = find_process()
    recordings = [read(path) for path in DEVICES[device]]
    # The drivers' days are the same day: as one vehicle's, each jump back in time ends a trip and begins the next.
    rows = chain.from_iterable(rows_of(recording, process) for recording in recordings)
    watcher = Watcher(process, "car", recordings[0].period_ms)
    found = []
    for trip in trips_of(rows, watcher, VirtualClock(recordings[0].samples[0].wall_ms)):
        numbers = trip.numbers()
        values: dict[str, object] = {c.key: number(c, c.value(numbers)) for c in process.trip}
        found.append((f"fleet/{device}", iso(trip.start_ms), values))
    return found


def _place(trip: tuple[str, str, dict[str, object]]) -> tuple[str, str]:
    return trip[:2]


def test_broker_server_and_agent_are_killed_during_a_replay_and_nothing_is_lost_or_doubled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "outboxes"
    with (
        Mosquitto(tmp_path, free_port()) as broker,
        ServerProcess(tmp_path, free_port(), broker.port, "operator-token", embedded=False) as server,
    ):
        agents = [AgentProcess(device, store, broker.port) for device in DEVICES]
        try:
            time.sleep(4)
            broker.kill()
            time.sleep(0.5)
            broker.start()
            time.sleep(2)
            server.kill()
            agents[1].kill_and_start_again()
            time.sleep(1)
            server.start()
            time.sleep(2)
            agents[1].kill_and_start_again()
            for agent in agents:
                out, error = agent.process.communicate(timeout=120)
                assert agent.process.returncode == 0, f"{agent.device}: {out} {error}"
        finally:
            for agent in agents:
                if agent.process.poll() is None:
                    os.kill(agent.process.pid, signal.SIGKILL)
                    agent.process.communicate()
        rows = server.trips()
        counters = server.counters()

    produced = set()
    for device in DEVICES:
        outbox = Outbox(store / f"{device}.db")
        assert outbox.backlog() == 0
        for payload in outbox.payloads(record.EPISODE):
            item = record.decode(payload)
            produced.add((f"fleet/{device}", item.boot, item.seq, hashlib.sha256(payload).hexdigest()))
        outbox.close()
    stored = [(row["device"], row["boot"], row["seq"], row["record_sha256"]) for row in rows]
    assert len(stored) == len(set(stored))
    assert set(stored) == produced

    told = [
        (row["device"], row["start"], {key: item["value"] for key, item in row["characteristics"].items()})
        for row in rows
    ]
    undisturbed = list(chain.from_iterable(map(expected_trips, DEVICES)))
    assert sorted(told, key=_place) == sorted(undisturbed, key=_place)
    boots = {device: max(row["boot"] for row in rows if row["device"] == f"fleet/{device}") for device in DEVICES}
    assert boots["van-1"] == 3
    with capsys.disabled():
        print(
            f"\n{len(produced)} trips produced, {len(stored)} stored, {counters['duplicates']} repeated records put aside"
        )
