"""Agents, mosquitto and the server on the disk of a kernel of their own, until its power is cut.

Arguments: a folder for logs; where the agents' clocks stand, in milliseconds since 1970; `drive`, or `careless`, the same with a
server and agents of CARELESS that do not sync what they write, or `drain`, which ends once everything that the agents hold is
settled. The agent n writes what it tells to /dev/tty<n + 1>.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headway_simulators.soak import device_child
from headway_simulators.soak.broker import FLEET, BrokerProcess

DEVICES, CARELESS = 4, frozenset({2, 3})
DISK, PORT = Path("/run/disk"), 1883
_PAUSE_S = 0.3


def careless(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    """Return a `sqlite3.connect` whose connections do not sync, whatever they are told."""

    def judge(action: int, name: str | None, *_more: object) -> int:
        is_asked = action == sqlite3.SQLITE_PRAGMA and name == "synchronous"
        return sqlite3.SQLITE_IGNORE if is_asked else sqlite3.SQLITE_OK

    def connect_and_forget(*arguments: Any, **more: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **more)
        connection.execute("PRAGMA synchronous = OFF")
        connection.set_authorizer(judge)
        return connection

    return connect_and_forget


def forked(child: str, tells: int, *, is_careless: bool, **arguments: object) -> int:
    """Run the server or an agent of a soak in a process of its own; return its pid. tells: gets what it tells."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if is_careless:
            sqlite3.connect = careless(sqlite3.connect)
        if child == "server":
            from headway_simulators.soak import server_child

            server_child.run(arguments, tells)
        else:
            device_child.run(arguments, tells)
    except BaseException:  # noqa: BLE001 - nothing of this process may go on in its parent's code
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def console(number: int) -> int:
    """Open /dev/tty<number> for bytes as they are."""
    opened = os.open(f"/dev/tty{number}", os.O_WRONLY)
    tty.setraw(opened)
    return opened


def ended_well(pid: int) -> bool:
    """Wait for a process; whether its exit code was 0."""
    return os.waitpid(pid, 0)[1] == 0


def main(logs: str, wall_ms: str, mode: str) -> int:
    """Return 0 if everybody ended well, which only `drain` comes to."""
    DISK.mkdir()
    subprocess.run(("mount", "/dev/ubda", str(DISK)), check=True)
    with BrokerProcess(Path(logs), PORT, FLEET):
        is_serving, tells = os.pipe()
        database_url = f"sqlite+aiosqlite:///{DISK}/headway.db"
        server = forked("server", tells, is_careless=mode == "careless", database_url=database_url, broker_port=PORT)
        os.close(tells)
        if not os.read(is_serving, 1):  # waited for, because it takes long to start beside others
            return 1
        agents = [
            forked(
                "agent",
                console(number + 1),
                is_careless=mode == "careless" and number in CARELESS,
                store=str(DISK / f"car-{number}.db"),
                device=f"car-{number}",
                port=PORT,
                protocol="auto",
                seed=number,
                wall_ms=int(wall_ms),
                pause_s=_PAUSE_S,
                drain=mode == "drain",
            )
            for number in range(DEVICES)
        ]
        well = [ended_well(pid) for pid in agents]
        os.kill(server, signal.SIGTERM)
        well.append(ended_well(server))
    subprocess.run(("umount", str(DISK)), check=True)
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
