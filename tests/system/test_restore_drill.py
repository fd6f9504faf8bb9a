"""The drill of docs/operations.md with processes: back up while everything runs, lose the disk, restore, and wait."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agent_process import AgentProcess, until
from mosquitto import Mosquitto

from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.broker import FLEET
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.server import counted, stored

pytestmark = pytest.mark.full

DEVICES = 3
DRIVE_S = 4.0
LATER_MIN = 20  # records after the backup, or the drill shows nothing
REFILL_S = 150.0  # a minute of grace, half a minute until the server looks, and a slow machine


def headway(*arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "headway_simulators", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def drive(devices: list[SoakedDevice], seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for device in devices:
            device.listen()
        time.sleep(0.01)


def day_totals(folder: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(folder / "headway.db") as db:
        found = db.execute("SELECT device, day, trips, distance_m FROM day_totals ORDER BY device, day").fetchall()
    db.close()
    return found


def test_a_lost_disk_costs_nothing_that_devices_keep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup = tmp_path / "backup.db"
    with (
        Nursery("device_child", tmp_path / "agents.log") as nursery,
        Mosquitto(tmp_path, free_port(), FLEET) as broker,
        ServerProcess(tmp_path, 0, broker.port, "operator-token", embedded=False) as server,
    ):
        database = ("--database", server.database_url)
        devices = [SoakedDevice(nursery, tmp_path, f"bus-{n}", broker.port) for n in range(DEVICES)]
        for device in devices:
            device.start(pause_s=0.1)
        drive(devices, DRIVE_S)
        headway("backup", backup, *database)
        drive(devices, DRIVE_S)
        for device in devices:
            device.kill()
            assert device.drained(60), "before the disk was lost"
            assert device.violations == []
        agents = [AgentProcess(device, broker_port=broker.port) for device in devices]
        try:
            for agent in agents:
                agent.start()
                agent.settle(30)
            before, totals = stored(server.database_url), day_totals(tmp_path)

            server.stop()
            told = headway("restore", "--force", backup, *database)
            assert "each device that speaks is asked for what came after" in told
            kept = stored(server.database_url)
            later = {name: records.keys() - kept[name].keys() for name, records in before.items()}
            assert min(map(len, later.values())) > LATER_MIN

            server.start()
            start_s = time.monotonic()
            until(lambda: stored(server.database_url) == before, REFILL_S, "everything is back")
            refill_s = time.monotonic() - start_s
            for agent in agents:
                agent.settle(60)
                assert agent.stop() == 0
        finally:
            for agent in agents:
                agent.__exit__()
        counters = server.counters()
    assert day_totals(tmp_path) == totals
    trips, differences = counted(server.database_url)
    assert differences == []
    for device in devices:
        found = device.check(thorough=True)
        assert device.violations == [], "no loss was declared, nothing is missing"
        assert found.records == before[device.address], "each record once, and none but these"
        assert trips[device.address] == found.trips
    with capsys.disabled():
        print(
            f"\n{sum(map(len, later.values()))} of {sum(map(len, before.values()))} records were newer than the backup; all "
            f"were back {refill_s:.0f} s after the start, {counters['duplicates']} came twice and counted once"
        )
