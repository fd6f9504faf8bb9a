"""All that a device writes to its broker in a month, taken off the wire: it is in the registry, and nothing else is there."""

from collections import Counter

import pytest
from tests.edge.fake_broker import FakeBroker
from tests.leaving import month as a_month
from tests.leaving.month import DAYS, DEVICE, GROUP, PASSWORD, USERNAME, Month

from headway_edge import packs
from headway_simulators.chaos.proxy import ProxyThread
from headway_simulators.leaving.field_check import FieldCheck
from headway_simulators.leaving.mqtt_packets import Identity, Packet, check_stream

# A trip takes about 110 bytes, 40 more for its topic and 10 for MQTT; two trips a day, as much again for what else there is.
BYTES_A_DAY_MAX = 800
IDENTITY = Identity(GROUP, DEVICE, USERNAME, PASSWORD)


class Captured:
    """A month's streams, one a connection, and what they are made of."""

    def __init__(self, month: Month, streams: list[bytes], produced: int) -> None:
        self.month, self.streams, self.produced = month, streams, produced
        self.check = FieldCheck(packs.shipped().get)
        self.packets: list[Packet] = [
            packet for stream in streams for packet in check_stream(stream, IDENTITY, self.check)
        ]

    def found(self, data: bytes) -> set[tuple[str, bytes]]:
        return {(name, form) for name, form in self.month.forms() if form in data}


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    month, folder = Month(), tmp_path_factory.mktemp("month")
    with FakeBroker() as broker, ProxyThread("127.0.0.1", broker.port, keeps=True) as proxy:
        produced = a_month.live(month, a_month.settings_in(folder, proxy.port))
        streams = [bytes(one.written) for one in proxy.proxy.passed]
    return Captured(month, streams, produced)


def test_it_was_a_month_with_all_that_happens_in_one(captured: Captured) -> None:
    kinds = Counter(packet.name for packet in captured.packets)
    assert kinds["connect"] == len(captured.streams) == 3
    assert {"publish", "subscribe", "puback", "disconnect"} <= kinds.keys()
    assert captured.produced >= 2 * DAYS + 3
    met = {name for name, _ in captured.check.met}
    assert {"birth", "episode", "service", "incident", "state"} <= met
    assert len(captured.month.speeds) == 2 * DAYS


def test_nothing_that_is_to_stay_is_in_it_in_any_form(captured: Captured) -> None:
    assert captured.found(b"".join(captured.streams)) == set()


def test_what_is_looked_for_would_be_found(captured: Captured) -> None:
    """Each kind of what is to stay, put into a stream by hand in one of its forms."""
    stream = captured.streams[0]
    names = {name for name, _ in captured.month.forms()}
    assert names == {"VIN", "Wi-Fi", "name in the settings", "time zone", "position", "speeds", "heart rates"}
    for wanted in names:
        form = next(form for name, form in captured.month.forms() if name == wanted)
        assert wanted in {name for name, _ in captured.found(stream[:500] + form + stream[500:])}


def test_user_and_password_are_told_when_connecting_and_nowhere_else(captured: Captured) -> None:
    for secret in (USERNAME, PASSWORD):
        assert sum(stream.count(secret.encode()) for stream in captured.streams) == len(captured.streams)


def test_a_day_takes_few_bytes(captured: Captured) -> None:
    assert sum(map(len, captured.streams)) / DAYS < BYTES_A_DAY_MAX
