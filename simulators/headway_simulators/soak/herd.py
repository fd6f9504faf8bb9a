"""A herd: hundreds of light devices in one process, each a socket that comes back as soon as it can and sends what it kept.

The real agent's memory and start would be what one measures with hundreds of them. So a device here speaks just as much of
MQTT 3.1.1 as it needs, with code of its own; its records are those of the record encoder, and its rules are the agent's,
only less patient: what the server has not settled is kept, at most WINDOW of it is under way, what is not answered is sent again.
"""

import asyncio
import contextlib
import hashlib
import random
import struct
from collections.abc import AsyncIterator
from typing import Self

from headway_protocol import ack, counts, record, state, topics
from headway_simulators.processes import find_process
from headway_simulators.soak.device import Key

GROUP = "herd"
WINDOW = 20
_BOOT = 1
_KEEPALIVE_S = 60
_RETURN_S = 1.0  # everybody is back within that, once there is a broker: a herd has no manners
_AGAIN_S = (5.0, 10.0)  # without an answer, until it is sent again
_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK, _DISCONNECT = 0x10, 2, 3, 0x40, 0x82, 9, 0xE0


def trip_payloads(count: int) -> list[bytes]:
    """Return records of trips of one boot, seq 1 to `count`, as a device that drives the default pack makes them."""
    process = find_process()
    numbers = [0] * len(process.pack.cells)
    for name, value in (("elapsed", 7430), ("distance", 13591), ("speed_max", 9000)):
        numbers[process.places(name)[0]] = value
    bands = process.places("speed_bands")
    numbers[bands[0]], numbers[bands[7]] = 50, 7380
    body = record.episode_body(process.id, 1000, counts.pack(numbers), b"")
    return [
        record.encode(record.Record(record.EPISODE, _BOOT, seq, seq * 1000, None, record.UNSYNCED, body))
        for seq in range(1, count + 1)
    ]


class HerdDevice:
    """One device. payloads: all that it ever makes, by seq; `made` of them so far, `upto` settled, `sends` counts messages."""

    def __init__(self, name: str, payloads: list[bytes], chance: random.Random) -> None:
        self.name = name
        self.made = self.upto = self.sends = self.connections = 0
        self._payloads, self._chance = payloads, chance
        self._sent = 0  # on this connection
        self._writer: asyncio.StreamWriter | None = None

    @property
    def records(self) -> dict[Key, bytes]:
        """The hash of each record by (boot, seq)."""
        made = enumerate(self._payloads[: self.made], start=1)
        return {(_BOOT, seq): hashlib.sha256(payload).digest() for seq, payload in made}

    def make(self, count: int) -> None:
        """Have `count` records more, and send what there is room for."""
        self.made += count
        self._send()

    async def run(self, port: int) -> None:
        """Be connected whenever there is a broker, until cancelled."""
        while True:
            with contextlib.suppress(OSError, EOFError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await self._talk(reader, writer)
                finally:
                    self._writer = None
                    writer.close()
            await asyncio.sleep(self._chance.uniform(0, _RETURN_S))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = f"{GROUP}:{self.name}"
        _put(writer, _CONNECT, _text("MQTT") + struct.pack(">BBH", 4, 2, _KEEPALIVE_S) + _text(client))
        packets = _packets(reader)
        while True:
            try:
                async with asyncio.timeout(self._chance.uniform(*_AGAIN_S)):
                    head, body = await anext(packets)
            except TimeoutError:
                packets = _packets(reader)  # a packet is read at once or not at all: brokers here do not dawdle
                self._sent = self.upto
                self._send()
                continue
            kind = head >> 4
            if kind == _CONNACK:
                _put(writer, _SUBSCRIBE, b"\0\1" + _text(self._topic(topics.ACK)) + b"\1")
            elif kind == _SUBACK:
                self._writer, self._sent = writer, self.upto
                self.connections += 1
                ends = [(_BOOT, self.made)] if self.made else []
                self._publish(topics.STATE, 2, state.encode(_BOOT, online=True, ends=ends), retain=True)
                self._send()
            elif kind == _PUBLISH:
                topic_bytes = struct.unpack_from(">H", body)[0]
                _put(writer, _PUBACK, body[2 + topic_bytes : 4 + topic_bytes])
                self.upto = max(self.upto, ack.decode(body[4 + topic_bytes :])[1])
                self._send()

    def _send(self) -> None:
        self._sent = max(self._sent, self.upto)
        if self._writer is not None and self._writer.is_closing():
            self._writer = None
        while self._writer is not None and self._sent < min(self.made, self.upto + WINDOW):
            self._sent += 1
            self.sends += 1
            self._publish(topics.UP, self._sent + 2, self._payloads[self._sent - 1])

    def _publish(self, channel: str, packet_id: int, payload: bytes, *, retain: bool = False) -> None:
        if self._writer is not None:
            _put(self._writer, 0x32 | retain, _text(self._topic(channel)) + struct.pack(">H", packet_id) + payload)

    def _topic(self, channel: str) -> str:
        return topics.topic(GROUP, self.name, channel)


class Herd:
    """`count` devices at the broker of `port`, each with up to records_max records; use as an asynchronous context manager."""

    def __init__(self, port: int, count: int, records_max: int, seed: int = 1) -> None:
        payloads, chance = trip_payloads(records_max), random.Random(seed)  # noqa: S311 - jitter
        self.devices = [HerdDevice(f"unit-{n:04d}", payloads, chance) for n in range(count)]
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(device.run(self._port)) for device in self.devices]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def make(self, count: int) -> None:
        """Have each device make `count` records more."""
        for device in self.devices:
            device.make(count)

    @property
    def waiting(self) -> int:
        """Records that the server has not settled."""
        return sum(device.made - device.upto for device in self.devices)

    async def settled(self, timeout_s: float) -> None:
        """Wait until nothing waits. Raises TimeoutError, and whatever a device failed of."""
        async with asyncio.timeout(timeout_s):
            while self.waiting:
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.02)


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _put(writer: asyncio.StreamWriter, head: int, body: bytes) -> None:
    length, left = b"", len(body)
    while left > 127:
        length, left = length + bytes([left & 127 | 128]), left >> 7
    writer.write(bytes([head]) + length + bytes([left]) + body)


async def _packets(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    while True:
        head = (await reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield head, await reader.readexactly(length)
