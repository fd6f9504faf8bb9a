"""A device without Linux, with a real broker and a real server: what is cut, killed or restarted loses and doubles nothing."""

import hashlib
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.heap import samples_text
from tests.system.mosquitto import Mosquitto

from headway_edge.core.pack import Pack
from headway_protocol import record
from headway_simulators.chaos.proxy import Cut, Plan, ProxyThread, Way
from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.server import counted, stored

pytestmark = pytest.mark.full

RunOn = Callable[..., str]
HOSTS = ("micropython", "micropython32")
STEP = 6  # bytes from one cut to the next; each run begins at another one
UP_BYTES, DOWN_BYTES = 360, 80  # of one connection with one record, about
HEAP = "96k"  # 92 KB have done, too


class Behind:
    """What a device is linked to."""

    def __init__(self, broker: Mosquitto, server: ServerProcess, database_url: str) -> None:
        self.broker, self.server, self.database_url = broker, server, database_url

    def stored(self, device: str) -> dict[tuple[int, int], bytes]:
        return stored(self.database_url).get(f"depot-7/{device}", {})


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Behind]:
    for name in ("PER_MINUTE", "BURST"):
        monkeypatch.setenv(f"HEADWAY_SERVER_DEVICE_MESSAGES_{name}", "60000")
    folder = tmp_path / "behind"
    folder.mkdir()
    with (
        Mosquitto(folder, free_port()) as broker,
        ServerProcess(folder, free_port(), broker.port, "operator-token", embedded=False) as server,
    ):
        yield Behind(broker, server, f"sqlite+aiosqlite:///{folder.resolve()}/headway.db")


@pytest.fixture
def folder(tmp_path: Path, private_driving: Path, run_on: RunOn) -> Path:
    """Of a device with an installed pack, and samples of some trips."""
    folder = tmp_path / "band"
    folder.mkdir()
    run_on("cpython", "install_pack.py", private_driving, "car", folder)
    (tmp_path / "samples.txt").write_text(samples_text(Pack(private_driving.read_bytes())))
    return folder


@pytest.mark.parametrize(("host", "start"), [("micropython", 0), ("micropython32", 3)])
def test_a_connection_cut_at_a_byte_costs_nothing_and_doubles_nothing(
    host: str,
    start: int,
    behind: Behind,
    tmp_path: Path,
    modules: Path,
    run_on: RunOn,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cuts = [("up", after) for after in range(start, UP_BYTES, STEP)]
    cuts += [("down", after) for after in range(start, DOWN_BYTES, STEP)]

    def plan(number: int) -> Plan:
        if number % 2 or number // 2 >= len(cuts):
            return Plan()
        direction, after = cuts[number // 2]
        return Plan(**{direction: Way(after, Cut.RESET if number % 4 else Cut.CLOSE)})

    small = {"heap": HEAP, "modules": modules} if host == "micropython32" else {}
    with ProxyThread("127.0.0.1", behind.broker.port, plan) as proxy:
        # A round takes one connection or more, and every other one is cut.
        printed = run_on(host, "cut_band.py", tmp_path, proxy.port, "band-1", 2 * len(cuts), start, **small)
        connections = len(proxy.proxy.passed)
    numbers, *causes = printed.splitlines()
    boot, last_seq, attempts = map(int, numbers.split())
    assert last_seq == 2 * len(cuts)
    assert set(behind.stored("band-1")) == {(boot, seq) for seq in range(1, last_seq + 1)}
    assert attempts > last_seq + len(cuts) // 2, "or nothing was cut"
    with capsys.disabled():
        print(f"\n{host}: {len(cuts)} cuts, {connections} connections, {last_seq} records, each stored once; {causes}")


def test_core_log_and_link_fit_into_the_heap(
    folder: Path, modules: Path, run_on: RunOn, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = run_on("micropython32", "heap_use.py", folder, "linked", heap=HEAP, modules=modules)
    with capsys.disabled():
        print(f"\na heap of {HEAP} on a 32-bit MicroPython: " + ", ".join(printed.splitlines()))
    assert printed.splitlines()[-1].startswith("free ")


class Band:
    """One device, one process after the other. `made`: the payload of each record that its log returned."""

    def __init__(self, start: Callable[[], subprocess.Popen[str]]) -> None:
        self._start = start
        self.made: dict[tuple[int, int], bytes] = {}
        self.kills = 0
        self.process = start()

    def kill_and_start_again(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        error = self._take_over()
        assert self.process.returncode == -signal.SIGKILL, f"it had ended before it could be killed: {error}"
        self.kills += 1
        self.process = self._start()

    def finish(self) -> None:
        error = self._take_over()
        assert self.process.returncode == 0, error

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def _take_over(self) -> str:
        out, error = self.process.communicate(timeout=90)
        for line in out.splitlines(keepends=True):
            if line.endswith("\n"):  # else it was killed while it told
                boot, seq, payload = line.split()
                self.made[int(boot), int(seq)] = bytes.fromhex(payload)
        return error


@pytest.mark.parametrize(("host", "seed"), [("micropython", 1), ("micropython32", 2)])
def test_broker_and_server_restart_and_the_band_is_killed_and_nothing_is_lost_or_doubled(
    host: str,
    seed: int,
    behind: Behind,
    folder: Path,
    tmp_path: Path,
    modules: Path,
    command_on: Callable[..., tuple[list[str], dict[str, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    cuts = [(chance.choice(("up", "down")), chance.randrange(2000), chance.choice(list(Cut)[:2])) for _ in range(40)]

    def plan(number: int) -> Plan:
        if number >= len(cuts) or number % 2:
            return Plan()
        direction, after, cut = cuts[number]
        return Plan(**{direction: Way(after, cut)})

    small = {"heap": HEAP, "modules": modules} if host == "micropython32" else {}
    with ProxyThread("127.0.0.1", behind.broker.port, plan) as proxy:

        def start() -> subprocess.Popen[str]:
            samples, number = tmp_path / "samples.txt", chance.randrange(1 << 30)
            command, environment = command_on(
                host, "linked_band.py", folder, samples, proxy.port, "band-2", number, 1, **small
            )
            return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        band = Band(start)
        try:
            for step in (band.kill_and_start_again, behind.broker.kill, behind.broker.start, band.kill_and_start_again):
                time.sleep(chance.uniform(0.3, 1.5))
                step()
            behind.server.kill()
            time.sleep(chance.uniform(0.1, 1.0))
            band.kill_and_start_again()
            behind.server.start()
            band.finish()
        finally:
            band.end()
        connections = len(proxy.proxy.passed)

    found = behind.stored("band-2")
    for key, payload in band.made.items():
        assert found.pop(key) == hashlib.sha256(payload).digest()
    # What a killed band had stored and not told of yet.
    assert len(found) <= band.kills
    kept = set(behind.stored("band-2"))
    for boot in range(1, band.kills + 2):
        seqs = {seq for its_boot, seq in kept if its_boot == boot}
        assert seqs == set(range(1, len(seqs) + 1)), f"boot {boot} has a gap"
    trips, differences = counted(behind.database_url)
    told = sum(record.decode(payload).kind == record.EPISODE for payload in band.made.values())
    assert differences == []
    assert told <= trips["depot-7/band-2"] <= told + len(found)
    assert told >= 10
    with capsys.disabled():
        print(
            f"\n{host}: {len(band.made)} records in {band.kills + 1} boots and {connections} connections, {told} trips"
        )
