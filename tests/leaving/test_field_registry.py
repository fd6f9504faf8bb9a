"""The registry is what devices send: no more, and no less."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.edge.made_trips import DAY_MS, PROCESS, START_MS, body_of, numbers_of
from tests.protocol.every_message import messages

from headway_edge import exchange as exchange_module
from headway_edge import packs
from headway_edge.band import band_exchange, packets
from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_edge.flash import loss_list
from headway_edge.store import pending_loss
from headway_edge.store.outbox import Outbox
from headway_protocol import cbor, counts, field_entry, field_registry, incident, mqtt_fields, record, state, topics
from headway_protocol.field_entry import Field
from headway_server.packs.compile import compile_file
from headway_simulators.chaos import people
from headway_simulators.chaos.faults import KINDS, faults_of
from headway_simulators.chaos.runs import run
from headway_simulators.chaos.script import Script
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.leaving.field_check import FieldCheck, UnregisteredField
from headway_simulators.leaving.mqtt_packets import Identity, check_stream

ROOT = Path(__file__).parents[2]
CORPUS = sorted((ROOT / "tests/corpus").glob("*.json"))
ALL = {(name, field.name) for name, fields in field_registry.RECORDS.items() for field in fields} | {
    ("state", field.name) for field in field_registry.STATE
}
VALUES = {("incident", field.name) for fields in field_registry.INCIDENT_VALUES.values() for field in fields}
Published = list[tuple[str, bytes]]


def known_processes() -> dict[bytes, Process]:
    found = dict(packs.shipped())
    for path in Path(people.__file__).parent.glob("*.toml"):
        process = people.process_of(path.stem)
        found[process.id] = process
    return found


@pytest.fixture
def check() -> FieldCheck:
    return FieldCheck(known_processes().get)


@pytest.fixture(scope="module")
def fleet() -> Published:
    """All that the devices of simulated fleets published in their lives, good and bad, last wills too."""
    found: Published = []
    # Noise is somebody else's, on a device's topics.
    kinds = [name for name in KINDS if name != "noise"]
    with pytest.MonkeyPatch.context() as patch:
        publish, connect = SimBroker.publish, SimBroker.connect

        def published(self: SimBroker, device: str, channel: str, payload: bytes) -> None:
            found.append((channel, payload))
            publish(self, device, channel, payload)

        def connected(self: SimBroker, end: Any, will: bytes) -> int:
            found.append((topics.STATE, will))
            return connect(self, end, will)

        patch.setattr(SimBroker, "publish", published)
        patch.setattr(SimBroker, "connect", connected)
        for seed in (7, 11):
            outcome = run(Script(seed, 4, 20, faults_of(seed, 4, 20, kinds)))
            assert outcome.violations == ()
    return found


def folds(folder: Path) -> Iterator[bytes]:
    """DAY records of a store that was full."""
    outbox = Outbox(folder / "outbox.db", budget_bytes=40_000)
    outbox.find = known_processes().get
    for n in range(400):
        body = body_of(numbers_of(PROCESS, 6000 + n, 5000 + n, 3))
        outbox.append(record.EPISODE, n, START_MS + n * DAY_MS // 10, record.SYNCED, body)
    yield from outbox.payloads(record.DAY)
    outbox.close()


def releases() -> Iterator[tuple[str, str, bytes]]:
    """Yield (name, channel, payload) of what devices of every release said, in packs and kinds that there are."""
    for path in CORPUS:
        for message in json.loads(path.read_text(encoding="utf-8"))["messages"]:
            is_known = "unknown pack" not in message["name"] and "of a later version" not in message["name"]
            if message["channel"] in {topics.UP, topics.STATE} and is_known:
                yield message["name"], message["channel"], bytes.fromhex(message["hex"])


def release_check() -> FieldCheck:
    found = known_processes()
    for path in CORPUS:
        process = packs.process(bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["pack"]), None)
        process.name = "private-driving"  # as its birth says
        found[process.id] = process
    return FieldCheck(found.get)


def test_what_simulated_fleets_send_is_in_the_registry(fleet: Published, check: FieldCheck) -> None:
    for channel, payload in fleet:
        check.message(channel, payload)
    assert len(fleet) > 500
    assert {"birth", "episode", "state"} <= {name for name, _ in check.met}


def test_what_every_release_sent_is_in_the_registry() -> None:
    check = release_check()
    assert [check.message(channel, payload) for _, channel, payload in releases()]


def test_what_a_full_store_folds_is_in_the_registry(tmp_path: Path, check: FieldCheck) -> None:
    assert {check.message(topics.UP, payload) for payload in folds(tmp_path)} == {"day"}


def test_every_entry_is_met(fleet: Published, tmp_path: Path) -> None:
    """One that nobody ever sends would be a promise of nothing."""
    check = release_check()
    sent = [(channel, payload) for _, channel, payload in releases()]
    sent += [(topics.UP, payload) for payload in folds(tmp_path)]
    # What needs weeks of a person's trips, or an operator, to come about.
    sent += [(channel, payload) for name, channel, payload in longest() if name in {"kind 1", "kind 5"}]
    for channel, payload in [*sent, *fleet]:
        check.message(channel, payload)
    envelope = {(name, field.name) for name in field_registry.RECORDS for field in field_registry.ENVELOPE}
    assert check.met == ALL | VALUES | envelope


def walk(items: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield where the arrays are in a message."""
    if isinstance(items, list):
        yield path
        for i, item in enumerate(items):
            yield from walk(item, (*path, i))


def grown(items: Any, path: tuple[int, ...], item: object) -> bytes:
    """Return the message with one item more at the end of the array at `path`."""
    copy = json.loads(json.dumps(items, default=lambda data: {"bytes": data.hex()}), object_hook=_bytes)
    at = copy
    for place in path:
        at = at[place]
    at.append(item)
    return cbor.encode(copy)


def _bytes(item: dict[str, str]) -> bytes:
    return bytes.fromhex(item["bytes"])


def longest() -> Iterator[tuple[str, str, bytes]]:
    """Yield (name, channel, payload) of messages with all that they may have."""
    pack_id = PROCESS.id
    bodies = {
        record.BIRTH: [record.birth_body("headway 0.1.0", "car", [(pack_id, PROCESS.name, 1)], 2, 0, (1, 3))],
        record.EPISODE: [[pack_id, 0, b"\x01", b"\x01", 60, [3, 17]]],
        record.DAY: [[pack_id, 19675, 1, 1, 1, 250, b"\x01", [[2, 5, 6]]]],
        record.INCIDENT: [
            [incident.CHANGE, 1, 0, pack_id, [6, 1, 7, 62, 29, -1, -1], [3, 17]],
            [incident.WARNING_CODE, 2, 0, pack_id, [535, 3, 30], [3, 17]],
        ],
        record.SERVICE: [[2, 0, 84210, 41500]],
        record.LOSS: [[2, 10, 19, "damaged in the store"]],
    }
    for kind, some in bodies.items():
        for body in some:
            payload = record.encode(record.Record(kind, 3, 2, 9, 1_700_000_000_000, record.SYNCED, body))
            yield f"kind {kind}", topics.UP, payload
    yield "state", topics.STATE, state.encode(3, True, [(3, 17)])


def is_refused(check: FieldCheck, channel: str, payload: bytes) -> bool:
    try:
        check.message(channel, payload)
    except UnregisteredField:
        return True
    return False


@pytest.mark.parametrize("item", [4820817, "VIN", b"\x01", None, True, [1, 2, 3, 4]], ids=repr)
def test_one_item_more_anywhere_fails(item: object, check: FieldCheck) -> None:
    tried = 0
    for name, channel, payload in longest():
        check.message(channel, payload)
        items = cbor.decode(payload)
        for path in walk(items):
            changed = grown(items, path, item)
            assert is_refused(check, channel, changed), f"{name}: {item!r} at the end of {path} is nowhere said"
            tried += 1
    assert tried >= 25


def test_an_encoder_that_says_more_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's own encoder, changed as a careless hand would: the messages of a fleet show it."""
    body_of_trip = record.episode_body

    def careless(*arguments: Any, **named: Any) -> list[object]:
        body = body_of_trip(*arguments, **named)
        return [*body, *[None] * (6 - len(body)), 4820817]

    monkeypatch.setattr(record, "episode_body", careless)
    found: Published = []
    publish = SimBroker.publish
    monkeypatch.setattr(
        SimBroker, "publish", lambda self, *message: (found.append(message[1:]), publish(self, *message))[1]
    )
    run(Script(7, 2, 2))
    check = FieldCheck(known_processes().get)
    trips = [
        message for message in found if message[0] == topics.UP and record.decode(message[1]).kind == record.EPISODE
    ]
    assert len(trips) > 3
    assert all(is_refused(check, *message) for message in trips)


def test_counts_that_no_pack_names_fail(check: FieldCheck) -> None:
    for kind, numbers in (("counts", len(PROCESS.pack.cells)), ("gates", 8)):
        packed = counts.pack([1] * (numbers + 1))
        both = {"counts": b"", "gates": b""} | {kind: packed}
        body = [PROCESS.id, 0, both["counts"], both["gates"]]
        with pytest.raises(UnregisteredField, match=kind):
            check.message(topics.UP, record.encode(record.Record(record.EPISODE, 1, 1, 0, None, 0, body)))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (record.FEEDBACK, [2]),
        (record.LOSS, [1, 1, 1, "at 48.2082, 16.3738"]),
        (record.BIRTH, ["headway 0.1.0", "car of VWVZZ", [[PROCESS.id, PROCESS.name, PROCESS.version]], 0, 0]),
        (record.BIRTH, ["Jane's headway", "car", [[PROCESS.id, PROCESS.name, PROCESS.version]], 0, 0]),
        (record.BIRTH, ["headway 0.1.0", "car", [[PROCESS.id, "Jane's pack", PROCESS.version]], 0, 0]),
        (record.INCIDENT, [incident.CLOCK_JUMP, 1, 0, None, [1700000000], None]),
        (record.INCIDENT, [incident.WARNING_CODE, 1, 0, PROCESS.id, [535, 3, 30, 4820817], None]),
        (record.SERVICE, [7, 0, None, None]),
        (record.EPISODE, [bytes(8), 0, b"\x01", b""]),
    ],
)
def test_what_decodes_and_is_not_of_the_registry_fails(kind: int, body: list[object], check: FieldCheck) -> None:
    payload = record.encode(record.Record(kind, 1, 1, 0, None, record.UNSYNCED, body))
    record.decode(payload)
    with pytest.raises(UnregisteredField):
        check.message(topics.UP, payload)


def test_what_only_servers_say_fails(check: FieldCheck) -> None:
    for channel in (topics.ACK, topics.BENCH, topics.PACK, topics.CMD):
        with pytest.raises(UnregisteredField, match="does not publish"):
            check.message(channel, messages()[0])


def test_reasons_of_a_loss_are_those_of_the_code() -> None:
    of_store = {pending_loss.CUT_OFF, pending_loss.DAMAGED, pending_loss.STORE_FULL, pending_loss.DISK_REFUSED}
    others = {exchange_module._NOT_KEPT, band_exchange._NOT_KEPT, *loss_list.REASONS}
    assert set(field_registry.LOSS_REASONS) == of_store | others
    constants = {value for name, value in vars(pending_loss).items() if name.isupper() and isinstance(value, str)}
    assert constants - {pending_loss.PREFIX} == of_store


def cddl_names(rule: str) -> list[str]:
    """Return the names of a rule's items in protocol/headway.cddl, in their order."""
    text = re.sub(r";.*", "", (ROOT / "protocol/headway.cddl").read_text(encoding="utf-8"))
    (inner,) = re.findall(rf"^{rule} = [\[(]\n(.*?)^[\])]$", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"(\w+):", inner)


@pytest.mark.parametrize(
    ("rule", "fields", "depth"),
    [
        ("envelope", field_registry.ENVELOPE, 1),
        ("birth", field_registry.RECORDS["birth"], 2),
        ("fold", field_registry.RECORDS["day"], 2),
        ("service", field_registry.RECORDS["service"], 2),
        ("loss", field_registry.RECORDS["loss"], 2),
        ("state", field_registry.STATE, 1),
    ],
)
def test_names_are_those_of_the_schema(rule: str, fields: tuple[Field, ...], depth: int) -> None:
    names = [field.name for field in fields if field.path and len(field.path.split(".")) == depth]
    unnamed = {"version", "kind", "wiped"}  # there: by literals, and in words, behind what a later sender may append
    named = [name for name in names if name not in unnamed]
    assert named == cddl_names(rule)


def test_each_entry_says_what_it_is_for() -> None:
    tables = [field_registry.ENVELOPE, field_registry.STATE, mqtt_fields.CARRIED]
    tables += [*field_registry.RECORDS.values(), *field_registry.INCIDENT_VALUES.values(), *mqtt_fields.MQTT.values()]
    for fields in tables:
        assert len({field.path for field in fields}) == len(fields)
        for field in fields:
            assert field.purpose
            assert field.about in {field_entry.NOBODY, field_entry.DEVICE, field_entry.PERSON}
            assert (field.form == field_entry.TEXT) <= bool(field.words)
            assert field.form != field_entry.INTEGER or field.low <= field.high


def test_a_microcontrollers_packets_are_in_the_registry(check: FieldCheck) -> None:
    topic = {channel: topics.topic("depot-7", "band-1", channel).encode() for channel in topics.CHANNELS}
    will = state.encode(3, False)
    stream = packets.connect(b"depot-7:band-1", 60, topic[topics.STATE], will, b"user", b"pass")
    stream += packets.subscribe([topic[channel] for channel in (topics.ACK, topics.BENCH, topics.PACK, topics.CMD)], 1)
    stream += packets.publish(topic[topics.STATE], 2, state.encode(3, True, [(3, 17)]), True)
    stream += packets.puback(9) + packets.PINGREQ + packets.DISCONNECT
    found = check_stream(stream, Identity("depot-7", "band-1", "user", "pass"), check)
    assert [packet.name for packet in found] == [
        "connect", "subscribe", "publish", "puback", "pingreq", "disconnect",
    ]  # fmt: skip
    met = {item for item in check.met if item[0] in mqtt_fields.MQTT}
    of_version_5 = {"session_expiry_s", "receive_maximum", "maximum_packet_size"}
    every = {(packet, field.name) for packet, fields in mqtt_fields.MQTT.items() for field in fields}
    assert met == {item for item in every if item[1] not in of_version_5}


def test_user_properties_fail(check: FieldCheck) -> None:
    body = b"\x00\x04MQTT\x05\x02\x00\x3c" + b"\x07\x26\x00\x01a\x00\x01b" + b"\x00\x03g:d"
    with pytest.raises(UnregisteredField, match="property 0x26"):
        check_stream(bytes([0x10, len(body)]) + body, Identity("g", "d"), check)


def test_no_module_of_a_device_reads_the_registry() -> None:
    registry = {"headway_protocol.field_registry", "headway_protocol.field_entry", "headway_protocol.mqtt_fields"}
    for path in [*(ROOT / "edge").rglob("*.py"), *(ROOT / "protocol").rglob("*.py")]:
        if path.stem in {name.rpartition(".")[2] for name in registry}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in registry, path


def test_a_pack_that_reads_a_position_for_anything_but_its_sameness_is_refused() -> None:
    source = packs.load("private-driving")
    data = next((ROOT / "edge/headway_edge/packs").glob("private-driving.cbor")).read_bytes()
    parts = cbor.decode(data, 14)
    place = [signal[0] for signal in parts[5]].index("Vehicle.CurrentLocation.Latitude")
    assert Pack(data).id == source.id
    for tree in (["last", ["s", place]], ["time", ["<", 4820000, ["s", place]]], ["max", ["abs", ["s", place]]]):
        changed = list(parts)
        changed[9] = [*parts[9][:-1], tree]
        with pytest.raises(ValueError, match="a position only as unchanged"):
            Pack(cbor.encode(changed, 14))
    changed = list(parts)
    changed[9] = [*parts[9][:-1], ["max", ["unchanged", ["s", place]]]]
    Pack(cbor.encode(changed, 14))


def test_a_position_is_no_warning_code() -> None:
    data = (ROOT / "edge/headway_edge/packs/private-driving.cbor").read_bytes()
    parts = cbor.decode(data, 14)
    codes = parts[5][parts[19][0]]
    codes[0] = "Vehicle.CurrentLocation.Latitude"
    with pytest.raises(ValueError, match="codes that are positions"):
        Pack(cbor.encode(parts, 14))


def test_packs_that_ship_name_all_that_they_count() -> None:
    from headway_server.packs import library
    from headway_simulators.leaving.pack_fields import PackFields

    for name in library.names():
        compiled = compile_file(library.path(name))
        process = Process(Pack(compiled.data), compiled.catalogue)
        fields = PackFields(process, compiled.catalogue)
        told = [place for field in fields.counts for place in range(field.place, field.place + field.count)]
        assert told == [place for place in range(len(process.pack.cells)) if place != 1 or process.pack.kind == "trip"]
        assert [field.place for field in fields.totals] == list(range(len(process.pack.period)))
        for field in fields.counts:
            assert field.unit
            assert set(field.reads) <= set(fields.signals)
