"""A broker inside the server, to try things out: one command, nothing else to install.

It speaks MQTT 3.1.1, lets everybody in, and keeps nothing over a restart (the devices do, and send again). A fleet runs
mosquitto or another real broker; amqtt holds every session in memory and stops scaling at a few thousand messages a
second.
"""

import logging
import socket
from typing import TYPE_CHECKING

from headway_server.errors import ServerError

if TYPE_CHECKING:
    from amqtt.broker import Broker  # type: ignore[import-untyped]


class EmbeddedBroker:
    """An amqtt broker on one TCP listener. host, port: what to bind to; port 0 takes a free one, shown by `port`."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._broker: Broker | None = None

    async def start(self) -> None:
        """Listen. Raises ServerError if amqtt is not installed or the port is taken."""
        try:
            from amqtt.broker import Broker  # noqa: PLC0415 - optional: only who embeds a broker needs it
            from amqtt.contexts import BrokerConfig, ListenerConfig  # type: ignore[import-untyped] # noqa: PLC0415
            from amqtt.errors import BrokerError  # type: ignore[import-untyped] # noqa: PLC0415
        except ImportError as e:
            raise ServerError(
                "embedded_broker is set but amqtt is not installed",
                "pip install amqtt, or run mosquitto and leave embedded_broker unset",
            ) from e
        self.port = _free_port(self.host, self.port)
        # Its start logs a traceback of what is raised anyway, and each connection a line.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        config = BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"{self.host}:{self.port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
        broker = Broker(config)
        try:
            await broker.start()
        except BrokerError as e:
            raise ServerError(
                f"the embedded broker cannot listen on {self.host}:{self.port}: {e}", "set another broker_port"
            ) from e
        self._broker = broker

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._broker is not None:
            await self._broker.shutdown()
            self._broker = None


def _free_port(host: str, port: int) -> int:
    """Return `port`, or a free one for 0. Raises ServerError when it cannot be bound."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise ServerError(
                f"the embedded broker cannot listen on {host}:{port}: {e.strerror}",
                "stop the program that uses the port, or set broker_port",
            ) from e
        return int(probe.getsockname()[1])
