"""A Headway server in a process of its own, with its embedded broker, for the demo and for tests of real failures."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from headway_server.signing import read_key
from headway_simulators.errors import SimulatorError

_START_S = 30.0
_STOP_S = 15.0
_PAGE_ROWS = 500


class ServerProcess:
    """`headway serve` as a child process; use as a context manager.

    folder: gets the database, so that a server started again in it goes on, and the log. http_port: 0 takes a free one.
    broker_port: of the embedded broker; with embedded=False, of one that runs already. token: the operator's. settings:
    further ones of `headway_server.settings`, as text. `database_url` is where it keeps what it has.
    Raises SimulatorError when it does not become healthy, with the end of its log.
    """

    def __init__(
        self, folder: Path, http_port: int, broker_port: int, token: str, *, embedded: bool = True, **settings: str
    ) -> None:
        self.broker_port = broker_port
        self.database_url = f"sqlite+aiosqlite:///{folder.resolve()}/headway.db"
        self._key_path = folder / "headway.db.signing-key"
        self._log_path = folder / "server.log"
        self._http_port = http_port
        self._token = token
        self._environment = os.environ | {
            "HEADWAY_SERVER_DATABASE_URL": self.database_url,
            "HEADWAY_SERVER_BROKER_HOST": "127.0.0.1",
            "HEADWAY_SERVER_BROKER_PORT": str(broker_port),
            "HEADWAY_SERVER_EMBEDDED_BROKER": str(embedded).lower(),
            "HEADWAY_SERVER_HTTP_PORT": str(http_port),
            "HEADWAY_SERVER_EPOCH_DAYS": "0",
            "HEADWAY_SERVER_OPERATOR_TOKEN": token,
            "PYTHONUNBUFFERED": "1",
        }
        self._environment |= {f"HEADWAY_SERVER_{name.upper()}": value for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> "ServerProcess":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        with self._log_path.open("ab") as log:
            log_start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "headway_simulators", "serve", "--log-level", "warning"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal is ours; we stop it in order
            )
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s:
            log_text = self._log_path.read_bytes()[log_start:].decode(errors="replace")
            if self._process.poll() is not None:
                raise SimulatorError(f"the server did not start: {log_text.strip().splitlines()[-1:] or 'no message'}")
            marker = "Headway serves on "
            if marker in log_text:
                self.url = log_text.split(marker, 1)[1].split()[0]
                if self._healthy():
                    return
            time.sleep(0.05)
        self.kill()
        raise SimulatorError(f"the server was not healthy within {_START_S:g} s; its log is {self._log_path}")

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def public_key(self) -> str:
        """The key that its devices know it by, made when it was started first. Raises ServerError before that."""
        return read_key(self._key_path).public.hex()

    @property
    def pid(self) -> int:
        """Of the process that was started last. Raises SimulatorError before that."""
        if self._process is None:
            raise SimulatorError("the server was not started yet")
        return self._process.pid

    def kill(self) -> None:
        """Kill it as a power cut would (SIGKILL)."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """Ask it to end, wait until it has."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def wait(self) -> None:
        """Wait until it ends by itself or the person presses Ctrl-C. Raises SimulatorError in the first case."""
        if self._process is None:
            return
        try:
            code = self._process.wait()
        except KeyboardInterrupt:
            return
        raise SimulatorError(f"the server ended by itself with code {code}; its log is {self._log_path}")

    def close_epoch(self) -> int:
        """Close the open epoch as its operator; return its number. Raises SimulatorError."""
        answer = httpx.post(
            f"{self.url}api/v1/epochs/close", headers={"Authorization": f"Bearer {self._token}"}, timeout=60
        )
        if answer.status_code != 200:
            raise SimulatorError(f"the epoch was not closed: {answer.status_code} {answer.text[:300]}")
        return int(answer.json()["epoch"])

    def trips(self) -> list[dict[str, Any]]:
        """Every stored trip, as the API tells it."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            parameters = {"limit": str(_PAGE_ROWS)} | ({"cursor": cursor} if cursor else {})
            answer = httpx.get(f"{self.url}api/v1/trips", params=parameters, timeout=60).raise_for_status().json()
            rows.extend(answer["trips"])
            cursor = answer["next"]
            if cursor is None:
                return rows

    def counters(self) -> dict[str, int]:
        """Where every message went, as the API tells it."""
        found: dict[str, int] = httpx.get(f"{self.url}api/v1/counters", timeout=60).raise_for_status().json()
        return found
