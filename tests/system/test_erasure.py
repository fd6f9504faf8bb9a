"""A person is erased while the device is away, and comes back: the whole way with processes, and then a search for every byte."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from agent_process import AgentProcess, filled, until
from mosquitto import Mosquitto
from operator_command import TOKEN, headway
from paho.mqtt.enums import CallbackAPIVersion

from headway_server.store.tables import metadata
from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.broker import FLEET
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.nursery import Nursery

pytestmark = pytest.mark.full

RECORDS = 30


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, free_port(), FLEET) as one:
        yield one


def retained(port: int) -> dict[str, bytes]:
    """Every message that the broker keeps on our topics."""
    found: dict[str, bytes] = {}
    with closing(Listening(port)) as listening:
        time.sleep(1)
        found.update(listening.found)
    return found


class Listening:
    """Hears what a broker keeps."""

    def __init__(self, port: int) -> None:
        self.found: dict[str, bytes] = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self.client.on_connect = lambda client, *_: client.subscribe("headway/#", 1)
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _heard(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if message.retain:
            self.found[message.topic] = message.payload

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def keep(port: int, topic: str, payload: bytes) -> None:
    """Have the broker keep a message."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def payloads(store: Path) -> list[bytes]:
    """The records of a store that nobody has open."""
    with closing(sqlite3.connect(store)) as db:
        return [payload for (payload,) in db.execute("SELECT payload FROM record ORDER BY boot, seq")]


def files_with(what: bytes, *folders: Path) -> list[str]:
    """The names of files that have these bytes, but for the logs of the broker, which is none of ours."""
    files = [one for folder in folders for one in sorted(folder.rglob("*")) if one.is_file()]
    return [one.name for one in files if what in one.read_bytes() and not one.name.startswith("mosquitto")]


def rows_with(database: Path, what: str) -> list[tuple[str, int | None]]:
    """(table, boot) of each row of any table that has this text, or these bytes in hexadecimal."""
    found = []
    with closing(sqlite3.connect(database)) as db:
        db.row_factory = sqlite3.Row
        for table in metadata.sorted_tables:
            for row in db.execute(f"SELECT * FROM {table.name}"):  # noqa: S608 - names of our own tables
                texts = [value.hex() if isinstance(value, bytes) else str(value) for value in row]
                if any(what in text for text in texts):
                    found.append((table.name, row["boot"] if "boot" in row.keys() else None))  # noqa: SIM118
    return found


def states(server: ServerProcess) -> dict[str, str]:
    """The state of each place, as the certificate of erasure 1 says."""
    told = headway("person", "certificate", 1, "--server", server.url)
    assert told.returncode == 0, told.stderr
    return {place["place"]: place["state"] for place in json.loads(told.stdout)["certificate"]["places"]}


def test_after_an_erasure_nothing_of_the_person_is_found_anywhere(tmp_path: Path, broker: Mosquitto) -> None:
    served, device_folder = tmp_path / "server", tmp_path / "device"
    served.mkdir()
    device_folder.mkdir()
    with (
        Nursery("device_child", tmp_path / "agents.log") as nursery,
        ServerProcess(served, 0, broker.port, TOKEN, embedded=False) as server,
    ):
        other = filled(nursery, device_folder, "bus-8", RECORDS)
        erased = SoakedDevice(nursery, device_folder, "bus-7")
        erased._wall_ms += 40 * 86_400_000  # or the two would make the very same records
        erased.start()
        until(lambda: (erased.listen(), len(erased.told) >= RECORDS)[1], 60, "records")
        erased.kill()
        before = payloads(erased.store)
        agent, neighbour = (
            AgentProcess(one, broker_port=broker.port, pack_keys=server.public_key, back_off_max_s=2)
            for one in (erased, other)
        )
        with agent, neighbour:
            agent.settle(60)
            neighbour.settle(60)
            assert neighbour.stop() == 0
            assert agent.stop() == 0
        before = [*before, *payloads(erased.store)]
        keep(broker.port, f"headway/v1/{erased.address}/bench", b"a benchmark")
        keep(broker.port, f"headway/v1/{erased.address}/up", b"a record that nobody may keep")
        keep(broker.port, f"headway/v1/{erased.address}/up", b"")
        assert f"headway/v1/{erased.address}/state" in retained(broker.port)
        database = served / "headway.db"

        out = tmp_path / "export.json"
        assert headway("person", "export", erased.address, "--out", out, "--server", server.url).returncode == 0
        exported = {bytes.fromhex(row["payload_hex"]) for row in json.loads(out.read_text())["records"]}
        assert exported == set(before)
        out.unlink()
        told = headway("person", "erase", erased.address, "--yes", "--server", server.url)
        assert "Erased with number 1" in told.stdout, told.stderr

        # The device is away: nothing has its name.
        until(lambda: files_with(b"bus-7", served) == [], 10, "the name is in no file of the server")
        assert rows_with(database, "bus-7") == []
        assert not any("bus-7" in topic for topic in retained(broker.port))
        assert states(server)["devices"] == "waiting"
        assert states(server)["broker"] == "cleared"
        others = payloads(other.store)
        assert {row[0] for row in rows_with(database, "bus-8")} >= {"devices", "records", "episodes"}

        # It comes back with all of its store, is told, and wipes it.
        with agent:
            until(lambda: states(server)["devices"] == "wiped", 60, "the device has said that it is wiped")
            until(lambda: len(rows_with(database, "bus-7")) > 0, 30, "what it makes from then on is taken")
            agent.stop()  # it may not have heard of that yet
        headway("audit", "verify", "--server", server.url)
        certificate = tmp_path / "certificate.json"
        assert headway("person", "certificate", 1, "--out", certificate, "--server", server.url).returncode == 0
        checked = headway("person", "verify", certificate, "--key", server.public_key, token=None)
        assert checked.returncode == 0, checked.stderr
        assert "It is not complete yet." in checked.stdout, "backups have their time to age out"
    with closing(sqlite3.connect(database)) as db:
        (from_boot,) = db.execute("SELECT from_boot FROM erased_devices").fetchone()
    for payload in before:
        assert files_with(payload, served, device_folder) == []
        assert rows_with(database, payload.hex()) == []
    assert all(boot is None or boot >= from_boot for _, boot in rows_with(database, "bus-7"))
    assert files_with(b"bus-7", served) == ["headway.db"], "what it has made since, and no log"
    assert not any(payload in kept for kept in retained(broker.port).values() for payload in before)
    assert all(files_with(payload, served) for payload in others)
