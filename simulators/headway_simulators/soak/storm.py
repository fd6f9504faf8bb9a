"""The soak itself: everything runs at once and everything is killed, each by a thread of its own; then all must arrive."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

from headway_simulators.demo import free_port
from headway_simulators.errors import SimulatorError
from headway_simulators.soak.books import Books, balance
from headway_simulators.soak.broker import FLEET, BrokerProcess
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.server import SoakedServer
from headway_simulators.soak.usage import Usage

AGENT_LIFE_S = 2.0  # at most; half of them live for less than a quarter of it, which is hardly more than the start
SERVER_LIFE_S = 3.0
BROKER_LIFE_S = (1.5, 5.0)
_BROKER_AWAY_S = 0.5
_PAUSE_S = 0.02  # after each trip
_CALM_PAUSE_S = 0.2
_LOOK_S = 0.005
_ARRIVE_S = 120.0
_SAMPLE_S = 1.0


class Soak:
    """Devices, a server and a broker as processes; use as a context manager, then `storm`, `calm` and `settle` in any order.

    folder: gets everything that they leave. seed: of when whom is killed; what is under way then is up to the machine.
    `broker_faults` counts what was done to the broker, `usage` what processes took while they were left alone.
    """

    def __init__(self, folder: Path, seed: int, devices: int) -> None:
        self._folder, self._seed = folder, seed
        self._count = devices
        self._stack = contextlib.ExitStack()
        self.broker_faults: Counter[str] = Counter()
        self.arrived_s = 0.0
        self.storm_s = 0.0
        self.usage: list[Usage] = []
        self.violations: list[str] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = self._folder
            agents = stack.enter_context(Nursery("device_child", folder / "agents.log"))
            servers = stack.enter_context(Nursery("server_child", folder / "server.log"))
            agents.await_ready()
            servers.await_ready()
            self.broker = stack.enter_context(BrokerProcess(folder, free_port(), FLEET, persistent=True))
            self.server = SoakedServer(servers, folder, self.broker.port)
            # Every other device speaks the older MQTT, whose brokers drop without a word.
            self.devices = [
                SoakedDevice(agents, folder, f"car-{n}", self.broker.port, ("5", "3.1.1")[n % 2])
                for n in range(self._count)
            ]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def storm(self, seconds: float) -> None:
        """Kill everything over and over for that long; agents and server are dead at the end."""
        start_s = time.monotonic()
        self._together(start_s + seconds, [self._kill_agents, self._kill_server, self._disturb_broker])
        self.storm_s += time.monotonic() - start_s

    def calm(self, seconds: float) -> None:
        """Kill nobody but the broker for that long, and watch what processes take."""
        self.server.start()
        self.server.await_ready()
        for device in self.devices:
            device.start(_CALM_PAUSE_S)
        watched: list[tuple[Usage, SoakedServer | SoakedDevice]] = [(Usage("server"), self.server)]
        watched += [(Usage(device.name), device) for device in self.devices]
        self.usage += [usage for usage, _ in watched]
        until_s = time.monotonic() + seconds

        def watch(_until_s: float) -> None:
            next_s = 0.0
            while time.monotonic() < until_s:
                for device in self.devices:
                    device.listen()
                if (now_s := time.monotonic()) >= next_s:
                    next_s = now_s + _SAMPLE_S
                    for usage, of in watched:
                        if of.child is not None:
                            usage.look(of.child.pid, now_s)
                time.sleep(_LOOK_S)

        self._together(until_s, [watch, self._disturb_broker])
        for device in self.devices:
            device.kill()
        self.server.stop()
        self.violations += [wrong for usage, _ in watched for wrong in usage.violations()]

    def settle(self) -> Books:
        """Leave everybody alone until all has arrived; stop the server and balance the books."""
        self.server.start()
        self.server.await_ready()
        start_s = time.monotonic()
        for device in self.devices:
            device.start(drain=True)
        for device in self.devices:
            if not device.wait_drained(start_s + _ARRIVE_S):
                self.violations.append(f"{device.name}: not everything arrived within {_ARRIVE_S:g} s")
        self.arrived_s = time.monotonic() - start_s
        self.server.stop()
        books = balance(self.devices, self.server.database_url)
        books.violations += [*self.server.violations, *self.violations]
        return books

    def _together(self, until_s: float, parts: list[Callable[[float], None]]) -> None:
        def run(part: Callable[[float], None]) -> None:
            try:
                part(until_s)
            except (SimulatorError, OSError) as error:
                self.violations.append(f"the soak itself failed: {error}")

        threads = [threading.Thread(target=run, args=(part,), name=f"soak {part.__name__}") for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _kill_agents(self, until_s: float) -> None:
        chance = self._chance("agents")
        ends_s = dict.fromkeys(range(len(self.devices)), 0.0)
        while (now_s := time.monotonic()) < until_s:
            for number, device in enumerate(self.devices):
                if device.child is None or now_s >= ends_s[number]:
                    device.kill()
                    device.start(_PAUSE_S)
                    ends_s[number] = time.monotonic() + AGENT_LIFE_S * chance.random() ** 2
                device.listen()
            time.sleep(_LOOK_S)
        for device in self.devices:
            device.kill()

    def _kill_server(self, until_s: float) -> None:
        chance = self._chance("server")
        while time.monotonic() < until_s:
            self.server.start()
            time.sleep(chance.uniform(0, SERVER_LIFE_S))
            self.server.kill()

    def _disturb_broker(self, until_s: float) -> None:
        chance = self._chance("broker")
        while time.monotonic() + BROKER_LIFE_S[1] < until_s:
            time.sleep(chance.uniform(*BROKER_LIFE_S))
            fault = chance.choice(["restarted", "killed", "killed and wiped"])
            if fault == "restarted":
                self.broker.stop()
            else:
                self.broker.kill()
            if fault == "killed and wiped":
                self.broker.wipe()
            time.sleep(chance.uniform(0, _BROKER_AWAY_S))
            self.broker.start()
            self.broker_faults[fault] += 1

    def _chance(self, whose: str) -> random.Random:
        return random.Random(f"{self._seed} {whose} {self.storm_s}")  # noqa: S311 - when whom is killed
