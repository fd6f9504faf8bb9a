"""The codec against cbor2 in both directions, and against every byte string that is not canonical."""

import contextlib
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headway_protocol import cbor
from headway_protocol.codes import MALFORMED
from headway_protocol.diagnostic import diagnostic
from headway_protocol.errors import DecodeError, EncodeError

INTEGERS = st.integers(-(2**64), 2**64 - 1)
KEYS = st.one_of(INTEGERS, st.text(max_size=8))
SCALARS = st.one_of(st.none(), st.booleans(), INTEGERS, st.binary(max_size=40), st.text(max_size=40))
VALUES = st.recursive(
    SCALARS,
    lambda children: st.one_of(
        st.lists(children, max_size=6),
        st.dictionaries(KEYS, children, max_size=6),
    ),
    max_leaves=20,
).filter(lambda value: depth(value) <= 8)


def depth(value: Any) -> int:
    """How many arrays and maps are around the innermost item (an empty array counts as one less than a full one)."""
    if isinstance(value, list):
        return max([1 + depth(item) for item in value], default=0)
    if isinstance(value, dict):
        return max([1 + depth(item) for item in value.values()], default=0)
    return 0


def in_byte_order(value: Any) -> Any:
    """The same value with the keys of each map in RFC 8949 order, which cbor2 then keeps."""
    if isinstance(value, list):
        return [in_byte_order(item) for item in value]
    if isinstance(value, dict):
        return {key: in_byte_order(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return value


def refusal(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        cbor.decode(data)
    assert caught.value.code == MALFORMED
    return str(caught.value)


def mutations(data: bytes) -> st.SearchStrategy[bytes]:
    position = st.integers(0, len(data) - 1)
    return st.one_of(
        st.tuples(position, st.integers(0, 255)).map(lambda t: data[: t[0]] + bytes([t[1]]) + data[t[0] + 1 :]),
        st.tuples(position, st.integers(0, 255)).map(lambda t: data[: t[0]] + bytes([t[1]]) + data[t[0] :]),
        position.map(lambda at: data[:at] + data[at + 1 :]),
    )


@given(VALUES)
def test_encode_gives_the_bytes_of_cbor2_with_keys_in_byte_order(value: Any) -> None:
    assert cbor.encode(value) == cbor2.dumps(in_byte_order(value))


@given(
    st.recursive(
        SCALARS,
        lambda children: st.one_of(
            st.lists(children, max_size=6),
            st.dictionaries(st.text(max_size=30), children, max_size=6),
            st.dictionaries(st.integers(0, 2**64 - 1), children, max_size=6),
        ),
        max_leaves=20,
    ).filter(lambda value: depth(value) <= 8)
)
def test_encode_equals_cbor2_canonical_while_keys_are_of_one_kind(value: Any) -> None:
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


def test_mixed_keys_are_sorted_by_bytes_not_by_length_as_cbor2_does() -> None:
    # RFC 8949 section 4.2.1 sorts encoded keys bytewise; cbor2's `canonical` is RFC 7049's, shortest first.
    value = {100: 1, -1: 2}
    assert cbor.encode(value).hex() == "a21864012002"
    assert cbor2.dumps(value, canonical=True).hex() == "a22002186401"
    assert refusal(cbor2.dumps(value, canonical=True)) == "byte 3: map keys are not sorted and unique"


@given(VALUES)
def test_cbor2_reads_what_encode_wrote(value: Any) -> None:
    assert cbor2.loads(cbor.encode(value)) == value


@given(VALUES)
def test_decode_reads_what_encode_wrote(value: Any) -> None:
    data = cbor.encode(value)
    assert cbor.decode(data) == value
    assert cbor.encode(cbor.decode(data)) == data


@given(st.one_of(st.binary(max_size=64), VALUES.map(cbor.encode).flatmap(mutations)))
@example(bytes.fromhex("a20100f500"))  # the keys 1 and true are the same key in a Python dict
def test_any_bytes_are_refused_or_come_back_the_same(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except DecodeError:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        # Appendix A of RFC 8949.
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (100, "1864"),
        (1000, "1903e8"),
        (1000000, "1a000f4240"),
        (1000000000000, "1b000000e8d4a51000"),
        (18446744073709551615, "1bffffffffffffffff"),
        (-18446744073709551616, "3bffffffffffffffff"),
        (-1, "20"),
        (-1000, "3903e7"),
        (False, "f4"),
        (True, "f5"),
        (None, "f6"),
        (b"", "40"),
        (b"\x01\x02\x03\x04", "4401020304"),
        ("", "60"),
        ("IETF", "6449455446"),
        ('"\\', "62225c"),
        ("\u00fc", "62c3bc"),
        ("\u6c34", "63e6b0b4"),
        ("\U00010151", "64f0908591"),
        ([], "80"),
        ([1, [2, 3], [4, 5]], "8301820203820405"),
        (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
        ({}, "a0"),
        ({1: 2, 3: 4}, "a201020304"),
        ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
        # Where the head grows.
        (255, "18ff"),
        (256, "190100"),
        (65535, "19ffff"),
        (65536, "1a00010000"),
        (4294967295, "1affffffff"),
        (4294967296, "1b0000000100000000"),
        (-24, "37"),
        (-25, "3818"),
    ],
)
def test_the_examples_of_the_standard(value: Any, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    decoded = cbor.decode(bytes.fromhex(encoded))
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        # Integers and lengths not in their shortest form.
        ("1817", "byte 0: 23 is not in its shortest form"),
        ("190017", "byte 0: 23 is not in its shortest form"),
        ("1900ff", "byte 0: 255 is not in its shortest form"),
        ("1a0000ffff", "byte 0: 65535 is not in its shortest form"),
        ("1b00000000ffffffff", "byte 0: 4294967295 is not in its shortest form"),
        ("3817", "byte 0: 23 is not in its shortest form"),
        ("580100", "byte 0: 1 is not in its shortest form"),
        ("780161", "byte 0: 1 is not in its shortest form"),
        ("980100", "byte 0: 1 is not in its shortest form"),
        ("b8010000", "byte 0: 1 is not in its shortest form"),
        # Indefinite lengths, the break, and the reserved 28 to 30.
        ("5f4100ff", "byte 0: indefinite or reserved length"),
        ("7f6161ff", "byte 0: indefinite or reserved length"),
        ("9f01ff", "byte 0: indefinite or reserved length"),
        ("bf0101ff", "byte 0: indefinite or reserved length"),
        ("ff", "byte 0: indefinite or reserved length"),
        ("1c", "byte 0: indefinite or reserved length"),
        ("1d", "byte 0: indefinite or reserved length"),
        ("1e", "byte 0: indefinite or reserved length"),
        ("1f", "byte 0: indefinite or reserved length"),
        # Tags, bignums among them.
        ("c000", "byte 0: floats, tags and other simple values are not carried"),
        ("c249010000000000000000", "byte 0: floats, tags and other simple values are not carried"),
        ("c349010000000000000000", "byte 0: floats, tags and other simple values are not carried"),
        ("d9d9f700", "byte 0: floats, tags and other simple values are not carried"),
        # Floats of three sizes, undefined, simple values of both forms.
        ("f93c00", "byte 0: floats, tags and other simple values are not carried"),
        ("fa3f800000", "byte 0: floats, tags and other simple values are not carried"),
        ("fb3ff0000000000000", "byte 0: floats, tags and other simple values are not carried"),
        ("f7", "byte 0: floats, tags and other simple values are not carried"),
        ("e0", "byte 0: floats, tags and other simple values are not carried"),
        ("f3", "byte 0: floats, tags and other simple values are not carried"),
        ("f815", "byte 0: floats, tags and other simple values are not carried"),
        ("f8ff", "byte 0: floats, tags and other simple values are not carried"),
        # Maps.
        ("a201000100", "byte 3: map keys are not sorted and unique"),
        ("a202000100", "byte 3: map keys are not sorted and unique"),
        ("a2616200616100", "byte 4: map keys are not sorted and unique"),
        ("a18000", "byte 1: a map key is neither an integer nor text"),
        ("a1a000", "byte 1: a map key is neither an integer nor text"),
        ("a1f500", "byte 1: a map key is neither an integer nor text"),
        ("a1f600", "byte 1: a map key is neither an integer nor text"),
        ("a1410000", "byte 1: a map key is neither an integer nor text"),
        # Bytes after the value.
        ("0000", "byte 1: 1 bytes after the value"),
        ("8101f6f6", "byte 2: 2 bytes after the value"),
    ],
)
def test_other_forms_are_refused(encoded: str, why: str) -> None:
    assert refusal(bytes.fromhex(encoded)) == why


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"\xff", "no lead byte"),
        (b"\x80", "continuation without a lead"),
        (b"\xc3", "cut after one of two"),
        (b"\xe6\xb0", "cut after two of three"),
        (b"\xf0\x90\x85", "cut after three of four"),
        (b"\xc3\x28", "no continuation"),
        (b"\xe6\xb0\x28", "no second continuation"),
        (b"\xf0\x90\x85\x28", "no third continuation"),
        (b"\xc0\x80", "overlong NUL"),
        (b"\xc1\xbf", "overlong DEL"),
        (b"\xe0\x9f\xbf", "overlong of three"),
        (b"\xf0\x8f\xbf\xbf", "overlong of four"),
        (b"\xed\xa0\x80", "surrogate"),
        (b"\xed\xbf\xbf", "surrogate"),
        (b"\xf4\x90\x80\x80", "over 10FFFF"),
        (b"\xf5\x80\x80\x80", "over 10FFFF"),
    ],
)
def test_text_that_is_not_utf8_is_refused(raw: bytes, what: str) -> None:
    assert refusal(bytes([0x60 | len(raw)]) + raw) == "byte 0: text is not UTF-8"


@given(st.binary(max_size=6))
def test_text_is_accepted_exactly_when_python_reads_it_as_utf8(raw: bytes) -> None:
    # MicroPython's own check is laxer than CPython's, so the codec has one; it is held against CPython's here.
    data = bytes([0x60 | len(raw)]) + raw
    try:
        expected = raw.decode("utf-8")
    except UnicodeDecodeError:
        refusal(data)
    else:
        assert cbor.decode(data) == expected


@given(st.text(min_size=1, max_size=4))
def test_every_character_survives(text: str) -> None:
    assert cbor.decode(cbor.encode(text)) == text


EVERYTHING = [0, -500, 70000, 2**40, b"\x00\x01", "k\u00fcm", None, True, [1, [2, 3]], {1: "a", "b": {2: []}}]


@pytest.mark.parametrize("length", range(len(cbor.encode(EVERYTHING))))
def test_cut_at_any_byte_it_is_refused(length: int) -> None:
    refusal(cbor.encode(EVERYTHING)[:length])


def test_eight_levels_are_carried_and_nine_are_not() -> None:
    eight: Any = 1
    for _ in range(8):
        eight = [eight]
    assert cbor.encode(eight).hex() == "818181818181818101"
    assert cbor.decode(bytes.fromhex("818181818181818101")) == eight
    with pytest.raises(EncodeError, match=r"^nested too deeply$"):
        cbor.encode([eight])
    assert refusal(bytes.fromhex("81818181818181818101")) == "byte 9: nested too deeply"


def test_maps_count_as_levels_too() -> None:
    eight: Any = None
    for _ in range(8):
        eight = {1: eight}
    assert cbor.decode(cbor.encode(eight)) == eight
    with pytest.raises(EncodeError, match="nested too deeply"):
        cbor.encode({1: eight})
    refusal(9 * b"\xa1\x01" + b"\xf6")


def test_a_thousand_levels_are_refused_without_recursing_into_them() -> None:
    assert refusal(1000 * b"\x81" + b"\x00") == "byte 9: nested too deeply"


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("9b0000000100000000", "byte 0: 4294967296 items do not fit"),
        ("9affffffff", "byte 0: 4294967295 items do not fit"),
        ("bbffffffffffffffff", "byte 0: 18446744073709551615 items do not fit"),
        ("5bffffffffffffffff", "byte 0: a string of 18446744073709551615 bytes does not fit"),
        ("7a7fffffff61", "byte 0: a string of 2147483647 bytes does not fit"),
        ("8201", "byte 0: 2 items do not fit"),
        # Two items and two bytes: plausible until the second one is read.
        ("820182", "byte 2: 2 items do not fit"),
    ],
)
def test_a_count_beyond_the_bytes_is_refused_before_reading_on(encoded: str, why: str) -> None:
    assert refusal(bytes.fromhex(encoded)) == why


def test_more_than_4096_items_are_neither_written_nor_read() -> None:
    assert cbor.decode(cbor.encode([0] * 4096)) == [0] * 4096
    with pytest.raises(EncodeError, match="4097 items; the limit is 4096"):
        cbor.encode([0] * 4097)
    with pytest.raises(EncodeError, match="4097 items; the limit is 4096"):
        cbor.encode(dict.fromkeys(range(4097)))
    assert refusal(bytes.fromhex("991001") + bytes(4097)) == "byte 0: 4097 items do not fit"


@given(st.binary(max_size=200))
@example(66 * b"\x98\x40")
@example(b"\x98\xc8" + 200 * b"\x80")
@example(b"\xb8\x60" + 96 * b"\x01\x80")
def test_no_more_items_are_looked_at_than_there_are_bytes(data: bytes) -> None:
    # The bound on time: each item looked at has consumed a byte at least, except the one that is refused.
    reads = 0
    read = cbor.item

    def counted(*args: Any) -> tuple:
        nonlocal reads
        reads += 1
        return read(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cbor, "item", counted)
        with contextlib.suppress(DecodeError):
            cbor.decode(data)
    assert 1 <= reads <= len(data) + 1


@pytest.mark.parametrize(
    "value", [1.0, 2**64, -(2**64) - 1, {1}, object(), [0.5], {1: 0.5}, {True: 1}, {None: 1}, {b"a": 1}, {(1,): 1}]
)
def test_what_the_wire_does_not_carry_is_not_encoded(value: Any) -> None:
    with pytest.raises(EncodeError):
        cbor.encode(value)


def test_half_a_surrogate_pair_is_not_encoded() -> None:
    with pytest.raises(EncodeError, match="text is not Unicode"):
        cbor.encode("\ud800")


def test_tuples_and_bytearrays_are_written_as_arrays_and_byte_strings() -> None:
    assert cbor.encode((1, bytearray(b"\x02"))).hex() == "82014102"


def test_a_decoded_string_does_not_change_with_the_buffer_it_came_from() -> None:
    buffer = bytearray.fromhex("4161")
    value = cbor.decode(buffer)
    buffer[1] = 0x62
    assert value == b"a"


def test_the_first_items_are_read_whatever_follows() -> None:
    assert cbor.first_items(bytes.fromhex("8401020380"), 3) == [1, 2, 3]
    assert cbor.first_items(bytes.fromhex("84010203fb00"), 3) == [1, 2, 3]


@pytest.mark.parametrize("encoded", ["", "01", "8201", "820102", "830102", "a3010203040506"])
def test_first_items_that_are_not_there_are_refused(encoded: str) -> None:
    with pytest.raises(DecodeError):
        cbor.first_items(bytes.fromhex(encoded), 3)
    # An array that is long enough and ends before the second item.
    with pytest.raises(DecodeError, match="byte 2: ends early"):
        cbor.first_items(bytes.fromhex("8301"), 2)


def test_diagnostic_shows_values_for_people() -> None:
    value = [1, -2, b"\x01\xff", 'a"\\', None, True, False, {"b": 1, 2: []}]
    assert diagnostic(value) == '[1, -2, h\'01ff\', "a\\"\\\\", null, true, false, {2: [], "b": 1}]'


def test_diagnostic_lets_no_control_character_through_to_a_terminal() -> None:
    assert diagnostic("a\n\x1b[2J\x7f\x9b") == '"a\\u000a\\u001b[2J\\u007f\\u009b"'
