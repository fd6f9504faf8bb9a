"""A connection that is over leaves no file descriptor behind, whenever the garbage collector comes by."""

import asyncio
import gc
import os
import socket

import pytest

from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_link import Delivery, Link, LinkError
from headway_server.settings import ServerSettings

CONNECTIONS = 20


def test_connections_that_a_broker_drops_leave_no_descriptors() -> None:
    async def drop(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def run() -> int:
        listener = await asyncio.start_server(drop, "127.0.0.1", 0, family=socket.AF_INET)
        port = listener.sockets[0].getsockname()[1]
        settings = ServerSettings(broker_port=port)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(CONNECTIONS):
            link = Link(settings, Inbox[Delivery](asyncio.get_running_loop(), 10))
            with pytest.raises(LinkError):
                await link.open(5.0)
            await link.close()
        await asyncio.sleep(0.1)
        after = len(os.listdir("/proc/self/fd"))
        listener.close()
        return after - before

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(run()) <= 2
    finally:
        gc.enable()
