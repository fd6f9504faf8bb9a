"""The schema and the decoders say the same: each holds the other up, through a validator that knows neither."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge import packs
from headway_edge.core import data_quality
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_protocol import ack, benchmark, cbor, command, fold, incident, pack_offer, record, service, signed, state
from headway_protocol.codes import IMPLAUSIBLE
from headway_protocol.diagnostic import diagnostic
from headway_protocol.errors import DecodeError

# zcbor 0.9.1 imports this name, which cbor2 6 dropped (https://github.com/nordicsemi/zcbor/pull/579);
# these lines go with the first zcbor that reads cbor2 6.
if not hasattr(cbor2, "CBORDecodeValueError"):
    cbor2.CBORDecodeValueError = cbor2.CBORDecodeError
from zcbor.zcbor.zcbor import PRELUDE_PATH, CddlValidationError, DataTranslator

SCHEMA_PATH = Path(__file__).parents[2] / "protocol" / "headway.cddl"
PROCESS = packs.load("private-driving")
PACK = PROCESS.id


@pytest.fixture(scope="module")
def valid() -> Callable[[str, bytes], bool]:
    """A function of (rule, bytes): does the schema allow the bytes as that rule?"""
    text = PRELUDE_PATH.read_text(encoding="utf-8") + SCHEMA_PATH.read_text(encoding="utf-8")
    rules = DataTranslator.from_cddl(text, 4096).my_types

    def check(rule: str, data: bytes) -> bool:
        try:
            rules[rule].validate_str(data)
        except (CddlValidationError, cbor2.CBORDecodeError):  # the latter within a byte string
            return False
        return True

    return check


def a_trip() -> record.Record:
    core = EpisodeCore(PROCESS.pack, "car")
    for speed_ckmh in [0, 1000, 3000, 5000, 5000, 6000, -1, 4000, 4000, 2000, 0, 0, 3000, 0]:
        core.signals[PROCESS.pack.speed] = speed_ckmh
        core.update(1000)
    assert core.finish() == data_quality.CLOSED
    body = record.episode_body(PACK, 14000, wire_cells(core), data_quality.wire_gates(core.closed_gates))
    return record.Record(record.EPISODE, 3, 2, 600000, 1700000000000, record.SYNCED, body)


def a_birth() -> record.Record:
    body = record.birth_body("headway 0.1.0", "car", [(PACK, PROCESS.name, PROCESS.version)], 2, 0)
    return record.Record(record.BIRTH, 3, 1, 0, None, record.UNSYNCED, body)


def a_loss() -> record.Record:
    return record.Record(record.LOSS, 3, 3, 1, 0, record.HOLDOVER, record.loss_body(2, 10, 19, "storage full"))


def an_incident() -> record.Record:
    body = incident.incident_body(incident.CHANGE, incident.NOTICE, 86_400_000, PACK, [6, 1, 7, -62, 29], (3, 17))
    return record.Record(record.INCIDENT, 3, 40, 1, 0, record.HOLDOVER, body)


def a_service() -> record.Record:
    body = service.service_body(service.REFUELLED, 0, 84210, 41500)
    return record.Record(record.SERVICE, 3, 41, 1, None, record.UNSYNCED, body)


def a_day() -> record.Record:
    totals = fold.pack_totals([3, 25_400, -7, 0, 12])
    body = fold.day_body(PACK, 19_675, fold.DAY_SPAN, 1, 3, 25_400, totals, [(2, 5, 6), (2, 9, 9), (3, 1, 40)])
    return record.Record(record.DAY, 3, 42, 1, 0, record.HOLDOVER, body)


def read_record(data: bytes) -> None:
    found = record.decode(data)
    parse = {
        record.BIRTH: record.parse_birth,
        record.EPISODE: record.parse_episode,
        record.DAY: fold.parse_day,
        record.INCIDENT: incident.parse_incident,
        record.SERVICE: service.parse_service,
        record.LOSS: record.parse_loss,
    }
    if found.kind in parse:
        parse[found.kind](found.body)


AN_OFFER = signed.make(
    signed.OFFER,
    "depot/bus-1",
    1_790_000_000,
    1_797_776_000,
    b"body",
    (signed.ED25519, bytes(8), lambda _data: bytes(64)),
)


def read_signed(data: bytes) -> None:
    signed.opened(data, 65536, signed.OFFER, "depot/bus-1", lambda *_key: True)


MESSAGES: list[tuple[str, bytes, Callable[[bytes], object]]] = [
    ("record", record.encode(a_birth()), read_record),
    ("record", record.encode(a_trip()), read_record),
    ("record", record.encode(a_loss()), read_record),
    ("record", record.encode(record.Record(record.FEEDBACK, 1, 1, 0, None, 0, [1, "later"])), read_record),
    ("acknowledgement", ack.encode(3, 17, [(16, 1), (18, 4)], [(19, 24), (26, 26)]), ack.decode),
    ("acknowledgement", ack.encode(1, 0, []), ack.decode),
    ("state", state.encode(3, online=True), state.decode),
    ("benchmark", benchmark.encode(4, "car", PACK, [(103, 22, [136, 386, 614, 864], [51, 80, 120, 230])]), benchmark.decode),
    ("benchmark", benchmark.encode(5, "bus", PACK, []), benchmark.decode),
    ("pack-offer", pack_offer.encode(b"compiled", "{}"), pack_offer.decode),
    ("record", record.encode(an_incident()), read_record),
    ("record", record.encode(a_service()), read_record),
    ("state", state.encode(3, online=True, ends=[(3, 17), (2, 40)]), state.decode),
    ("command", command.resend([(3, 17, 18), (2, 1, 4294967295)]), command.decode),
    ("record", record.encode(a_day()), read_record),
    ("signed-message", AN_OFFER, read_signed),
]  # fmt: skip
IDS = [
    "birth",
    "episode",
    "loss",
    "feedback",
    "ack",
    "ack empty",
    "state",
    "benchmark",
    "benchmark empty",
    "pack offer",
]
IDS += ["incident", "service", "state with ends", "command", "day", "signed offer"]


@pytest.mark.parametrize(("rule", "data", "read"), MESSAGES, ids=IDS)
def test_real_messages_are_valid(rule: str, data: bytes, read: Any, valid: Any) -> None:
    read(data)
    assert valid(rule, data)
    assert valid("message", data)


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ("birth-record", 0),
        ("episode-record", 1),
        ("loss-record", 2),
        ("other-record", 3),
        ("incident-record", 10),
        ("service-record", 11),
        ("day-record", 14),
    ],
)
def test_each_kind_is_valid_as_itself_only(rule: str, number: int, valid: Any) -> None:
    records = (0, 1, 2, 3, 10, 11, 14)
    assert [valid(rule, MESSAGES[i][1]) for i in records] == [i == number for i in records]


@pytest.mark.parametrize(("offset", "revises"), [(None, None), (540, None), (-210, (3, 7)), (None, (1, 1))])
def test_a_trip_may_say_where_its_day_begins_and_what_it_corrects(offset: Any, revises: Any, valid: Any) -> None:
    trip = a_trip()
    trip.body = record.episode_body(*trip.body, offset, revises)
    read_record(record.encode(trip))
    assert valid("episode-record", record.encode(trip))


@pytest.mark.parametrize(("rule", "data", "read"), MESSAGES, ids=IDS)
def test_a_message_may_grow_at_the_end(rule: str, data: bytes, read: Any, valid: Any) -> None:
    longer = cbor2.dumps([*cbor2.loads(data), "appended", {1: [2]}])
    read(longer)
    assert valid(rule, longer)


@pytest.mark.parametrize(("rule", "data", "read"), MESSAGES, ids=IDS)
def test_a_message_must_not_lack_an_item(rule: str, data: bytes, read: Any, valid: Any) -> None:
    shorter = cbor2.dumps(cbor2.loads(data)[:-1])
    assert not valid(rule, shorter)
    with pytest.raises(DecodeError):
        read(shorter)


def places(value: Any, path: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Every position in nested arrays."""
    if not isinstance(value, list):
        return []
    return [place for i, item in enumerate(value) for place in [(*path, i), *places(item, (*path, i))]]


def replaced(value: Any, path: tuple[int, ...], by: Any) -> Any:
    value = copy.deepcopy(value)
    inner = value
    for i in path[:-1]:
        inner = inner[i]
    inner[path[-1]] = by
    return value


NUMBERS = [-1, 0, 1, 3, 8, 1000, 1001, 2**32 - 1, 2**32, 2**46, 2**46 + 1]
OTHERS = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from([None, True, False, "", "x" * 64, "x" * 257, b"", bytes(8), bytes(9), bytes(512), bytes(513)]),
    st.lists(st.integers(0, 5), max_size=3),
    st.just({}),
)

# What the comments of the schema call rules, in the words of the decoders.
RULES = (
    "with wall_ms",
    "loss of",
    "of boot",
    "knots over",
    "knots are not in order",
    "shares,",
    "twice",
    "is not text of at most 64 characters",
    "the limit is",
    "is not an array of at most 64 items",
    " stored above ",
    "with millilitres",
)


@given(message=st.sampled_from(MESSAGES), choose=st.data())
def test_schema_and_decoder_agree_on_changed_messages(message: Any, choose: Any, valid: Any) -> None:
    rule, data, read = message
    value = cbor2.loads(data)
    value = replaced(value, choose.draw(st.sampled_from(places(value))), choose.draw(OTHERS))
    changed = cbor.encode(value)
    refused = None
    try:
        read(changed)
    except DecodeError as error:
        refused = str(error)
    by_a_rule = refused is not None and any(words in refused for words in RULES)
    assert by_a_rule or valid(rule, changed) == (refused is None), f"{diagnostic(value)}: {refused}"


@pytest.mark.parametrize(
    ("number", "path", "by"),
    [
        (0, (0,), 2),
        (0, (1,), 0),
        (0, (1,), 256),
        (0, (2,), 0),
        (0, (3,), 2**32),
        (0, (4,), -1),
        (0, (4,), 2**46 + 1),
        (1, (5,), True),
        (1, (6,), 3),
        (0, (7,), {}),
        (0, (7, 0), b"headway"),
        (0, (7, 2, 0, 0), bytes(9)),
        (0, (7, 2, 0, 2), "1"),
        (0, (7, 3), -1),
        (1, (7, 0), bytes(7)),
        (1, (7, 1), None),
        (1, (7, 2), bytes(513)),
        (1, (7, 3), [1]),
        (2, (7, 0), 0),
        (2, (7, 3), None),
        (4, (1,), 0),
        (4, (2,), 2**32),
        (4, (3, 0), [16]),
        (4, (3, 0, 0), 0),
        (4, (3,), [[1, 1]] * 257),
        (4, (4, 0), [19]),
        (4, (4, 0, 1), 2**32),
        (6, (1,), 0),
        (6, (2,), 1),
        (7, (2,), 5),
        (7, (3,), bytes(7)),
        (7, (4, 0, 0), -1),
        (7, (4, 0, 2), []),
        (7, (4, 0, 2, 0), 1001),
        (7, (4, 0, 3, 0), None),
        (7, (4, 0, 3), [0] * 22),
        (10, (7, 0), 0),
        (10, (7, 0), 65536),
        (10, (7, 1), 4),
        (10, (7, 3), bytes(7)),
        (10, (7, 4), [0] * 17),
        (10, (7, 4, 0), 2**53),
        (10, (7, 5), [1]),
        (10, (7, 5, 1), 0),
        (11, (7, 0), 256),
        (11, (7, 1), None),
        (11, (7, 2), 10_000_000),
        (11, (7, 2), -1),
        (11, (7, 3), 0),
        (11, (7, 3), 2_000_001),
        (15, (0,), 1),
        (15, (0,), 3),
        (15, (1,), 0),
        (15, (2,), bytes(7)),
        (15, (3,), b""),
        (15, (3,), cbor2.dumps([0, "a", 1, 1, b""])),
        (15, (3,), cbor2.dumps([1, "a", 0, 1, b""])),
        (15, (3,), cbor2.dumps([1, "a", 4102444801, 1, b""])),
        (15, (3,), cbor2.dumps([1, "a", 1, 4102444801, b""])),
        (15, (3,), cbor2.dumps([1, b"a", 1, 1, b""])),
        (15, (3,), cbor2.dumps([1, "a", 1, 1])),
        (15, (4,), b""),
        (15, (4,), bytes(65)),
    ],
)
def test_both_refuse_a_message_changed_in_one_place(number: int, path: tuple[int, ...], by: Any, valid: Any) -> None:
    rule, data, read = MESSAGES[number]
    changed = cbor2.dumps(replaced(cbor2.loads(data), path, by))
    assert not valid(rule, changed)
    with pytest.raises(DecodeError):
        read(changed)


def test_a_rule_between_fields_is_the_decoders_alone(valid: Any) -> None:
    rule, data, read = MESSAGES[7]
    changed = cbor2.dumps(replaced(cbor2.loads(data), (4, 0, 1), 4))
    assert valid(rule, changed)
    with pytest.raises(DecodeError) as caught:
        read(changed)
    assert caught.value.code == IMPLAUSIBLE
