"""The commands as a person meets them: demo, replay, live agent, server, and what they say when something is wrong."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess

HEADWAY = [sys.executable, "-m", "headway_simulators"]


def headway(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HEADWAY, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False, **more
    )  # type: ignore[call-overload,no-any-return]


def test_the_demo_shows_the_loop_and_its_books_balance() -> None:
    done = headway("demo", "--once", "--trips", "shipped", env=os.environ | {"COLUMNS": "140"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Trips produced 51, stored 51: equal, byte for byte, each once." in done.stdout
    assert "What 14 drivers' own devices computed" in done.stdout
    assert "driver-02" in done.stdout
    assert "The fleet's page: http://127.0.0.1:" in done.stdout


def test_every_column_of_the_demos_table_is_a_characteristic_of_its_process() -> None:
    from headway_simulators.demo import _COLUMNS
    from headway_simulators.processes import find_process

    assert set(_COLUMNS) <= {item.key for item in find_process().period}


def test_the_demo_leaves_a_folder_with_something_in_it_alone(tmp_path: Path) -> None:
    (tmp_path / "headway.db").write_text("mine")
    done = headway("demo", "--once", "--trips", "shipped", "--keep", tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert (tmp_path / "headway.db").read_text() == "mine"


def test_the_demos_books_do_not_balance_when_a_stored_trip_is_missing() -> None:
    from headway_simulators.demo import Books

    trip, other = ("demo/a", 1, 2, "aa"), ("demo/a", 1, 3, "bb")
    assert Books(frozenset({trip}), frozenset({trip}), 1).balance
    assert not Books(frozenset({trip, other}), frozenset({trip}), 1).balance
    assert not Books(frozenset({trip}), frozenset({trip, other}), 2).balance
    assert not Books(frozenset({trip}), frozenset({trip}), 2).balance
    assert not Books(frozenset({trip}), frozenset({("demo/a", 1, 2, "cc")}), 1).balance


def test_the_live_agent_survives_rubbish_is_stopped_in_order_and_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "outbox.db"
    with ServerProcess(tmp_path, 0, free_port(), "operator-token") as server:
        environment = os.environ | {"HEADWAY_AGENT_BROKER_PORT": str(server.broker_port)}
        command = [*HEADWAY, "agent", "--store", str(store), "--group", "live", "--device", "car-1"]

        def start() -> subprocess.Popen[str]:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
            assert process.stdin is not None
            process.stdin.write("timestamp,Vehicle.Speed\n")
            return process

        agent = start()
        assert agent.stdin is not None
        for line in ("1,36\n", "rubbish\n", "\x00\x00\n", ",,,,\n", "2,fast\n", '3,"36\n36"\n'):
            agent.stdin.write(line)
        agent.stdin.flush()
        deadline_s = time.monotonic() + 20
        while not server.counters()["records"] and time.monotonic() < deadline_s:
            time.sleep(0.1)
        for second in range(4, 15):
            agent.stdin.write(f"{second},36\n")
            agent.stdin.flush()
            time.sleep(0.25)
        agent.send_signal(signal.SIGTERM)
        out, error = agent.communicate(timeout=30)
        assert agent.returncode == 0, error
        assert "No comparison yet" in out
        assert "Traceback" not in error

        agent = start()
        assert agent.stdin is not None
        for second in range(15, 60):
            agent.stdin.write(f"{second},36\n")
            agent.stdin.flush()
            time.sleep(0.25)
        out, error = agent.communicate(timeout=30)  # the source ends, and with it the trip
        assert agent.returncode == 0, error
        assert "Trip, " in out
        rows = server.trips()
    assert [row["device"] for row in rows] == ["live/car-1"]
    # Two births and one trip, which began in the first boot and ended in the second.
    assert rows[0]["characteristics"]["elapsed_s"]["value"] > 13, error
    outbox = Outbox(store)
    assert (outbox.produced, outbox.backlog(), len(outbox.payloads(record.EPISODE))) == (3, 0, 1)
    # A new device counts its boots from the minutes since 2026, so that a store that was wiped never repeats a number.
    first = outbox.ends(8)[-1][0]
    assert outbox.ends(8) == [(first + 1, 2), (first, 1)]
    assert rows[0]["boot"] == first + 1 > 400_000
    outbox.close()


def test_a_replay_of_any_pack_reaches_the_server_as_it_is_told_offline(tmp_path: Path) -> None:
    recording = Path(__file__).parents[2] / "simulators/headway_simulators/trips/driver-06.csv.gz"
    process = ("--pack", "commercial-driving", "--class", "truck", "--json")
    with ServerProcess(tmp_path, 0, free_port(), "operator-token") as server:
        link = ("--store", tmp_path / "store", "--broker", f"127.0.0.1:{server.broker_port}", "--device", "truck-1")
        done = headway("replay", recording, *process, *link)
        assert (done.returncode, json.loads(done.stdout)) == (0, {"records": 4, "settled": True, "refused": 0})
        rows = sorted(server.trips(), key=lambda row: str(row["start"]))
    offline = headway("replay", recording, *process, "--offline")
    told = [json.loads(line) for line in offline.stdout.splitlines()]
    assert len(rows) == len(told) == 3
    for row, trip in zip(rows, told, strict=True):
        assert row["device"] == "replay/truck-1"
        for key in ("start", "end", "pack", "contexts"):
            assert row[key] == trip[key]
        values = [{key: item["value"] for key, item in found["characteristics"].items()} for found in (row, trip)]
        assert values[0] == values[1]
    assert any(trip["characteristics"]["rapid_start_events"]["value"] for trip in told)


def test_a_source_that_is_no_recording_and_a_store_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = headway("agent", "--store", tmp_path / "file" / "outbox.db", input="")
    assert done.returncode == 1
    assert "cannot keep records" in done.stderr
    done = headway("agent", "--store", tmp_path / "outbox.db", input="a,b\n1,2\n")
    assert done.returncode == 1
    assert "no column is named `timestamp`" in done.stderr
    done = headway("agent", "--store", tmp_path / "outbox.db", "--source", tmp_path / "absent.csv")
    assert done.returncode == 1
    assert "absent.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_nobody_knows_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('device = "Bus 7"\nbrocker_host = "x"\n')
    done = headway("agent", "--config", tmp_path / "agent.toml", input="")
    assert done.returncode == 1
    assert "device: Value error, use 1 to 32 of the characters a-z, 0-9 and -" in done.stderr
    assert "brocker_host: Extra inputs are not permitted" in done.stderr
    assert "Known keys are back_off_max_s, broker_ca, " in done.stderr


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        database = f"sqlite+aiosqlite:///{tmp_path}/headway.db"
        done = headway("serve", "--http-port", port, "--database", database)
        assert done.returncode == 1
        assert f"127.0.0.1:{port}" in done.stderr
        assert "stop the program that uses the port, or set http_port" in done.stderr
        done = headway(
            "serve", "--embedded-broker", "--broker", f"127.0.0.1:{port}", "--http-port", "0", "--database", database
        )
        assert done.returncode == 1
        assert str(port) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    done = headway("serve", "--http-port", "0", "--database", f"sqlite+aiosqlite:///{tmp_path}")
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_looks_at_what_commonly_goes_wrong(tmp_path: Path) -> None:
    done = headway(
        "doctor", "--broker", "127.0.0.1:1", "--server", "http://127.0.0.1:1", "--store", tmp_path / "outbox"
    )
    assert done.returncode == 0, done.stdout
    assert "broker: nothing at 127.0.0.1:1" in done.stdout
    assert "server: nothing at http://127.0.0.1:1" in done.stdout
    assert "can be written" in done.stdout
    (tmp_path / "file").write_text("in the way")
    done = headway("doctor", "--store", tmp_path / "file" / "outbox.db")
    assert done.returncode == 1
    assert "is not a folder this user may write to" in done.stdout
    done = headway("doctor", "--store", tmp_path / "file")
    assert done.returncode == 1
    assert "is damaged: file is not a database" in done.stdout


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 54, 0), False),
    ],
)
def test_doctor_knows_which_sqlite_has_the_wal_reset_race(version: tuple[int, ...], affected: bool) -> None:
    from headway_simulators.diagnosis import wal_reset_race

    assert wal_reset_race(version) is affected
