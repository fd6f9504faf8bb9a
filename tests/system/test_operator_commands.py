"""What an operator does at a terminal, with a server in a process of its own: publish and offer packs, verify the store."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from operator_command import TOKEN, headway
from paho.mqtt.enums import CallbackAPIVersion

from headway_edge import packs
from headway_edge.mqtt.link import Broker
from headway_protocol import pack_offer, topics
from headway_simulators.demo import free_port, shipped_sources
from headway_simulators.fleet_replay import FleetReplay, FleetSetup, VehicleSource
from headway_simulators.operator_client import OperatorClient
from headway_simulators.processes import find_process
from headway_simulators.server_process import ServerProcess

SMALL = Path(__file__).parents[1] / "server" / "small.toml"


@contextmanager
def single_client(port: int) -> Iterator[mqtt.Client]:
    """A client of the broker that nobody knows."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="somebody")
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    with ServerProcess(folder, 0, free_port(), TOKEN) as one:
        yield one


@pytest.fixture(scope="module")
def fleet(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetReplay]:
    """The simulated drivers that ship, by a pack that compares from the first trip on; their epoch is closed."""
    folder = tmp_path_factory.mktemp("fleet")
    source = Path(__file__).parents[2] / "server/headway_server/packs/library/private-driving.toml"
    pack = folder / "private-driving.toml"
    lines = source.read_text(encoding="utf-8").splitlines()
    pack.write_text("\n".join(line for line in lines if not line.startswith("enough =")), encoding="utf-8")
    assert headway("pack", "publish", pack, "--server", server.url).returncode == 0
    process = find_process(str(pack))
    sources = [VehicleSource(one.device, one.vehicle_class, one.files, process) for one in shipped_sources()]
    broker = Broker("127.0.0.1", server.broker_port, back_off_max_s=5)
    setup = FleetSetup("demo", folder, broker, pack_keys=[server.public_key])
    with FleetReplay(sources, setup) as one:
        one.run()
        one.settle(60)
        one.await_benchmark(server.close_epoch(), 60)
        yield one


def test_a_pack_is_published_once_and_listed(server: ServerProcess) -> None:
    first, again = (headway("pack", "publish", SMALL, "--server", server.url) for _ in range(2))
    pack_id = find_process(str(SMALL)).id.hex()
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"small version 1, id {pack_id}: is known now at {server.url.rstrip('/')}\n"
    assert "was known already" in again.stdout
    listed = headway("pack", "list", "--server", server.url, token=None)
    assert listed.returncode == 0
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert rows[0] == ["name", "version", "id", "kind", "devices"]
    assert ["small", "1", pack_id, "trip", "0"] in rows


def test_mistakes_are_told_with_their_lines(server: ServerProcess, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SMALL.read_text().replace('when = "speed == 0"', 'when = "sped == 0"'))
    done = headway("pack", "publish", wrong, "--server", server.url)
    assert (done.returncode, done.stdout) == (1, "")
    (first, last) = done.stderr.splitlines()
    line = wrong.read_text().split("\n").index('when = "sped == 0"') + 1
    assert first.startswith(f"{wrong}:{line}: accumulators.standing.when: unknown name: 'sped'")
    assert last == "headway: 1 mistake; docs/packs.md describes every field and operator."
    checked = headway("pack", "check", wrong)
    assert checked.stderr == done.stderr, "the same as without a server"


def test_a_pack_is_offered_by_name_and_the_device_accepts_it(server: ServerProcess, fleet: FleetReplay) -> None:
    vehicle = fleet.vehicles[0]
    device = f"demo/{vehicle.source.device}"
    done = headway("pack", "offer", "eco-driving", "--device", device, "--server", server.url)
    assert (done.returncode, done.stderr) == (0, "")
    wanted = find_process("eco-driving")
    assert f"{device} is offered eco-driving version {wanted.version}, id {wanted.id.hex()}; it has it" in done.stdout
    fleet._wait(lambda one: one is not vehicle or one.agent.process.id == wanted.id, 30, "did not accept the pack")
    fleet.settle(30)
    again = headway("pack", "offer", wanted.id.hex(), "--device", device, "--server", server.url)
    assert f"{device} runs eco-driving version {wanted.version}, id {wanted.id.hex()} already." in again.stdout


def test_what_somebody_else_publishes_as_an_offer_is_refused(server: ServerProcess, fleet: FleetReplay) -> None:
    vehicle = fleet.vehicles[3]
    topic = topics.topic("demo", vehicle.source.device, topics.PACK)
    pack = (Path(packs.__file__).parent / "eco-driving.cbor").read_bytes()
    own = vehicle.agent.process.id
    with single_client(server.broker_port) as somebody:
        somebody.publish(topic, pack_offer.encode(pack, "{}"), qos=1).wait_for_publish(10)
    fleet._wait(lambda one: one is not vehicle or one.agent.refused_packs > 0, 30, "heard nothing")
    assert vehicle.agent.process.id == own
    assert vehicle.agent.status().pack_cause == "forged: not signed"


def test_two_packs_of_one_name_and_version_are_told_apart(server: ServerProcess, fleet: FleetReplay) -> None:
    done = headway("pack", "offer", "private-driving", "--device", "demo/driver-02", "--server", server.url)
    assert done.returncode == 1
    assert "2 packs private-driving of version" in done.stderr
    assert find_process("private-driving").id.hex() in done.stderr


@pytest.mark.parametrize(
    ("arguments", "token", "message"),
    [
        (("publish", SMALL), None, "the server does not accept the operator token, or none was given"),
        (("publish", SMALL), "wröng token", "the server does not accept the operator token"),
        (("publish", "absent.toml"), TOKEN, "absent.toml cannot be read: No such file or directory"),
        (("publish", sys.executable), TOKEN, "is not UTF-8"),
        (("offer", "nothing", "--device", "demo/x"), TOKEN, "the server knows no pack 'nothing'. It knows commercial-"),
        (("offer", "wellness", "--device", "x"), TOKEN, "'x' is no device. Name it as group/name"),
        (("offer", "wellness", "--device", "demo/nobody"), TOKEN, "no device demo/nobody has spoken yet."),
        (("offer", "wellness", "--device", "demo/driver-02"), TOKEN, "pack wellness version 1 knows the classes"),
    ],
)
def test_what_is_refused_is_said_with_what_to_do(
    server: ServerProcess, fleet: FleetReplay, arguments: tuple[object, ...], token: str | None, message: str
) -> None:
    done = headway("pack", *arguments, "--server", server.url, token=token)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:1", "no server answers at http://127.0.0.1:1"),
        ("fleet.example", "fleet.example is no web address"),
        ("ftp://fleet.example", "is no web address"),
    ],
)
def test_a_server_that_is_not_there_is_named(address: str, message: str) -> None:
    done = headway("pack", "list", "--server", address)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_without_a_token_says_how_to_get_one(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, 0, free_port(), TOKEN)
    del server._environment["HEADWAY_SERVER_OPERATOR_TOKEN"]
    with server:
        done = headway("pack", "publish", SMALL, "--server", server.url)
    assert done.returncode == 1
    assert "this server takes no changes: set operator_token in its settings." in done.stderr


def test_the_server_tells_the_score_that_the_device_tells(server: ServerProcess, fleet: FleetReplay) -> None:
    client = OperatorClient(server.url)
    scores = set()
    for vehicle in fleet.vehicles[1:]:  # the first runs another pack by now
        own = vehicle.agent.own.score(vehicle.agent.clock.wall()[0])
        told = client._request("GET", f"/api/v1/persons/demo/{vehicle.source.device}/score")
        assert own is not None
        scores.add(own.points)
        assert told["points"] == own.points
        assert [(axis["title"], axis["points"]) for axis in told["axes"]] == own.axes
        assert [(c["characteristic"], c["points"]) for c in told["chances"]] == [
            (chance.characteristic.key, chance.points) for chance in own.chances
        ]
    assert len(scores - {None}) > 3, "they differ"


def test_verify_agrees_with_a_running_server_and_finds_what_is_changed(
    server: ServerProcess, fleet: FleetReplay, folder: Path
) -> None:
    url = f"sqlite+aiosqlite:///{folder / 'headway.db'}"
    done = headway("verify", "--database", url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"14 devices, {server.counters()['records']} records, 51 trips: everything derived from the records is what "
        "they say.\n"
    )
    with sqlite3.connect(folder / "headway.db") as database:
        database.execute("UPDATE day_totals SET trips = trips + 1 WHERE device = 'demo/driver-02'")
        database.execute("UPDATE devices SET person = '[/]' WHERE device = 'demo/driver-02'")
    done = headway("verify", "--database", url)
    assert done.returncode == 1
    assert "demo/driver-02" in done.stdout
    assert "differ" in done.stdout
    assert "The records are as they came." in done.stdout
    with sqlite3.connect(folder / "headway.db") as database:
        database.execute("UPDATE records SET payload = x'00' WHERE device = 'demo/driver-03' AND seq = 2")
    done = headway("verify", "--database", url)
    assert "Records themselves are not as they came" in done.stdout
    absent = headway("verify", "--database", f"sqlite+aiosqlite:///{folder / 'absent.db'}")
    assert absent.returncode == 1
    assert "there is no database" in absent.stderr
