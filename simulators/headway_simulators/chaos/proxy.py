"""A TCP proxy between a device and its broker that does to each connection what a test tells it to.

It works on bytes and knows no protocol: a cut falls where it falls, in the middle of a CONNECT as well. The real link, a real
broker and a real kernel's TCP are on both sides.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol, Self

_READ_BYTES = 65536
_CLOSE_S = 1.0


class Cut(Enum):
    """What happens when a byte comes that may not pass any more."""

    CLOSE = "close"  # in an orderly way: both ends see the end of the stream
    RESET = "reset"  # both ends get an RST, and what lay in their buffers is gone
    BLACKHOLE = "blackhole"  # nothing passes any more in either direction, and nobody is told
    MUTE = "mute"  # nothing passes any more in this direction; the other goes on


@dataclass(frozen=True)
class Way:
    """One direction of a connection.

    cut_after: bytes that pass, exactly; the cut comes with the next one. None: no cut. piece_bytes: passed on at once, at most.
    delay_s: before each piece; so `Way(piece_bytes=100, delay_s=0.1)` is 1 kB/s. latency_s: least and most that each piece is
    under way, in order, whatever else is; drawn from a generator of its own.
    """

    cut_after: int | None = None
    cut: Cut = Cut.RESET
    piece_bytes: int = _READ_BYTES
    delay_s: float = 0.0
    latency_s: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Plan:
    """What happens to one connection. up: from the device. answer: sent to the device instead of connecting to the broker."""

    up: Way = Way()
    down: Way = Way()
    answer: bytes | None = None


@dataclass
class Passed:
    """Bytes that were passed on in each direction of one connection. written: those from the device, where they are kept."""

    up: int = 0
    down: int = 0
    written: bytearray = field(default_factory=bytearray)


class ChaosProxy:
    """Listens on `port` of 127.0.0.1 and connects to host:target_port; use as an asynchronous context manager.

    plan: asked with the number of each connection, from 0, for what happens to it. `passed` has one entry for each. keeps:
    whether it has the bytes too, and not their number alone.
    """

    def __init__(
        self, host: str, target_port: int, plan: Callable[[int], Plan] = lambda _number: Plan(), *, keeps: bool = False
    ) -> None:
        self._host, self._target_port = host, target_port
        self.plan = plan
        self._keeps = keeps
        self.passed: list[Passed] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exception: object) -> None:
        assert self._server is not None  # noqa: S101 - entered
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, device: asyncio.StreamReader, to_device: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs
        self._tasks.add(task)
        number, passed = len(self.passed), Passed()
        self.passed.append(passed)
        plan = self.plan(number)
        writers = [to_device]
        try:
            if plan.answer is not None:
                to_device.write(plan.answer)
                await _close([(device, to_device)])
                return
            broker, to_broker = await asyncio.open_connection(self._host, self._target_port)
            writers.append(to_broker)
            await self._pass_both(plan, passed, device, to_broker, broker, to_device)
        except (OSError, asyncio.CancelledError):
            pass  # one end is gone, or the proxy is: so is the other end in a moment
        finally:
            for writer in writers:
                writer.close()
            self._tasks.discard(task)

    async def _pass_both(
        self,
        plan: Plan,
        passed: Passed,
        device: asyncio.StreamReader,
        to_broker: asyncio.StreamWriter,
        broker: asyncio.StreamReader,
        to_device: asyncio.StreamWriter,
    ) -> None:
        def sent_up(piece: bytes) -> None:
            passed.up += len(piece)
            if self._keeps:
                passed.written += piece

        def sent_down(piece: bytes) -> None:
            passed.down += len(piece)

        ways = [
            asyncio.create_task(_pass(plan.up, device, to_broker, sent_up)),
            asyncio.create_task(_pass(plan.down, broker, to_device, sent_down)),
        ]
        cut = None
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            cut = next((task.result() for task in done if task.exception() is None), None)
            if cut is Cut.MUTE:
                await asyncio.wait(ways)
        finally:
            for task in ways:
                task.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        if cut is Cut.BLACKHOLE:
            await asyncio.Event().wait()
        elif cut is Cut.RESET:
            for writer in (to_broker, to_device):
                _reset(writer)
        else:
            await _close([(device, to_device), (broker, to_broker)])


class _Reader(Protocol):
    async def read(self, n: int = -1) -> bytes: ...


class _LateReader:
    """What `source` gives, each piece some time after it came."""

    def __init__(self, source: _Reader, latency_s: tuple[float, float]) -> None:
        self._source, self._latency_s = source, latency_s
        self._chance = random.Random(1)  # noqa: S311 - jitter
        self._under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._take_in())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _take_in(self) -> None:
        data = b"first"
        while data:
            try:
                data = await self._source.read(_READ_BYTES)
            except OSError:
                data = b""  # reset: for the other end it is over as well
            due_s = asyncio.get_running_loop().time() + self._chance.uniform(*self._latency_s)
            self._under_way.put_nowait((due_s, data))

    async def read(self, _n: int = -1) -> bytes:
        due_s, data = await self._under_way.get()
        await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
        return data


async def _pass(way: Way, source: _Reader, target: asyncio.StreamWriter, sent: Callable[[bytes], None]) -> Cut | None:
    # Returns what to do at the cut; None at the stream's own end.
    left = way.cut_after
    if way.latency_s[1]:
        async with _LateReader(source, way.latency_s) as late:
            return await _pass(replace(way, latency_s=(0.0, 0.0)), late, target, sent)
    while data := await source.read(_READ_BYTES):
        may_pass = data if left is None else data[:left]
        for at in range(0, len(may_pass), way.piece_bytes):
            if way.delay_s:
                await asyncio.sleep(way.delay_s)
            piece = may_pass[at : at + way.piece_bytes]
            target.write(piece)
            await target.drain()
            sent(piece)
        if left is not None:
            left -= len(may_pass)
            if len(may_pass) < len(data):
                break
    else:
        return None
    if way.cut is Cut.MUTE:
        while await source.read(_READ_BYTES):
            pass
    return way.cut


async def _close(ends: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    # A socket that is closed while there is something to read sends a reset; so read it, until the other end closes too.
    for _, writer in ends:
        if writer.can_write_eof():
            writer.write_eof()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            for reader, _ in ends:
                while await reader.read(_READ_BYTES):
                    pass


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


class ProxyThread:
    """A `ChaosProxy` in a thread of its own, for programs and tests without an event loop; use as a context manager."""

    def __init__(
        self, host: str, target_port: int, plan: Callable[[int], Plan] = lambda _number: Plan(), *, keeps: bool = False
    ) -> None:
        self.proxy = ChaosProxy(host, target_port, plan, keeps=keeps)
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos proxy", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.proxy.port

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        async def serve() -> None:
            self._stop = asyncio.Event()
            async with self.proxy:
                self._ready.set()
                await self._stop.wait()

        try:
            self._loop.run_until_complete(serve())
        finally:
            self._ready.set()
