"""Offers of packs: only signed, newer, unexpired, for this device; and the way back from one that the device cannot live with."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.edge.failing_medium import FULL, FailingMedium, always
from tests.edge.signing_server import ADDRESS, YEAR_S, SigningServer
from tests.edge.test_agent import PROCESS, START_MS, Device, births

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.mqtt.link import Connected, Message
from headway_edge.orders.offer_book import LAST, REFUSED, STATE_KEYS, VERSIONS
from headway_edge.orders.pack_trial import PACK, STARTS_MAX, TRIAL
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.store.outbox import Outbox
from headway_protocol import ack, pack_offer, record, signed, topics

START_S = START_MS // 1000
OTHERS = ("commercial-driving", "eco-driving")
Say = Callable[..., Message]


@pytest.fixture
def server() -> SigningServer:
    return SigningServer(first_version=START_S)


@pytest.fixture
def device(tmp_path: Path, server: SigningServer) -> Iterator[Device]:
    device = Device(tmp_path)
    device.server_keys = server.keys()
    device.restart()
    yield device
    device.outbox.close()


class FailingDevice(Device):
    """A device whose disk a test lets fail."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.medium = FailingMedium()
        super().__init__(folder)

    def start(self) -> None:
        self.outbox = Outbox(self.path, self.medium, mono_ms=self.clock.mono_ms)
        keys = SigningServer().keys()
        self.agent = Agent(self.outbox, self.link, self.clock, max, PROCESS, server_keys=keys)  # type: ignore[arg-type]

    def hear(self, payload: bytes) -> None:
        self.clock.now_ms += 60_000
        self.link.events.append(Message(topics.PACK, payload))
        self.agent.step(self.clock.now_ms)


def body_of(name: str = "commercial-driving") -> bytes:
    path = Path(packs.__file__).parent / name
    return pack_offer.encode(path.with_suffix(".cbor").read_bytes(), path.with_suffix(".json").read_text("utf-8"))


@pytest.fixture
def hear(device: Device) -> Callable[..., str]:
    """What hands payloads to the device; returns which pack runs then."""

    def heard(*payloads: bytes) -> str:
        device.link.events.extend([Connected(), *(Message(topics.PACK, payload) for payload in payloads)])
        device.agent.step(device.clock.now_ms)
        return device.agent.process.name

    return heard


def cause(device: Device) -> str:
    return device.agent.status().pack_cause


def acknowledge(device: Device) -> None:
    """The server acknowledges everything that this boot has made."""
    device.link.events.append(Message(topics.ACK, ack.encode(device.outbox.boot, device.outbox.last_seq, [])))
    device.agent.step(device.clock.now_ms)


def test_what_the_server_signed_for_this_device_runs(device: Device, server: SigningServer, hear: Say) -> None:
    assert hear(server.signed(body_of())) == "commercial-driving"
    assert (device.agent.refused_packs, cause(device)) == (0, "")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (lambda _server: body_of(), "forged: not signed"),
        (lambda _server: SigningServer(2).signed(body_of()), "forged: no key held here made the signature"),
        (
            lambda server: server.signed(body_of(), address="depot-7/bus-0143"),
            "not-for-you: signed for depot-7/bus-0143",
        ),
        (lambda server: server.signed(body_of(), purpose=signed.WIPE), "not-for-you: signed for purpose 2"),
        (lambda server: server.signed(body_of())[:-1] + b"\x00", "forged: no key held here made the signature"),
        (lambda server: server.signed(body_of(), not_after_s=START_S - 1), "expired: it was to be taken"),
        (
            lambda server: server.signed(body_of(), START_S + 2 * YEAR_S),
            "implausible: version .* is more than a year ahead",
        ),
        (lambda _server: b"rubbish", "malformed"),
        (lambda _server: b"\xff" * 70_000, "too-large"),
    ],
)
def test_anything_else_is_refused_with_its_cause_and_the_old_pack_goes_on(
    payload: Callable[[SigningServer], bytes], words: str, device: Device, server: SigningServer, hear: Say
) -> None:
    assert hear(payload(server)) == "private-driving"
    assert device.agent.refused_packs == 1
    assert re.match(words, cause(device))
    assert device.agent.status().sentence.endswith(f"Next: {device.agent.status().pack_next_step}.")
    device.restart()
    assert device.agent.process.name == "private-driving"
    assert hear(server.signed(body_of(), START_S + 9)) == "commercial-driving", "nothing of it was kept"
    assert cause(device) == ""


def test_a_forged_signature_with_the_right_name_of_the_key_is_refused(server: SigningServer, hear: Say) -> None:
    algorithm, key_id, _ = server.signing.signer(ADDRESS)
    said = signed.statement(signed.OFFER, ADDRESS, START_S, signed.TIME_S_MAX, body_of())
    assert hear(signed.joined(said, algorithm, key_id, bytes(64))) == "private-driving"
    assert hear(signed.joined(said, signed.HMAC_SHA256, key_id, bytes(32))) == "private-driving"


def test_a_device_without_keys_says_where_they_come_from(device: Device, server: SigningServer, hear: Say) -> None:
    device.server_keys = ServerKeys(ADDRESS)
    device.restart()
    assert hear(server.signed(body_of())) == "private-driving"
    assert cause(device) == "forged: this device holds no key of its server (pack_keys)"
    assert "`headway key show`" in device.agent.status().pack_next_step


def test_an_older_offer_is_refused_also_after_a_power_cut(device: Device, server: SigningServer, hear: Say) -> None:
    older = server.signed(body_of("eco-driving"))
    assert hear(server.signed(body_of())) == "commercial-driving"
    assert hear(older) == "commercial-driving"
    assert cause(device).startswith("not-newer")
    device.restart()
    assert hear(older) == "commercial-driving"
    assert hear(server.signed(body_of("eco-driving"), server.version)) == "commercial-driving", (
        "the same version, another pack"
    )
    assert hear(server.signed(body_of("eco-driving"))) == "eco-driving"


def test_the_very_same_offer_is_passed_over_in_silence_whoever_signed_it(
    device: Device, server: SigningServer, hear: Say
) -> None:
    payload = server.signed(body_of())
    hear(payload, payload)
    device.restart()
    algorithm, _, said, signature = signed.parts(payload, 70_000)
    hear(payload, signed.joined(said, algorithm, b"rotated!", signature))
    assert (device.agent.refused_packs, cause(device)) == (0, "")
    assert births(device)[-2:] == ["commercial-driving", "commercial-driving"], "one for the switch, one for the start"


@pytest.mark.parametrize("lost", [(PACK,), (PACK, LAST), (PACK, LAST, TRIAL), (PACK, VERSIONS)])
def test_what_the_store_has_lost_is_taken_again_and_nothing_older(
    device: Device, server: SigningServer, hear: Say, lost: tuple[str, ...]
) -> None:
    older, payload = server.signed(body_of("eco-driving")), server.signed(body_of())
    assert hear(payload) == "commercial-driving"
    device.outbox.save_all(dict.fromkeys(lost))
    device.restart()
    assert device.agent.process.name == PROCESS.name
    if VERSIONS not in lost:
        assert hear(older) == PROCESS.name
        assert cause(device).startswith("not-newer")
    assert hear(payload) == "commercial-driving"
    assert cause(device) == ""
    device.restart()
    assert hear(payload, older) == "commercial-driving"


def test_an_offer_of_the_settings_own_pack_costs_no_writing_when_it_comes_again(
    device: Device, server: SigningServer, hear: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = server.signed(body_of(PROCESS.name))
    hear(payload)
    assert device.outbox.load(PACK) is None
    monkeypatch.setattr(device.outbox, "save_all", lambda _state: pytest.fail("written"))
    monkeypatch.setattr(device.outbox, "save", lambda *_state: pytest.fail("written"))
    assert hear(payload) == PROCESS.name
    assert (device.agent.refused_packs, cause(device)) == (0, "")


def test_a_refusal_is_told_until_the_offer_that_runs_comes_again(
    device: Device, server: SigningServer, hear: Say
) -> None:
    payload = server.signed(body_of())
    hear(payload, body_of("eco-driving"))
    assert cause(device) == "forged: not signed"
    assert (device.outbox.load(REFUSED) or b"").startswith(b"forged: not signed; ")
    hear(payload)
    assert (cause(device), device.outbox.load(REFUSED)) == ("", None)


def test_renewing_an_offer_moves_its_version_and_nothing_else(device: Device, server: SigningServer, hear: Say) -> None:
    hear(server.signed(body_of()))
    told = len(births(device))
    renewed = server.signed(body_of())
    hear(renewed)
    assert len(births(device)) == told
    assert hear(server.signed(body_of("eco-driving"), server.version - 1)) == "commercial-driving"


@pytest.mark.parametrize("synced", [True, False])
def test_a_device_without_a_clock_takes_what_has_expired_and_one_that_knows_the_time_does_not(
    device: Device, server: SigningServer, hear: Say, synced: bool
) -> None:
    expired = server.signed(body_of(), not_after_s=START_S - 1)
    device.clock.wall_known = synced
    device.outbox.save("synced_ms", b"0")
    assert hear(expired) == ("private-driving" if synced else "commercial-driving")


def test_a_time_that_this_device_once_knew_is_enough_to_know_that_an_offer_is_late(
    device: Device, server: SigningServer, hear: Say
) -> None:
    device.clock.ahead_ms = 10 * 86_400_000
    device.trip()  # a record made under a synced clock is the floor
    device.clock.wall_known = False
    assert hear(server.signed(body_of(), not_after_s=START_S + 86_400)) == "private-driving"
    assert hear(server.signed(body_of(), not_after_s=START_S + 20 * 86_400)) == "commercial-driving"


def test_both_keys_count_while_one_replaces_the_other_and_versions_go_on(
    device: Device, server: SigningServer, hear: Say
) -> None:
    new = SigningServer(2, first_version=server.version + 1)
    device.server_keys = ServerKeys(ADDRESS, [server.public, new.public])
    device.restart()
    older = server.signed(body_of("eco-driving"))
    server.version += 5
    hear(server.signed(body_of()))
    new.version = server.version
    assert hear(new.signed(body_of("eco-driving"))) == "eco-driving"
    assert hear(older, server.signed(body_of(), new.version)) == "eco-driving"


def test_the_versions_of_a_key_that_was_stolen_go_with_the_key(
    device: Device, server: SigningServer, hear: Say
) -> None:
    new = SigningServer(2, first_version=START_S + 100)
    device.clock.wall_known = False  # a synced clock would not have let it go so far
    assert hear(server.signed(body_of(), signed.VERSION_MAX)) == "commercial-driving"
    device.server_keys = ServerKeys(ADDRESS, [server.public, new.public])
    device.restart()
    assert hear(new.signed(body_of("eco-driving"))) == "commercial-driving"
    device.server_keys = new.keys()
    device.restart()
    assert hear(new.signed(body_of("eco-driving"))) == "eco-driving"


def test_a_year_offline_with_the_old_key_takes_what_the_old_key_signs(
    device: Device, server: SigningServer, hear: Say
) -> None:
    device.clock.ahead_ms = YEAR_S * 1000
    late = START_S + YEAR_S
    assert hear(SigningServer(2).signed(body_of(), late, late + 90 * 86_400)) == "private-driving"
    assert hear(server.signed(body_of(), late, late + 90 * 86_400)) == "commercial-driving"


# --- the trial ----------------------------------------------------------------------------------------------------


def test_a_pack_that_ends_the_agent_at_every_start_is_given_back(
    device: Device, server: SigningServer, hear: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = server.signed(body_of())
    with monkeypatch.context() as patched:
        # The pack is fine for every check and ends the process where it is put to work.
        real = Agent._own

        def own(agent, process):
            if process.name == "commercial-driving":
                raise SystemExit("the pack ended the agent")
            return real(agent, process)

        patched.setattr("headway_edge.agent.Agent._own", own)
        with pytest.raises(SystemExit):
            hear(payload)
        for _ in range(STARTS_MAX - 1):
            with pytest.raises(SystemExit):
                device.restart()
        device.restart()
        assert device.agent.process.name == "private-driving"
        assert "was given back" in cause(device)
        assert hear(payload) == "private-driving", "that offer is not taken again"
        assert device.agent.refused_packs == 0
    assert hear(server.signed(body_of("eco-driving"))) == "eco-driving"
    assert cause(device) == ""


def test_a_pack_that_ends_the_agent_while_it_is_looked_at_is_left_alone(
    device: Device, server: SigningServer, hear: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = server.signed(body_of())

    def ends(*_arguments: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("headway_edge.orders.offered_packs.OfferedPacks._checked", ends)
        for _ in range(STARTS_MAX):
            with pytest.raises(SystemExit):
                hear(payload)
            device.restart()
        assert hear(payload) == "private-driving"
    assert cause(device) == f"implausible: this agent ended {STARTS_MAX} times while it looked at it"
    assert hear(server.signed(body_of())) == "commercial-driving"


def test_it_goes_back_to_the_last_pack_that_was_confirmed(device: Device, server: SigningServer, hear: Say) -> None:
    hear(server.signed(body_of("eco-driving")))
    device.trip()
    hear(server.signed(body_of("commercial-driving")))
    hear(server.signed(body_of("private-driving")))
    for _ in range(STARTS_MAX):
        assert device.agent.process.name == "private-driving"
        device.restart()
    assert device.agent.process.name == "eco-driving"
    assert births(device)[-1] == "eco-driving", "and the server is told"


@pytest.mark.parametrize("proof", [acknowledge, Device.trip])
def test_a_pack_that_works_is_confirmed(
    proof: Callable[[Device], None], device: Device, server: SigningServer, hear: Say
) -> None:
    hear(server.signed(body_of()))
    device.restart()
    proof(device)
    for _ in range(STARTS_MAX + 2):
        device.restart()
    assert device.agent.process.name == "commercial-driving"
    assert {key for key in STATE_KEYS if device.outbox.load(key) is not None} == {
        "pack",
        "offer_versions",
        "offer_last",
    }


def test_an_acknowledgement_of_what_was_made_before_proves_nothing(
    device: Device, server: SigningServer, hear: Say
) -> None:
    last_seq = device.outbox.last_seq
    hear(server.signed(body_of()))
    device.link.events.append(Message(topics.ACK, ack.encode(device.outbox.boot, last_seq, [])))
    device.agent.step(device.clock.now_ms)
    for _ in range(STARTS_MAX):
        device.restart()
    assert device.agent.process.name == "private-driving"


@pytest.mark.parametrize("amid", ["offer", "switch"])
def test_a_disk_that_refuses_for_a_while_only_delays_it(tmp_path: Path, server: SigningServer, amid: str) -> None:
    device = FailingDevice(tmp_path / "failing")
    payload = server.signed(body_of())
    if amid == "switch":
        device.drive(60)
        device.hear(payload)
        assert device.agent.process.name == "private-driving", "a trip is under way"
    device.medium.fail = always(FULL)
    if amid == "switch":
        device.park()
        device.drive(3, 0)
    else:
        device.hear(payload)
    assert device.agent.process.name == "private-driving"
    device.medium.fail = lambda _sql: None
    if amid == "switch":
        device.drive(1, 0)
    else:
        device.hear(payload)
    assert device.agent.process.name == "commercial-driving"
    assert device.agent.refused_packs == 0
    device.restart()
    assert device.agent.process.name == "commercial-driving"
    device.outbox.close()


def test_starts_without_a_link_count_for_nothing(device: Device, server: SigningServer, hear: Say) -> None:
    hear(server.signed(body_of()))
    link, device.link = device.link, None  # type: ignore[assignment]
    for _ in range(STARTS_MAX + 1):
        device.restart()
    device.link = link
    device.restart()
    assert device.agent.process.name == "commercial-driving"


def test_a_pack_that_is_stored_from_before_signatures_still_runs(device: Device) -> None:
    device.outbox.save("pack", body_of())
    for _ in range(STARTS_MAX + 1):
        device.restart()
    assert device.agent.process.name == "commercial-driving"
    device.trip()
    ids = [record.parse_episode(episode.body)[0] for episode in device.episodes()]
    assert ids == [packs.load("commercial-driving").id]
    assert PROCESS.id not in ids
