"""Acknowledgement, presence, topics and benchmark: round trips, and each refusal by name."""

from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import ack, benchmark, state, topics
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED, NEWER_VERSION, TOO_LARGE, WRONG_TOPIC
from headway_protocol.errors import DecodeError, EncodeError

NUMBER32 = st.integers(1, 2**32 - 1)
PACK = bytes.fromhex("0011223344556677")


def refusal(decode: Any, message: Any) -> tuple[int, str]:
    with pytest.raises(DecodeError) as caught:
        decode(message if isinstance(message, bytes) else cbor2.dumps(message))
    return caught.value.code, str(caught.value)


# Acknowledgement


@given(NUMBER32, st.integers(0, 2**32 - 1), st.lists(st.tuples(NUMBER32, NUMBER32), max_size=256))
def test_an_acknowledgement_comes_back(boot: int, upto: int, rejections: list[tuple[int, int]]) -> None:
    data = ack.encode(boot, upto, rejections)
    assert ack.decode(data) == (boot, upto, rejections)
    assert len(data) <= ack.ACK_BYTES_MAX


@given(st.integers(0, 2**32 - 65), st.lists(st.integers(1, 2**20), min_size=2, max_size=128))
def test_what_is_stored_above_a_gap_comes_back(upto: int, steps: list[int]) -> None:
    seqs = [min(2**32 - 1, upto + sum(steps[: i + 1])) for i in range(len(steps) // 2 * 2)]
    stored = list(zip(seqs[::2], seqs[1::2], strict=True))
    assert ack.decode_all(ack.encode(7, upto, [(3, 1)], stored)) == (7, upto, [(3, 1)], stored)
    assert ack.decode(ack.encode(7, upto, [], stored)) == (7, upto, [])


def test_the_largest_acknowledgement_fits_its_limit() -> None:
    largest = ack.encode(2**32 - 1, 2**31, [(2**32 - 1, 2**32 - 1)] * 256, [(2**32 - 1, 2**32 - 1)] * 64)
    assert len(largest) == 3537


def test_appended_fields_of_an_acknowledgement_are_ignored() -> None:
    data = cbor2.dumps([1, 3, 17, [[16, 1, "appended"]], [[19, 20, "appended"]], "appended"])
    assert ack.decode_all(data) == (3, 17, [(16, 1)], [(19, 20)])


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ([2, 3, 17, [], []], NEWER_VERSION, "acknowledgement version 2; this side knows 1"),
        ([0, 3, 17, [], []], MALFORMED, "acknowledgement version 0 never existed"),
        ([1, 3, 17, []], MALFORMED, "acknowledgement has 4 items, needs 5"),
        ({}, MALFORMED, "acknowledgement is not an array"),
        ([1, 0, 17, [], []], IMPLAUSIBLE, "boot 0 is not in 1..4294967295"),
        ([1, 2**32, 17, [], []], IMPLAUSIBLE, "boot 4294967296 is not in 1..4294967295"),
        ([1, None, 17, [], []], MALFORMED, "boot is not an integer"),
        ([1, 3, -1, [], []], IMPLAUSIBLE, "upto -1 is not in 0..4294967295"),
        ([1, 3, 2**32, [], []], IMPLAUSIBLE, "upto 4294967296 is not in 0..4294967295"),
        ([1, 3, True, [], []], MALFORMED, "upto is not an integer"),
        ([1, 3, 17, {}, []], MALFORMED, "rejections is not an array of at most 256 items"),
        ([1, 3, 17, [[16, 1]] * 257, []], MALFORMED, "rejections is not an array of at most 256 items"),
        ([1, 3, 17, [16], []], MALFORMED, "a rejection is [seq, code]"),
        ([1, 3, 17, [[16]], []], MALFORMED, "a rejection is [seq, code]"),
        ([1, 3, 17, [[0, 1]], []], IMPLAUSIBLE, "seq 0 is not in 1..4294967295"),
        ([1, 3, 17, [[2**32, 1]], []], IMPLAUSIBLE, "seq 4294967296 is not in 1..4294967295"),
        ([1, 3, 17, [[16, 0]], []], IMPLAUSIBLE, "code 0 is not in 1..4294967295"),
        ([1, 3, 17, [[16, "malformed"]], []], MALFORMED, "code is not an integer"),
        ([1, 3, 17, [], {}], MALFORMED, "stored is not an array of at most 64 items"),
        ([1, 3, 17, [], [[18, 18]] * 65], MALFORMED, "stored is not an array of at most 64 items"),
        ([1, 3, 17, [], [18]], MALFORMED, "a stored range is [first_seq, last_seq]"),
        ([1, 3, 17, [], [[18]]], MALFORMED, "a stored range is [first_seq, last_seq]"),
        ([1, 3, 17, [], [[17, 18]]], IMPLAUSIBLE, "seq 17..18 stored above 17"),
        ([1, 3, 17, [], [[19, 18]]], IMPLAUSIBLE, "seq 19..18 stored above 17"),
        (b"\x84\x01\x03\x11\x80" + bytes(4092), TOO_LARGE, "acknowledgement of 4097 bytes; the limit is 4096"),
    ],
)
def test_each_broken_acknowledgement_has_its_refusal(message: Any, code: int, text: str) -> None:
    assert refusal(ack.decode, message) == (code, text)


@pytest.mark.parametrize(
    ("boot", "upto", "rejections"),
    [
        (0, 1, []),
        (2**32, 1, []),
        (1, -1, []),
        (1, 2**32, []),
        (1, 1, [(1, 1)] * 257),
        (1, 1, [(0, 1)]),
        (1, 1, [(2**32, 1)]),
        (1, 1, [(1, 0)]),
        (1, 1, [(1, 2**32)]),
    ],
)
def test_an_acknowledgement_out_of_range_is_not_encoded(boot: int, upto: int, rejections: Any) -> None:
    with pytest.raises(EncodeError):
        ack.encode(boot, upto, rejections)


@pytest.mark.parametrize("stored", [[(1, 1)], [(3, 2)], [(2, 2**32)], [(2, 2)] * 65])
def test_a_stored_range_out_of_order_is_not_encoded(stored: Any) -> None:
    with pytest.raises(EncodeError):
        ack.encode(1, 1, [], stored)


# State


@pytest.mark.parametrize(
    ("boot", "online", "encoded"), [(3, True, "840103f580"), (2**32 - 1, False, "84011afffffffff480")]
)
def test_presence_comes_back(boot: int, online: bool, encoded: str) -> None:
    assert state.encode(boot, online).hex() == encoded
    assert state.decode(bytes.fromhex(encoded)) == (boot, online, [])


def test_appended_fields_of_presence_are_ignored() -> None:
    assert state.decode(cbor2.dumps([1, 3, False, [[3, 9]], "appended"])) == (3, False, [(3, 9)])


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ([2, 3, True], NEWER_VERSION, "state version 2; this side knows 1"),
        ([1, 3, True], MALFORMED, "state has 3 items, needs 4"),
        ([1, 3, 1, []], MALFORMED, "online is neither true nor false"),
        ([1, 3, None, []], MALFORMED, "online is neither true nor false"),
        ([1, 0, True, []], IMPLAUSIBLE, "boot 0 is not in 1..4294967295"),
        ([1, 2**32, True, []], IMPLAUSIBLE, "boot 4294967296 is not in 1..4294967295"),
        ([1, "3", True, []], MALFORMED, "boot is not an integer"),
        ([1, 3, True, [[3]]], MALFORMED, "an end is [boot, last_seq]"),
        ([1, 3, True, [[3, 0]]], IMPLAUSIBLE, "last_seq 0 is not in 1..4294967295"),
        (b"\x83\x01\x03\xf5" + bytes(125), TOO_LARGE, "state of 129 bytes; the limit is 128"),
        (b"", MALFORMED, "byte 0: ends early"),
    ],
)
def test_each_broken_presence_has_its_refusal(message: Any, code: int, text: str) -> None:
    assert refusal(state.decode, message) == (code, text)


@pytest.mark.parametrize(("boot", "online"), [(0, True), (2**32, True), (3, 1), (3, None)])
def test_presence_out_of_range_is_not_encoded(boot: int, online: Any) -> None:
    with pytest.raises(EncodeError):
        state.encode(boot, online)


@pytest.mark.parametrize("ends", [[(0, 1)], [(1, 0)], [(1, 2**32)], [(1, 1)] * 9])
def test_ends_out_of_range_are_not_encoded(ends: Any) -> None:
    with pytest.raises(EncodeError):
        state.encode(3, True, ends)


def test_the_longest_presence_fits() -> None:
    data = state.encode(2**32 - 1, True, [(2**32 - 1, 2**32 - 1)] * state.ENDS_MAX)
    assert len(data) <= state.STATE_BYTES_MAX
    assert state.decode(data)[2] == [(2**32 - 1, 2**32 - 1)] * state.ENDS_MAX


# Topics

BAD_IDS = [
    "",
    "a" * 33,
    "+",
    "#",
    "a+",
    "a/b",
    "Bus",
    "BUS",
    "bus 1",
    "bus_1",
    "bus.1",
    "bus\x00",
    "\x00",
    "bus\n",
    "b\u00fcs",
    "\u0661",  # a digit to str.isdigit
    "$SYS",
]


@pytest.mark.parametrize("channel", ["up", "state", "ack", "pack", "bench", "cmd"])
def test_a_topic_comes_back(channel: str) -> None:
    name = topics.topic("depot-7", "bus-0142", channel)
    assert name == f"headway/v1/depot-7/bus-0142/{channel}"
    assert topics.parse(name) == ("depot-7", "bus-0142", channel)


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=32))
def test_every_allowed_id_is_valid(name: str) -> None:
    assert topics.valid_id(name)
    assert topics.parse(topics.topic(name, name, topics.UP)) == (name, name, "up")


@pytest.mark.parametrize("name", BAD_IDS)
def test_an_id_that_is_not_allowed_is_in_no_topic(name: str) -> None:
    assert not topics.valid_id(name)
    for group, device in ((name, "bus-1"), ("depot", name)):
        with pytest.raises(EncodeError):
            topics.topic(group, device, topics.UP)
        with pytest.raises(DecodeError) as caught:
            topics.parse(f"headway/v1/{group}/{device}/up")
        assert caught.value.code == WRONG_TOPIC


@pytest.mark.parametrize(
    "name",
    [
        "",
        "headway",
        "headway/v1/depot/bus",
        "headway/v1/depot/bus/up/",
        "headway/v1/depot/bus/up/more",
        "/headway/v1/depot/bus/up",
        "headway/v2/depot/bus/up",
        "Headway/v1/depot/bus/up",
        "other/v1/depot/bus/up",
        "headway/v1/depot/bus/UP",
        "headway/v1/depot/bus/down",
        "headway/v1/depot/bus/",
        "headway/v1/depot/bus/+",
        "headway/v1/+/+/up",
        "$SYS/broker/clients/connected/up",
    ],
)
def test_any_other_topic_is_refused(name: str) -> None:
    with pytest.raises(DecodeError) as caught:
        topics.parse(name)
    assert (caught.value.code, str(caught.value)) == (WRONG_TOPIC, f"topic {name!r}")


def test_a_long_topic_is_shown_only_in_part() -> None:
    with pytest.raises(DecodeError) as caught:
        topics.parse("x" * 65535)
    assert str(caught.value) == "topic '" + "x" * 200 + "'"


def test_a_channel_of_no_message_is_refused() -> None:
    with pytest.raises(EncodeError, match="'down' is not a channel: up, state, ack, pack, bench, cmd"):
        topics.topic("depot", "bus", "down")


def test_subscriptions_hear_one_channel_of_all_or_of_a_group() -> None:
    assert topics.subscription(topics.STATE) == "headway/v1/+/+/state"
    assert topics.subscription(topics.UP, "depot-7") == "headway/v1/depot-7/+/up"


# Benchmark

TABLE = (103, 22, [136, 386, 614, 864], [51, 80, 120, 230])


def with_table(*table: Any) -> list[Any]:
    return [1, 4, "car", PACK, [list(table)]]


def test_a_benchmark_comes_back() -> None:
    found = benchmark.decode(benchmark.encode(4, "car", PACK, [TABLE, (109, 5, [500], [-3])]))
    assert (found.epoch, found.cohort, found.pack_id) == (4, "car", PACK)
    assert found.tables == {103: (22, [136, 386, 614, 864], [51, 80, 120, 230]), 109: (5, [500], [-3])}


def test_a_benchmark_without_tables_says_that_no_cohort_is_large_enough() -> None:
    assert benchmark.decode(benchmark.encode(0, "", PACK, [])).tables == {}


def test_appended_fields_of_a_benchmark_are_ignored() -> None:
    found = benchmark.decode(cbor2.dumps([1, 4, "car", PACK, [[*TABLE, "appended"]], "appended"]))
    assert found.tables == {103: (22, [136, 386, 614, 864], [51, 80, 120, 230])}


@pytest.mark.parametrize(
    ("persons", "knots", "accepted"),
    [
        (0, 1, False),
        (4, 1, False),
        (5, 1, True),
        (5, 2, False),
        (9, 1, True),
        (9, 2, False),
        (10, 2, True),
        (104, 20, True),
        (104, 21, False),
        (105, 21, True),
    ],
)
def test_each_knot_stands_on_five_persons(persons: int, knots: int, accepted: bool) -> None:
    message = with_table(103, persons, list(range(knots)), list(range(knots)))
    if accepted:
        assert benchmark.decode(cbor2.dumps(message)).tables[103][0] == persons
    else:
        expected = (IMPLAUSIBLE, f"characteristic 103: {knots} knots over {persons} persons")
        assert refusal(benchmark.decode, message) == expected


@pytest.mark.parametrize(
    ("shares", "values", "accepted"),
    [
        ([0, 1000], [1, 2], True),
        ([100, 101], [2, 2], True),  # two knots of the same value: a tie among the persons
        ([100, 100], [1, 2], False),
        ([200, 100], [1, 2], False),
        ([100, 200], [2, 1], False),
        ([100, 200], [-1, -2], False),
        ([100, 200], [-2, -1], True),
    ],
)
def test_knots_are_in_order(shares: list[int], values: list[int], accepted: bool) -> None:
    message = with_table(103, 100, shares, values)
    if accepted:
        assert benchmark.decode(cbor2.dumps(message)).tables == {103: (100, shares, values)}
    else:
        expected = (IMPLAUSIBLE, "characteristic 103: knots are not in order")
        assert refusal(benchmark.decode, message) == expected


@pytest.mark.parametrize(
    ("message", "code", "text"),
    [
        ([2, 4, "car", PACK, []], NEWER_VERSION, "benchmark version 2; this side knows 1"),
        ([1, 4, "car", PACK], MALFORMED, "benchmark has 4 items, needs 5"),
        ([1, -4, "car", PACK, []], IMPLAUSIBLE, "epoch -4 is not in 0..4294967295"),
        ([1, 4, b"car", PACK, []], MALFORMED, "cohort is not text of at most 64 characters"),
        ([1, 4, "c" * 65, PACK, []], MALFORMED, "cohort is not text of at most 64 characters"),
        ([1, 4, "car", PACK[:7], []], MALFORMED, "pack_id is not a byte string of 8 to 8 bytes"),
        ([1, 4, "car", PACK + PACK, []], MALFORMED, "pack_id is not a byte string of 8 to 8 bytes"),
        ([1, 4, "car", PACK, {}], MALFORMED, "tables is not an array of at most 64 items"),
        ([1, 4, "car", PACK, [[i, 5, [1], [1]] for i in range(65)]], MALFORMED, "tables is not an array of at most 64 items"),
        ([1, 4, "car", PACK, [103]], MALFORMED, "a table is [characteristic, n, [p], [q]]"),
        (with_table(103, 22, [500]), MALFORMED, "a table is [characteristic, n, [p], [q]]"),
        (with_table(-1, 22, [500], [1]), IMPLAUSIBLE, "characteristic -1 is not in 0..4294967295"),
        (with_table("103", 22, [500], [1]), MALFORMED, "characteristic is not an integer"),
        (with_table(103, None, [500], [1]), MALFORMED, "n is not an integer"),
        (with_table(103, 2**32, [500], [1]), IMPLAUSIBLE, "n 4294967296 is not in 0..4294967295"),
        (with_table(103, 22, 500, [1]), MALFORMED, "p is not an array of at most 21 items"),
        (with_table(103, 22, [500], 1), MALFORMED, "q is not an array of at most 21 items"),
        (with_table(103, 999, list(range(22)), list(range(22))), MALFORMED, "p is not an array of at most 21 items"),
        (with_table(103, 22, [], []), MALFORMED, "characteristic 103: 0 shares, 0 values"),
        (with_table(103, 22, [1, 2], [1]), MALFORMED, "characteristic 103: 2 shares, 1 values"),
        (with_table(103, 22, [1], [1, 2]), MALFORMED, "characteristic 103: 1 shares, 2 values"),
        (with_table(103, 22, [1001], [1]), IMPLAUSIBLE, "p 1001 is not in 0..1000"),
        (with_table(103, 22, [-1], [1]), IMPLAUSIBLE, "p -1 is not in 0..1000"),
        (with_table(103, 22, [True], [1]), MALFORMED, "p is not an integer"),
        (with_table(103, 22, [1], [None]), MALFORMED, "q is not an integer"),
        ([1, 4, "car", PACK, [list(TABLE), list(TABLE)]], IMPLAUSIBLE, "characteristic 103 twice"),
        (b"\x85" + bytes(8192), TOO_LARGE, "benchmark of 8193 bytes; the limit is 8192"),
    ],
)  # fmt: skip
def test_each_broken_benchmark_has_its_refusal(message: Any, code: int, text: str) -> None:
    assert refusal(benchmark.decode, message) == (code, text)


def test_what_a_device_would_refuse_is_not_sent() -> None:
    with pytest.raises(DecodeError, match="2 knots over 5 persons"):
        benchmark.encode(4, "car", PACK, [(103, 5, [1, 2], [1, 2])])
    with pytest.raises(EncodeError, match="float"):
        benchmark.encode(4, "car", PACK, [(103, 5, [1], [1.5])])
