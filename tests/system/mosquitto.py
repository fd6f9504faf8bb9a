"""A real mosquitto on a port of its own, that tests start, kill and start again."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest


class Mosquitto:
    """A broker that keeps nothing over a restart: the worst that may happen to a session."""

    def __init__(self, folder: Path, port: int, extra: str = "") -> None:
        self.port = port
        self._executable = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if self._executable is None:
            pytest.fail("this test needs mosquitto: on Debian, apt-get install mosquitto (or run .ci/run)")
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n{extra}")
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._executable, "-c", str(self._config)], stdout=log, stderr=log)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"mosquitto did not start: {self._log.read_text()[-500:]}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def __enter__(self) -> "Mosquitto":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()
