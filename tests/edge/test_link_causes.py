"""Why there is no connection, in words: each cause is made to happen, and comes with a next step."""

import errno
import os
import socket
import ssl
from pathlib import Path

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from tests.edge.fake_broker import Behaviour, FakeBroker
from tests.edge.linked import Linked, payload

from headway_edge.mqtt import link_failure
from headway_edge.mqtt.link import Connected, Disconnected, Message, Tls

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"

# paho leaves a socket of which the TLS handshake failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cause_of(event: Disconnected) -> str:
    assert event.next_step
    return event.reason.partition(": ")[2] if not event.refused else event.reason.split(": ", 2)[2]


def test_nobody_listens() -> None:
    with Linked(free_port()) as linked:
        assert cause_of(linked.disconnected()) == "refused: nothing listens there"


def test_the_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_arguments: object, **_keywords: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with Linked(1883, host="broker.example") as linked:
        event = linked.disconnected()
        assert event.reason == "broker.example:1883: its name cannot be resolved"
        assert "broker_host" in event.next_step


def test_a_web_page_answers() -> None:
    page = b"HTTP/1.1 302 Found\r\nLocation: http://login.hotel.example/\r\n\r\n"
    with FakeBroker(Behaviour(first_bytes=page)) as broker, Linked(broker.port) as linked:
        event = linked.disconnected()
        assert cause_of(event) == "answered by a web page instead of a broker"
        assert "captive portal" in event.next_step


@pytest.mark.parametrize(
    ("first", "cause"),
    [
        (b"H", "answered by a web page instead of a broker"),
        (b"SSH-2.0-OpenSSH\r\n", "what answers is no MQTT broker (it begins with 5353482d322e302d)"),
        (b"\x15\x03\x03\x00\x02\x02\x0a", "it speaks TLS"),
        (b"\x20\x05ab", "closed before it answered"),
    ],
)
def test_something_else_answers(first: bytes, cause: str) -> None:
    behaviour = Behaviour(first_bytes=first)
    with FakeBroker(behaviour) as broker, Linked(broker.port, protocol="5") as linked:
        assert cause_of(linked.disconnected()) == cause


def test_a_proxy_closes_without_a_word() -> None:
    with FakeBroker(Behaviour(closes_at_accept=True)) as broker, Linked(broker.port, protocol="5") as linked:
        event = linked.disconnected()
        assert cause_of(event) in {"closed before it answered", "the connection was reset"}
        assert "proxy or firewall" in event.next_step


def test_a_broker_that_sends_nonsense_once_connected() -> None:
    properties = b"\x21\x00\x03\x21"  # a property without its value
    behaviour = Behaviour(versions=(5,), properties=properties)
    with FakeBroker(behaviour) as broker, Linked(broker.port, protocol="5") as linked:
        assert cause_of(linked.disconnected()) == "the broker sent what MQTT does not allow"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENETUNREACH, errno.EHOSTUNREACH])
def test_a_machine_without_means_degrades_and_recovers(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def create_connection(*_arguments: object, **_keywords: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    with FakeBroker() as broker, monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", create_connection)
        with Linked(broker.port) as linked:
            assert cause_of(linked.disconnected()) == link_failure.of_exception(OSError(number, "")).cause
            patch.undo()
            linked.connected()


def test_no_descriptors_even_for_the_links_own_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    def socketpair() -> tuple[socket.socket, socket.socket]:
        raise OSError(errno.EMFILE, "Too many open files")

    with FakeBroker() as broker, monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", socketpair)
        with Linked(broker.port) as linked:
            assert cause_of(linked.disconnected()) == "this process has no file descriptors left"
            patch.undo()
            linked.connected()


def test_real_descriptors_used_up_and_given_back() -> None:
    """The process really has none left for a while: the connection that stands goes on, the next waits."""
    import resource

    held: list[int] = []

    def none_left() -> bool:
        try:
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return error.errno == errno.EMFILE

    def is_told(event: Disconnected) -> bool:
        broker.drop_all()
        return none_left() and "no file descriptors" in event.reason

    with FakeBroker() as broker, Linked(broker.port, pause_s=0.05) as linked:
        linked.connected()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 8, hard))
            assert none_left()
            assert linked.link.publish(payload(1))
            linked.see(Message)
            broker.drop_all()
            linked.see(Disconnected, is_told)
        finally:
            for file in held:
                os.close(file)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        linked.connected()


# --- TLS


def server_side(certificate: str, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / certificate)
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(AUTHORITY)
    return context


def test_tls_with_a_certificate_of_the_devices_own() -> None:
    tls = Tls(AUTHORITY, CERTIFICATES / "device.pem")
    with FakeBroker(tls=server_side("broker.pem", asks=True)) as broker, Linked(broker.port, tls=tls) as linked:
        linked.connected()
        for seq in range(1, 15):
            assert linked.link.publish(payload(seq, text="x" * 60))
        while len(broker.stored) < 14:
            assert linked.link.poll(5) is not None


def test_a_connection_that_is_given_up_never_goes_on_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    # Python's own takes the encryption off first, while the thread may still send.
    unwrapped: list[int] = []
    monkeypatch.setattr(ssl.SSLSocket, "shutdown", lambda _self, how: unwrapped.append(how))
    with FakeBroker(tls=server_side("broker.pem")) as broker, Linked(broker.port, tls=Tls(AUTHORITY)) as linked:
        linked.connected()
        connection = linked.link._connection
        assert connection is not None
        assert isinstance(connection._client.socket(), ssl.SSLSocket)
        connection.abandon()
        assert unwrapped == []
        assert connection.ended.wait(5), "its thread finds the connection closed"


@pytest.mark.parametrize(
    ("certificate", "authority", "cause", "next_step"),
    [
        ("expired.pem", "authority.pem", "TLS: the broker's certificate has expired", "renew it"),
        ("too-young.pem", "authority.pem", "TLS: the broker's certificate is not valid yet", "set the device's clock"),
        ("other-host.pem", "authority.pem", "TLS: the broker's certificate is for another address", "broker_host"),
        (
            "broker.pem",
            "other-authority.pem",
            "TLS: the broker's certificate comes from an authority that this device does not know",
            "broker_ca",
        ),
    ],
)
def test_a_certificate_that_does_not_hold(certificate: str, authority: str, cause: str, next_step: str) -> None:
    tls = Tls(CERTIFICATES / authority)
    with FakeBroker(tls=server_side(certificate)) as broker, Linked(broker.port, tls=tls) as linked:
        event = linked.disconnected()
        assert cause_of(event) == cause
        assert next_step in event.next_step
        assert not event.refused, "a clock may be set at any moment"
        assert broker.connects == [], "nothing of ours was said to whoever that is"


def test_two_authorities_overlap_while_one_replaces_the_other(tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text((CERTIFICATES / "other-authority.pem").read_text() + AUTHORITY.read_text())
    with FakeBroker(tls=server_side("broker.pem")) as broker, Linked(broker.port, tls=Tls(both)) as linked:
        linked.connected()


def test_a_renewed_authority_is_read_without_a_restart(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    with FakeBroker(tls=server_side("broker.pem")) as broker, Linked(broker.port, tls=Tls(ca)) as linked:
        event = linked.disconnected()
        assert cause_of(event) == f"TLS: cannot read {ca}: No such file or directory"
        ca.write_text("rubbish")
        linked.see(Disconnected, lambda event: event.reason.endswith(f"TLS: {ca} is not a usable PEM file"))
        ca.write_text(AUTHORITY.read_text())
        linked.connected()


@pytest.mark.parametrize("certificate", [None, "stranger.pem"])
def test_a_broker_that_refuses_the_devices_certificate(certificate: str | None) -> None:
    tls = Tls(AUTHORITY, None if certificate is None else CERTIFICATES / certificate)
    with FakeBroker(tls=server_side("broker.pem", asks=True)) as broker, Linked(broker.port, tls=tls) as linked:
        event = linked.see(Disconnected, lambda event: "refused this device's certificate" in event.reason)
        assert event.refused
        assert "broker_cert" in event.next_step


def test_tls_where_there_is_none() -> None:
    page = b"HTTP/1.1 400 Bad Request\r\n\r\n"

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Linked(listener.getsockname()[1], tls=Tls(AUTHORITY)) as linked,
    ):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(page)
            assert cause_of(linked.disconnected()) == "TLS: what answers does not speak it"


def test_none_where_there_is_tls() -> None:
    with FakeBroker(tls=server_side("broker.pem")) as broker, Linked(broker.port, protocol="5") as linked:
        assert cause_of(linked.disconnected()) in {
            "it speaks TLS",
            "closed before it answered",
            "the connection was reset",
        }


def test_every_reason_of_a_broker_has_words() -> None:
    for code in (128, 129, 132, 133, 134, 135, 136, 137, 138, 140, 144, 149, 151, 156, 157, 159):
        failure = link_failure.of_reason(ReasonCode(PacketTypes.CONNACK, identifier=code))
        assert failure.cause
        assert failure.next_step
        assert failure.code == code
        assert failure.refused == (code in {133, 134, 135, 138, 140})


def test_an_exception_that_nobody_thought_of_is_told_and_does_not_end_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_connection(*_arguments: object, **_keywords: object) -> socket.socket:
        raise ZeroDivisionError("in a library")

    with FakeBroker() as broker, monkeypatch.context() as patch:
        patch.setattr(socket, "create_connection", create_connection)
        with Linked(broker.port) as linked:
            assert cause_of(linked.disconnected()) == "ZeroDivisionError: in a library"
            patch.undo()
            linked.see(Connected)
