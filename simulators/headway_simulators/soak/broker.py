"""A real mosquitto as a process that is stopped, killed and wiped."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from headway_simulators.errors import SimulatorError

_START_S = 10.0
_STOP_S = 10.0

# What a fleet sets (docs/operations.md): nothing is dropped because it waits.
FLEET = "max_queued_messages 0\nmax_inflight_messages 0\n"


class BrokerProcess:
    """mosquitto on a port of 127.0.0.1; use as a context manager.

    folder: gets its configuration, its log and, with persistent=True, what it keeps over a restart. extra: further lines of
    its configuration. Raises SimulatorError when there is no mosquitto, or it does not start.
    """

    def __init__(self, folder: Path, port: int, extra: str = "", *, persistent: bool = False) -> None:
        self.port = port
        self.config = folder / "mosquitto.conf"
        executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if executable is None:
            raise SimulatorError("this needs mosquitto: on Debian, apt-get install mosquitto (or run .ci/run)")
        self._executable = executable
        self._log = folder / "mosquitto.log"
        self._kept = folder / "mosquitto.db"
        self._persistence = (
            f"persistence true\npersistence_location {folder}/\n" if persistent else "persistence false\n"
        )
        if persistent and os.geteuid() == 0 and "user root" not in extra:
            self._persistence += "user root\n"  # or it gives up the right to write there
        self.configure(extra)
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, extra: str) -> None:
        """Have other lines in its configuration from its next start on."""
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{self._persistence}{extra}", encoding="utf-8"
        )

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._executable, "-c", str(self.config)], stdout=log, stderr=log)  # noqa: S603
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise SimulatorError(f"mosquitto did not start: {self._log.read_text(errors='replace')[-500:]}")

    def kill(self) -> None:
        """End it with SIGKILL: what it has not saved is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in an orderly way: it saves what it keeps, if it keeps anything."""
        self._end(signal.SIGTERM)

    def wipe(self) -> None:
        """Lose what it kept; only while it does not run."""
        self._kept.unlink(missing_ok=True)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_STOP_S)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()
