"""An operator's commands on a server's data: backup while it runs, restore once it is stopped, dead letters over its API."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from operator_command import TOKEN, headway
from paho.mqtt.enums import CallbackAPIVersion

from headway_protocol import ack, record
from headway_simulators.demo import free_port
from headway_simulators.operator_client import OperatorClient
from headway_simulators.server_process import ServerProcess

UP, ACK = "headway/v1/depot/bus-1/up", "headway/v1/depot/bus-1/ack"


class Device:
    """Sends bytes and hears acknowledgements."""

    def __init__(self, port: int) -> None:
        self.upto = 0
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="depot:bus-1")
        self.client.on_connect = lambda client, *_: client.subscribe(ACK, 1)
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _heard(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        self.upto = ack.decode(message.payload)[1]

    def send(self, seq: int, *more: bytes) -> None:
        """Send records up to `seq`, and junk, until the records are acknowledged."""
        body = record.loss_body(9, 1, 2, "of the tests")
        deadline_s = time.monotonic() + 30
        while self.upto < seq:
            assert time.monotonic() < deadline_s
            for payload in more:
                self.client.publish(UP, payload, qos=1)
            for n in range(self.upto + 1, seq + 1):
                made = record.Record(record.LOSS, 1, n, n, None, record.UNSYNCED, body)
                self.client.publish(UP, record.encode(made), qos=1)
            time.sleep(0.2)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, 0, free_port(), TOKEN) as one:
        yield one


def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'headway.db'}"


def test_a_backup_is_made_while_the_server_runs_and_restored_when_it_is_stopped(
    server: ServerProcess, tmp_path: Path
) -> None:
    device, backup = Device(server.broker_port), tmp_path / "monday.db"
    device.send(3)
    done = headway("backup", backup, "--database", url(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{backup}: 1 devices, 3 records, ")
    device.send(5)
    held = headway("restore", backup, "--database", url(tmp_path), "--force")
    assert held.returncode == 1
    assert "a server uses the database" in held.stderr
    device.close()
    server.stop()
    refused = headway("restore", backup, "--database", url(tmp_path))
    assert refused.returncode == 1
    assert "say --force to have it moved aside" in refused.stderr
    done = headway("restore", backup, "--database", url(tmp_path), "--force")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 devices, 3 records, in ")
    assert "The backup was made 0 min ago." in done.stdout
    assert f"What was there is kept as {tmp_path / 'headway.db'}.before-restore-" in done.stdout
    assert headway("verify", "--database", url(tmp_path)).returncode == 0
    marked = headway("restore", "--mark", "--database", url(tmp_path))
    assert marked.stdout.startswith("1 devices, 3 records, in ")
    for wrong in ((), (backup, "--mark")):
        done = headway("restore", *wrong, "--database", url(tmp_path))
        assert done.returncode == 1
        assert "which one? Name the backup, or say --mark" in done.stderr
    server.start()
    assert OperatorClient(server.url).device("depot/bus-1")["records"] == 3


def test_dead_letters_are_listed_shown_replayed_and_dropped(server: ServerProcess, tmp_path: Path) -> None:
    device = Device(server.broker_port)
    device.send(1, b"junk\x1b[31m", b"\x83\x01\x02\x03")
    device.close()

    def letters(*arguments: object, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
        return headway("dead-letters", *arguments, "--server", server.url, token=token)

    listed = letters("list")
    assert (listed.returncode, listed.stderr) == (0, "")
    *rows, last = listed.stdout.splitlines()
    assert last == "2 of 2 dead letters."
    assert all(UP in row for row in rows)
    names = [row.split()[0] for row in rows]
    shown = [letters("show", name).stdout for name in names]
    assert sum("as CBOR:       [1, 2, 3]" in text for text in shown) == 1
    assert sum(f"payload:       {b'junk'.hex()}1b5b33316d" in text for text in shown) == 1
    assert not any("\x1b" in text for text in shown)
    replayed = letters("replay", "--all")
    assert replayed.returncode == 1
    assert replayed.stdout.splitlines()[-1] == "0 of 2 taken."
    assert letters("drop", names[0]).stdout == "1 dead letter dropped.\n"
    assert letters("drop", "--all").stdout == "1 dead letter dropped.\n"
    for arguments, message in (
        (("drop",), "which letters? Name them by the first digits"),
        (("show", names[0]), "no dead letter's hash begins with"),
        (("show", "what"), "a letter is named by 4 to 64 hexadecimal digits"),
    ):
        refused = letters(*arguments)
        assert refused.returncode == 1
        assert message in refused.stderr
    assert "does not accept the operator token" in letters("list", token=None).stderr
