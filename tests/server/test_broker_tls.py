"""The server's TLS to its broker: whom it believes, and each failure in words with what to do."""

import asyncio
import contextlib
import gc
import os
import ssl
from pathlib import Path

import pytest
from tests.edge.fake_broker import FakeBroker

from headway_server.errors import ServerError
from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_link import Link, LinkError, NoAnswer
from headway_server.settings import ServerSettings, read_settings

CERTIFICATES = Path(__file__).parents[1] / "edge/certificates"
AUTHORITY = CERTIFICATES / "authority.pem"

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def listening(certificate=None, answer=b""):
    """Something that takes TLS connections with that certificate, or plain ones; gives its port."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / certificate)

    async def serve(reader, writer):
        with contextlib.suppress(OSError):
            if await reader.read(1) and answer:
                writer.write(answer)
                await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # a handshake that the other end gives up
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def failure(port, version=5, **settings):
    """Return why there is no connection, as it is raised."""
    chosen = ServerSettings(**{"broker_port": port, "broker_tls": True, "broker_ca": AUTHORITY} | settings)
    link = Link(chosen, Inbox(asyncio.get_running_loop(), 10), version=version)
    with pytest.raises(LinkError) as caught:
        await link.open(5.0)
    await link.close()
    return caught.value


async def why_not(port, **settings):
    """Return why there is no connection, in words."""
    return str(await failure(port, **settings))


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("expired.pem", "TLS: the broker's certificate has expired: renew it"),
        ("too-young.pem", "TLS: the broker's certificate is not valid yet: set this machine's clock"),
        ("other-host.pem", "TLS: the broker's certificate is for another address: use as broker_host"),
    ],
)
async def test_a_certificate_that_does_not_hold(certificate, words):
    async with listening(certificate) as port:
        assert words in await why_not(port)


async def test_an_authority_that_nobody_named():
    async with listening("broker.pem") as port:
        why = await why_not(port, broker_ca=CERTIFICATES / "other-authority.pem")
        assert "from an authority that this server does not know: name the file" in why
        why = await why_not(port, broker_ca=None)
        assert "from an authority that this server does not know" in why, "those of the machine do not vouch for it"


@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("own", [None, CERTIFICATES / "stranger.pem"])
async def test_a_broker_that_refuses_the_servers_certificate(own, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "broker.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(AUTHORITY)
    with FakeBroker(tls=context) as broker:
        for _ in range(50):
            why = await failure(broker.port, version, broker_cert=own)
            if "refused" in str(why):
                break  # or the broker's reset was quicker than its alert
        assert "TLS: the broker refused this server's certificate (" in str(why)
        assert "in broker_cert and broker_key" in str(why)
        assert not isinstance(why, NoAnswer), "no other version of MQTT is worth a try"
        assert broker.connects == []


async def test_tls_where_there_is_none_and_none_where_there_is():
    async with listening(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "TLS: what answers does not speak it: correct broker_port, or set broker_tls = false" in await why_not(
            port
        )
    async with listening() as port:
        assert "TLS: " in await why_not(port)


async def test_files_that_cannot_be_used_are_named(tmp_path):
    async with listening("broker.pem") as port:
        why = await why_not(port, broker_ca=tmp_path / "gone.pem")
        assert f"TLS: cannot read {tmp_path}/gone.pem: No such file or directory: correct the path" in why
        (tmp_path / "rubbish.pem").write_text("rubbish")
        why = await why_not(port, broker_ca=tmp_path / "rubbish.pem")
        assert f"TLS: {tmp_path}/rubbish.pem is not a usable PEM file: correct broker_ca" in why
        why = await why_not(port, broker_cert=tmp_path / "rubbish.pem", broker_key=tmp_path / "gone.key")
        assert f"{tmp_path}/rubbish.pem and {tmp_path}/gone.key" in why


async def test_handshakes_that_fail_leave_no_descriptors():
    async with listening("expired.pem") as port:
        await why_not(port)
        gc.collect()
        gc.disable()
        try:
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(20):
                await why_not(port)
            assert len(os.listdir("/proc/self/fd")) - before <= 2
        finally:
            gc.enable()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"broker_ca": AUTHORITY}, "settings are not valid: broker_ca is of no use without TLS: set broker_tls = true"),
        ({"broker_tls": True, "broker_key": AUTHORITY}, "broker_key needs the certificate it belongs to"),
        ({"broker_tls": True, "embedded_broker": True}, "the embedded broker speaks no TLS"),
    ],
)
def test_settings_that_contradict_each_other(settings, words):
    with pytest.raises(ServerError, match=words):
        read_settings(**settings)
