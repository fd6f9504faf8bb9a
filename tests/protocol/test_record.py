"""Records: what goes in comes out, what is out of range neither goes in nor comes out, and what is newer is survived."""

import contextlib
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import record
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED, NEWER_VERSION, TOO_LARGE
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.record_names import CLOCK_NAMES, KIND_NAMES

PACK = bytes.fromhex("0011223344556677")
NUMBER32 = st.integers(1, 2**32 - 1)
TIME = st.integers(0, 2**46)
SHORT_TEXT = st.text(max_size=64)

BIRTH = record.birth_body("headway 0.1.0", "car", [(PACK, "private-driving", 1)], 2, 0)
EPISODE = record.episode_body(PACK, 599000, b"\x03", b"")
LOSS = record.loss_body(2, 10, 19, "storage full")


def envelope(**changes: Any) -> record.Record:
    fields: dict[str, Any] = {
        "kind": record.EPISODE,
        "boot": 3,
        "seq": 7,
        "mono_ms": 600000,
        "wall_ms": 1700000000000,
        "clock": record.SYNCED,
        "body": EPISODE,
    }
    return record.Record(**(fields | changes))


def items(**changes: Any) -> list[Any]:
    """The items of a valid record, some replaced by name."""
    names = ("version", "kind", "boot", "seq", "mono_ms", "wall_ms", "clock", "body")
    values = dict(zip(names, (1, 2, 3, 7, 600000, 1700000000000, 2, EPISODE), strict=True)) | changes
    return list(values.values())


def refusal(data: bytes) -> tuple[int, str]:
    with pytest.raises(DecodeError) as caught:
        record.decode(data)
    return caught.value.code, str(caught.value)


def test_a_trip_is_these_bytes() -> None:
    assert record.encode(envelope()).hex() == "88010203071a000927c01b0000018bcfe568000284480011223344556677" + (
        "1a000923d8410340"
    )


@given(
    kind=st.integers(1, 255),
    boot=NUMBER32,
    seq=NUMBER32,
    mono_ms=TIME,
    wall=st.one_of(st.just((None, 0)), st.tuples(TIME, st.integers(1, 2))),
    body=st.lists(st.one_of(st.none(), st.integers(0, 2**64 - 1), st.binary(max_size=9), SHORT_TEXT), max_size=5),
)
def test_a_record_comes_back(
    kind: int, boot: int, seq: int, mono_ms: int, wall: tuple[int | None, int], body: list[Any]
) -> None:
    data = record.encode(record.Record(kind, boot, seq, mono_ms, wall[0], wall[1], body))
    found = record.decode(data)
    assert (found.kind, found.boot, found.seq, found.mono_ms) == (kind, boot, seq, mono_ms)
    assert ((found.wall_ms, found.clock), found.body) == (wall, body)
    assert record.identity(data) == (boot, seq)


@given(SHORT_TEXT, SHORT_TEXT, st.lists(st.tuples(st.binary(min_size=8, max_size=8), SHORT_TEXT, NUMBER32), max_size=8))
def test_a_birth_comes_back(firmware: str, vehicle_class: str, packs: list[tuple[bytes, str, int]]) -> None:
    body = record.birth_body(firmware, vehicle_class, packs, 5, 6)
    assert record.parse_birth(body) == (firmware, vehicle_class, packs, 5, 6)


def test_an_episode_comes_back() -> None:
    assert record.parse_episode(EPISODE) == (PACK, 599000, b"\x03", b"", None, None)
    for offset, revises in ((540, None), (-210, (3, 7)), (None, (1, 1))):
        body = record.episode_body(PACK, 599000, b"\x03", b"", offset, revises)
        assert record.parse_episode(body) == (PACK, 599000, b"\x03", b"", offset, revises)


@given(NUMBER32, NUMBER32, NUMBER32, SHORT_TEXT)
def test_a_loss_comes_back(boot: int, one: int, other: int, reason: str) -> None:
    first, last = sorted((one, other))
    assert record.parse_loss(record.loss_body(boot, first, last, reason)) == (boot, first, last, reason)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": 0}, "kind 0 is not in 1..255"),
        ({"kind": 256}, "kind 256 is not in 1..255"),
        ({"boot": 0}, "boot 0 is not in 1..4294967295"),
        ({"boot": 2**32}, "boot 4294967296 is not in 1..4294967295"),
        ({"seq": 0}, "seq 0 is not in 1..4294967295"),
        ({"seq": 2**32}, "seq 4294967296 is not in 1..4294967295"),
        ({"mono_ms": -1}, "mono_ms -1 is not in 0..70368744177664"),
        ({"mono_ms": 2**46 + 1}, "mono_ms 70368744177665 is not in 0..70368744177664"),
        ({"wall_ms": -1}, "wall_ms -1 is not in 0..70368744177664"),
        ({"wall_ms": 2**46 + 1}, "wall_ms 70368744177665 is not in 0..70368744177664"),
        ({"clock": -1}, "clock -1 is not in 0..2"),
        ({"clock": 3}, "clock 3 is not in 0..2"),
        ({"wall_ms": None}, "clock 2 with wall_ms None"),
        ({"wall_ms": None, "clock": 1}, "clock 1 with wall_ms None"),
        ({"clock": 0}, "clock 0 with wall_ms 1700000000000"),
        ({"body": [0] * 65}, "a body of 65 items; the limit is 64"),
        ({"body": [b"\x00" * 1024]}, "a record of 1048 bytes; the limit is 1024"),
        ({"body": [0.5]}, "the wire does not carry <class 'float'>"),
    ],
)
def test_a_field_out_of_range_is_not_encoded(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncodeError) as caught:
        record.encode(envelope(**changes))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 1},
        {"kind": 255},
        {"boot": 1},
        {"boot": 2**32 - 1},
        {"seq": 1},
        {"seq": 2**32 - 1},
        {"mono_ms": 0},
        {"mono_ms": 2**46},
        {"wall_ms": 0},
        {"wall_ms": 2**46},
        {"wall_ms": None, "clock": 0},
        {"clock": 1},
        {"body": []},
        {"body": [0] * 64},
        {"body": [b"\x00" * 1000]},
    ],
)
def test_what_is_encoded_at_the_ends_of_a_range_is_read(changes: dict[str, Any]) -> None:
    sent = envelope(**changes)
    assert vars(record.decode(record.encode(sent))) == vars(sent)


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"version": 0}, MALFORMED, "record version 0 never existed"),
        ({"version": 2}, NEWER_VERSION, "record version 2; this side knows 1"),
        ({"version": 2**32 - 1}, NEWER_VERSION, "record version 4294967295; this side knows 1"),
        ({"version": 2**32}, IMPLAUSIBLE, "record version 4294967296 is not in 0..4294967295"),
        ({"version": True}, MALFORMED, "record version is not an integer"),
        ({"kind": 0}, IMPLAUSIBLE, "kind 0 is not in 1..255"),
        ({"kind": 256}, IMPLAUSIBLE, "kind 256 is not in 1..255"),
        ({"kind": "2"}, MALFORMED, "kind is not an integer"),
        ({"boot": 0}, IMPLAUSIBLE, "boot 0, seq 7: both count from 1"),
        ({"seq": 0}, IMPLAUSIBLE, "boot 3, seq 0: both count from 1"),
        ({"boot": 2**32}, IMPLAUSIBLE, "boot 4294967296 is not in 0..4294967295"),
        ({"seq": 2**32}, IMPLAUSIBLE, "seq 4294967296 is not in 0..4294967295"),
        ({"boot": None}, MALFORMED, "boot is not an integer"),
        ({"seq": -1}, IMPLAUSIBLE, "seq -1 is not in 0..4294967295"),
        ({"mono_ms": -1}, IMPLAUSIBLE, "mono_ms -1 is not in 0..70368744177664"),
        ({"mono_ms": 2**46 + 1}, IMPLAUSIBLE, "mono_ms 70368744177665 is not in 0..70368744177664"),
        ({"mono_ms": None}, MALFORMED, "mono_ms is not an integer"),
        ({"wall_ms": -1}, IMPLAUSIBLE, "wall_ms -1 is not in 0..70368744177664"),
        ({"wall_ms": 2**46 + 1}, IMPLAUSIBLE, "wall_ms 70368744177665 is not in 0..70368744177664"),
        ({"wall_ms": "now"}, MALFORMED, "wall_ms is not an integer"),
        ({"clock": 3}, IMPLAUSIBLE, "clock 3 is not in 0..2"),
        ({"clock": False}, MALFORMED, "clock is not an integer"),
        ({"clock": 0}, IMPLAUSIBLE, "clock 0 with wall_ms 1700000000000"),
        ({"wall_ms": None}, IMPLAUSIBLE, "clock 2 with wall_ms None"),
        ({"wall_ms": None, "clock": 1}, IMPLAUSIBLE, "clock 1 with wall_ms None"),
        ({"body": {}}, MALFORMED, "body is not an array of at most 64 items"),
        ({"body": None}, MALFORMED, "body is not an array of at most 64 items"),
        ({"body": [0] * 65}, MALFORMED, "body is not an array of at most 64 items"),
    ],
)
def test_each_broken_field_has_its_refusal(changes: dict[str, Any], code: int, message: str) -> None:
    assert refusal(cbor2.dumps(items(**changes))) == (code, message)


@pytest.mark.parametrize("data", [cbor2.dumps(value) for value in ([], {}, {1: 2}, 1, "record", None)])
def test_what_is_no_array_is_malformed(data: bytes) -> None:
    assert refusal(data) == (MALFORMED, "record is not an array")


@pytest.mark.parametrize("length", range(1, 8))
def test_a_shorter_array_is_malformed(length: int) -> None:
    assert refusal(cbor2.dumps(items()[:length])) == (MALFORMED, f"record has {length} items, needs 8")


def test_the_size_limit_holds_on_both_sides() -> None:
    largest = record.encode(envelope(body=[b"\x00" * 1000]))
    assert len(largest) == 1024
    assert record.decode(largest).body == [b"\x00" * 1000]
    assert refusal(cbor2.dumps(items(body=[b"\x00" * 1001]))) == (TOO_LARGE, "record of 1025 bytes; the limit is 1024")


def test_size_is_looked_at_before_anything_else() -> None:
    assert refusal(b"\xff" * 1025) == (TOO_LARGE, "record of 1025 bytes; the limit is 1024")


@pytest.mark.parametrize("kind", [3, 4, 5, 6, 7, 9, 255])
def test_a_kind_not_known_yet_is_returned_as_it_is(kind: int) -> None:
    found = record.decode(cbor2.dumps(items(kind=kind, body=["of the future", [1, 2]])))
    assert (found.kind, found.body) == (kind, ["of the future", [1, 2]])


def test_appended_fields_are_ignored_everywhere() -> None:
    assert record.decode(cbor2.dumps([*items(), "appended", [1]])).body == EPISODE
    assert record.parse_episode([*EPISODE, None, None, 1]) == record.parse_episode(EPISODE)
    assert record.parse_loss([*LOSS, None]) == record.parse_loss(LOSS)
    longer = ["headway 0.1.0", "car", [[PACK, "private-driving", 1, "appended"]], 2, 0, {"more": 1}]
    assert record.parse_birth(longer) == record.parse_birth(BIRTH)


@pytest.mark.parametrize(
    ("parse", "body", "name"),
    [
        (record.parse_birth, BIRTH, "birth"),
        (record.parse_episode, EPISODE, "episode"),
        (record.parse_loss, LOSS, "loss"),
    ],
)
def test_a_short_body_is_malformed(parse: Any, body: list[Any], name: str) -> None:
    for length in range(len(body)):
        with pytest.raises(DecodeError) as caught:
            parse(body[:length])
        assert (caught.value.code, str(caught.value)) == (
            MALFORMED,
            f"{name} body has {length} items, needs {len(body)}",
        )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ([PACK, 0, b"", b"", "UTC"], MALFORMED, "utc_offset_min is not an integer"),
        ([PACK, 0, b"", b"", 1441], IMPLAUSIBLE, "utc_offset_min 1441"),
        ([PACK, 0, b"", b"", 60, 7], MALFORMED, "revises is not an array of at most 2 items"),
        ([PACK, 0, b"", b"", 60, [7]], MALFORMED, "revises is [boot, seq]"),
        ([PACK, 0, b"", b"", 60, [1, 0]], IMPLAUSIBLE, "seq 0 is not in 1..4294967295"),
        ([PACK[:7], 0, b"", b""], MALFORMED, "pack_id is not a byte string of 8 to 8 bytes"),
        ([PACK + b"x", 0, b"", b""], MALFORMED, "pack_id is not a byte string of 8 to 8 bytes"),
        (["12345678", 0, b"", b""], MALFORMED, "pack_id is not a byte string of 8 to 8 bytes"),
        ([PACK, -1, b"", b""], IMPLAUSIBLE, "start_ago_ms -1 is not in 0..70368744177664"),
        ([PACK, 2**46 + 1, b"", b""], IMPLAUSIBLE, "start_ago_ms 70368744177665 is not in 0..70368744177664"),
        ([PACK, 0, [3], b""], MALFORMED, "counts is not a byte string of 0 to 512 bytes"),
        ([PACK, 0, b"\x01" * 513, b""], MALFORMED, "counts is not a byte string of 0 to 512 bytes"),
        ([PACK, 0, b"", None], MALFORMED, "gates is not a byte string of 0 to 512 bytes"),
        ([PACK, 0, b"", b"\x01" * 513], MALFORMED, "gates is not a byte string of 0 to 512 bytes"),
    ],
)
def test_each_broken_field_of_an_episode_has_its_refusal(body: list[Any], code: int, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        record.parse_episode(body)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    ("position", "value", "code", "message"),
    [
        (0, b"headway", MALFORMED, "firmware is not text of at most 64 characters"),
        (0, "x" * 65, MALFORMED, "firmware is not text of at most 64 characters"),
        (1, 1, MALFORMED, "vehicle_class is not text of at most 64 characters"),
        (1, "x" * 65, MALFORMED, "vehicle_class is not text of at most 64 characters"),
        (2, {}, MALFORMED, "packs is not an array of at most 8 items"),
        (2, [[PACK, "p", 1]] * 9, MALFORMED, "packs is not an array of at most 8 items"),
        (2, [PACK], MALFORMED, "a pack is [id, name, version]"),
        (2, [[PACK, "p"]], MALFORMED, "a pack is [id, name, version]"),
        (2, [[PACK[:3], "p", 1]], MALFORMED, "pack_id is not a byte string of 8 to 8 bytes"),
        (2, [[PACK, "p" * 65, 1]], MALFORMED, "pack name is not text of at most 64 characters"),
        (2, [[PACK, "p", 2**32]], IMPLAUSIBLE, "pack version 4294967296 is not in 0..4294967295"),
        (3, 2**32, IMPLAUSIBLE, "backlog 4294967296 is not in 0..4294967295"),
        (4, True, MALFORMED, "dropped is not an integer"),
        (4, -1, IMPLAUSIBLE, "dropped -1 is not in 0..4294967295"),
    ],
)
def test_each_broken_field_of_a_birth_has_its_refusal(position: int, value: Any, code: int, message: str) -> None:
    body = list(BIRTH)
    body[position] = value
    with pytest.raises(DecodeError) as caught:
        record.parse_birth(body)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ([0, 1, 1, ""], IMPLAUSIBLE, "loss of 1..1 of boot 0"),
        ([2**32, 1, 1, ""], IMPLAUSIBLE, "loss of 1..1 of boot 4294967296"),
        ([1, 0, 1, ""], IMPLAUSIBLE, "loss of 0..1 of boot 1"),
        ([1, 5, 4, ""], IMPLAUSIBLE, "loss of 5..4 of boot 1"),
        ([1, 5, 2**32, ""], IMPLAUSIBLE, "loss of 5..4294967296 of boot 1"),
        ([1, "5", 6, ""], MALFORMED, "first_seq is not an integer"),
        ([1, 5, None, ""], MALFORMED, "last_seq is not an integer"),
        ([True, 5, 6, ""], MALFORMED, "boot is not an integer"),
        ([1, 5, 6, b"full"], MALFORMED, "reason is not text of at most 64 characters"),
        ([1, 5, 6, "x" * 65], MALFORMED, "reason is not text of at most 64 characters"),
    ],
)
def test_each_broken_field_of_a_loss_has_its_refusal(body: list[Any], code: int, message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        record.parse_loss(body)
    assert (caught.value.code, str(caught.value)) == (code, message)


@pytest.mark.parametrize(
    "data",
    [
        cbor2.dumps([9, 2, 3, 7]),
        cbor2.dumps([9, "kind", 3, 7, None]),
        cbor2.dumps([2, 2, 3, 7, 0.5]),
        cbor2.dumps(items(body=[0.5])),
        cbor2.dumps(items(body={"not": "an array"})),
        cbor2.dumps(items(body=[[[[[[[[[1]]]]]]]]])),
        cbor2.dumps(items(body=[b"\x00" * 5000])),
        record.encode(envelope())[:-1],
        record.encode(envelope())[:5],
        record.encode(envelope()) + b"after",
    ],
)
def test_a_record_whose_rest_is_broken_can_still_be_answered(data: bytes) -> None:
    refusal(data)
    assert record.identity(data) == (3, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x88",
        b"\x88\x01\x02\x03",
        b"noise",
        cbor2.dumps([1, 2, 3]),
        cbor2.dumps({0: 1, 1: 2, 2: 3, 3: 7}),
        cbor2.dumps(items(boot=0)),
        cbor2.dumps(items(seq=0)),
        cbor2.dumps(items(seq=2**32)),
        cbor2.dumps(items(boot="3")),
        cbor2.dumps(items(boot=True)),
        cbor2.dumps(items(version=0.5)),
        bytes.fromhex("8801021803071388f60080"),
    ],
)
def test_bytes_that_show_no_identity_have_none(data: bytes) -> None:
    assert record.identity(data) is None


ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-2, 2**47), st.binary(max_size=9), SHORT_TEXT)


@given(
    st.one_of(st.binary(max_size=80), st.lists(st.one_of(ANYTHING, st.lists(ANYTHING)), max_size=9).map(cbor2.dumps))
)
def test_no_bytes_break_the_reader(data: bytes) -> None:
    # Anything but a refusal would end the process that reads what a stranger sent.
    found = record.identity(data)
    assert found is None or (1 <= found[0] < 2**32 and 1 <= found[1] < 2**32)
    with contextlib.suppress(DecodeError):
        assert record.identity(record.encode(record.decode(data))) == found


def test_each_kind_has_a_name_and_numbers_never_move() -> None:
    assert KIND_NAMES == {
        1: "birth",
        2: "episode",
        3: "day",
        4: "feedback",
        5: "incident",
        6: "agreement",
        7: "service",
        8: "loss",
    }
    assert CLOCK_NAMES == {0: "unsynced", 1: "holdover", 2: "synced"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: record.birth_body("f" * 65, "car", [], 0, 0),
        lambda: record.birth_body("f", "car", [(bytes(7), "p", 1)], 0, 0),
        lambda: record.birth_body("f", "car", [], -1, 0),
        lambda: record.loss_body(1, 2, 1, "reason"),
        lambda: record.loss_body(1, 1, 2, "r" * 65),
        lambda: record.episode_body(bytes(9), 0, b"", b""),
        lambda: record.episode_body(bytes(8), -1, b"", b""),
        lambda: record.episode_body(bytes(8), 0, bytes(513), b""),
    ],
)
def test_a_body_that_a_server_would_refuse_for_good_is_not_made(make) -> None:
    with pytest.raises(EncodeError):
        make()


@pytest.mark.parametrize("wiped", [None, (1, 1), (2**32 - 1, 7)])
def test_a_birth_may_say_which_order_to_wipe_was_carried_out(wiped: Any) -> None:
    body = record.birth_body("headway 0.1.0", "car", [(PACK, "private-driving", 1)], 2, 0, wiped)
    assert record.parse_birth(body) == record.parse_birth(BIRTH), "older servers read it as ever"
    assert record.wiped_of(body) == wiped


@pytest.mark.parametrize("item", [None, "later", {}, [], [1], [0, 1], [1, 2**32], [None, 1], ["1", 1]])
def test_what_is_no_wipe_at_the_end_of_a_birth_is_passed_over(item: Any) -> None:
    assert record.wiped_of([*BIRTH, item]) is None
