"""`headway agent` as a process: its store was filled before, its lines come from the test, its log is read afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from headway_edge.store.outbox import Outbox
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.device_child import GROUP
from headway_simulators.soak.nursery import Nursery

STOP_S = 30.0


def filled(nursery: Nursery, folder: Path, name: str, records: int) -> SoakedDevice:
    """Return a device whose real agent, without a link, made at least so many records and was killed then.

    nursery: of `device_child`.
    """
    device = SoakedDevice(nursery, folder, name)
    device.start()
    until(lambda: (device.listen(), len(device.told) >= records)[1], 60, f"{records} records")
    device.kill()
    assert device.violations == []
    return device


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until it holds; fail after that long."""
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


class AgentProcess:
    """The agent of `device`, on its store; use as a context manager. settings: of `headway_edge.settings`, as text.

    It reads an empty source until it is stopped: what it sends is what its store holds, and its own birth.
    """

    def __init__(self, device: SoakedDevice, **settings: object) -> None:
        self._device = device
        self.store, self.log_path = device.store, device.store.with_suffix(".log")
        self._command = [
            *(sys.executable, "-m", "headway_simulators", "agent", "--log-json"),
            *("--group", GROUP, "--device", device.name, "--store", str(device.store)),
        ]
        self._environment = os.environ | {f"HEADWAY_AGENT_{key.upper()}": str(value) for key, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._records_before = 0

    def __enter__(self) -> "AgentProcess":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def start(self) -> None:
        """Begin a boot."""
        self._records_before = len(self._device.check(thorough=True).records)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, env=self._environment
            )
        assert self._process.stdin is not None
        self._process.stdin.write(b"timestamp,Vehicle.Speed\n")
        self._process.stdin.flush()

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def _is_settled(self) -> bool:
        kept = self._device.check(thorough=True)
        return len(kept.settled) == len(kept.records) > self._records_before

    def settle(self, seconds: float) -> None:
        """Wait until the server has settled all that it made, its birth too; it runs on."""
        deadline_s = time.monotonic() + seconds
        while not self._is_settled():
            assert time.monotonic() < deadline_s, f"not settled within {seconds:g} s: {self.log[-3000:]}"
            time.sleep(0.1)

    def stop(self) -> int:
        """Stop it in order; return how many of its records the server has not settled."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=STOP_S)
        assert self._process.returncode == 0, self.log[-2000:]
        outbox = Outbox(self.store)
        try:
            return outbox.backlog()
        finally:
            outbox.close()
