"""A real mosquitto on a port of its own, that tests start, kill and start again."""

from pathlib import Path

import pytest

from headway_simulators.errors import SimulatorError
from headway_simulators.soak.broker import BrokerProcess


class Mosquitto(BrokerProcess):
    """A broker that keeps nothing over a restart: the worst that may happen to a session."""

    def __init__(self, folder: Path, port: int, extra: str = "") -> None:
        try:
            super().__init__(folder, port, extra)
        except SimulatorError as error:
            pytest.fail(str(error))
        self._config = self.config

    def start(self) -> None:
        try:
            super().start()
        except SimulatorError as error:
            pytest.fail(str(error))
