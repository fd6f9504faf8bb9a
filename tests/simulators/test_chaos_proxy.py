"""The chaos proxy does to connections what its plan says, to the byte."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from headway_simulators.chaos.proxy import ChaosProxy, Cut, Plan, ProxyThread, Way

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Echo:
    """Sends back what it gets, doubled; keeps what it got and how it ended."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1000):
                self.got += data
                writer.write(data * 2)
                await writer.drain()
            self.ended = "closed"
        except ConnectionResetError:
            self.ended = "reset"
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, int]]:
    found = Echo()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    yield found, server.sockets[0].getsockname()[1]
    server.close()


async def talk(port: int, data: bytes, patience_s: float = 0.3) -> tuple[bytes, str]:
    """Send, read for a while; return what came and how it ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got, end = b"", "open"
    try:
        writer.write(data)
        async with asyncio.timeout(patience_s):
            while part := await reader.read(1000):
                got += part
        end = "closed"
    except TimeoutError:
        pass
    except ConnectionError:
        end = "reset"
    finally:
        writer.close()
    return got, end


async def test_without_a_plan_everything_passes(echo: tuple[Echo, int]) -> None:
    async with ChaosProxy("127.0.0.1", echo[1]) as proxy:
        assert await talk(proxy.port, b"hello") == (b"hello" * 2, "open")
        assert [(p.up, p.down) for p in proxy.passed] == [(5, 10)]


@pytest.mark.parametrize("after", [0, 1, 4, 5])
@pytest.mark.parametrize(("cut", "end"), [(Cut.CLOSE, "closed"), (Cut.RESET, "reset"), (Cut.BLACKHOLE, "open")])
async def test_a_cut_upwards_is_exact(echo: tuple[Echo, int], after: int, cut: Cut, end: str) -> None:
    async with ChaosProxy("127.0.0.1", echo[1], lambda _number: Plan(up=Way(after, cut))) as proxy:
        assert (await talk(proxy.port, b"hello!"))[1] == end
        assert proxy.passed[0].up == after
        if cut is not Cut.RESET:  # which throws away what was not read yet
            assert echo[0].got == b"hello!"[:after]
    if cut is Cut.CLOSE:
        assert echo[0].ended == "closed"


@pytest.mark.parametrize("after", [0, 3, 11])
async def test_a_cut_downwards_is_exact(echo: tuple[Echo, int], after: int) -> None:
    async with ChaosProxy("127.0.0.1", echo[1], lambda _number: Plan(down=Way(after, Cut.CLOSE))) as proxy:
        got, end = await talk(proxy.port, b"hello!")
        assert (got, end) == (b"hello!hello!"[:after], "closed")
        assert echo[0].got == b"hello!", "the cut comes with the byte that does not pass"


async def test_one_direction_can_go_silent_alone(echo: tuple[Echo, int]) -> None:
    async with ChaosProxy("127.0.0.1", echo[1], lambda _number: Plan(down=Way(3, Cut.MUTE))) as proxy:
        assert await talk(proxy.port, b"hello!") == (b"hel", "open")
        assert echo[0].got == b"hello!"


async def test_slices_and_delays_change_the_pace_and_not_the_bytes(echo: tuple[Echo, int]) -> None:
    plan = Plan(up=Way(piece_bytes=1, delay_s=0.001), down=Way(piece_bytes=3, delay_s=0.001))
    async with ChaosProxy("127.0.0.1", echo[1], lambda _number: plan) as proxy:
        got, _ = await talk(proxy.port, b"0123456789" * 5, 1)
        assert len(got) == 100
        assert echo[0].got == b"0123456789" * 5


async def test_what_is_late_comes_in_order_and_no_sooner(echo: tuple[Echo, int]) -> None:
    late = Way(latency_s=(0.01, 0.05))
    async with ChaosProxy("127.0.0.1", echo[1], lambda _number: Plan(up=late, down=late)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        start_s = asyncio.get_running_loop().time()
        for number in range(20):
            writer.write(b"%02d" % number)
            await asyncio.sleep(0.002)  # so that later ones may draw a shorter time than those under way
        got = await reader.readexactly(80)
        assert asyncio.get_running_loop().time() - start_s >= 0.02
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert echo[0].got == b"".join(b"%02d" % number for number in range(20))
    assert len(got) == 80
    assert echo[0].ended == "closed"


async def test_what_is_late_is_cut_to_the_byte(echo: tuple[Echo, int]) -> None:
    way = Way(3, Cut.CLOSE, latency_s=(0.01, 0.02))
    async with ChaosProxy("127.0.0.1", echo[1], lambda _number: Plan(up=way)) as proxy:
        assert (await talk(proxy.port, b"hello!"))[1] == "closed"
        assert echo[0].got == b"hel"


async def test_each_connection_has_its_own_plan(echo: tuple[Echo, int]) -> None:
    plans = [Plan(answer=b"HTTP/1.1 200 OK\r\n\r\n"), Plan(up=Way(0, Cut.CLOSE)), Plan()]
    async with ChaosProxy("127.0.0.1", echo[1], lambda number: plans[number]) as proxy:
        answers = [await talk(proxy.port, b"hi") for _ in range(3)]
    assert answers == [(b"HTTP/1.1 200 OK\r\n\r\n", "closed"), (b"", "closed"), (b"hihi", "open")]


async def test_a_target_that_is_gone_ends_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with ChaosProxy("127.0.0.1", port) as proxy:
        assert (await talk(proxy.port, b""))[1] in {"closed", "reset"}


async def test_in_a_thread_it_serves_programs_without_a_loop(echo: tuple[Echo, int]) -> None:
    def session() -> bytes:
        with ProxyThread("127.0.0.1", echo[1]) as proxy, socket.create_connection(("127.0.0.1", proxy.port), 5) as one:
            one.sendall(b"x")
            return one.recv(10)

    assert await asyncio.to_thread(session) in {b"x", b"xx"}
