"""A run of numbers has one packed form, and no other form is read."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headway_protocol import counts
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError, EncodeError

NUMBERS = st.lists(st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 2**63 - 1)), max_size=40)


@pytest.mark.parametrize(
    ("numbers", "packed"),
    [
        ([], ""),
        ([0], ""),
        ([0, 0, 0], ""),
        ([1], "01"),
        ([127], "7f"),
        ([128], "8001"),
        ([300], "ac02"),
        ([16383], "ff7f"),
        ([16384], "808001"),
        ([2**63 - 1], "ffffffffffffffff7f"),
        ([0, 5], "000005"),
        ([0, 0, 5], "000105"),
        ([5, 0, 0, 0, 6, 0], "05000206"),
        ([0, 1, 0, 2, 0], "0000010000" + "02"),
        ([0] * 128 + [1], "007f01"),
        ([0] * 129 + [1], "00800101"),
        ([0] * 4096 + [1], "00ff1f01"),
    ],
)
def test_the_packed_form_is_the_documented_one(numbers: list[int], packed: str) -> None:
    assert counts.pack(numbers).hex() == packed
    assert counts.unpack(bytes.fromhex(packed), len(numbers)) == numbers


@given(NUMBERS)
def test_numbers_come_back(numbers: list[int]) -> None:
    assert counts.unpack(counts.pack(numbers), len(numbers)) == numbers


@given(st.binary(max_size=24))
@example(bytes.fromhex("00ff1f01"))
def test_any_bytes_are_refused_or_the_one_form_of_their_numbers(data: bytes) -> None:
    try:
        numbers = counts.unpack(data, 40000)
    except DecodeError:
        return
    assert counts.pack(numbers) == data


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        ("80", "counts: ends inside a number"),
        ("ffff", "counts: ends inside a number"),
        ("8000", "counts: a number is not in its shortest form"),
        ("818000", "counts: a number is not in its shortest form"),
        ("ffffffffffffffffff01", "counts: a number has more than 63 bits"),
        ("ffffffffffffffffff7f", "counts: a number has more than 63 bits"),
        ("00", "counts: zeros in two runs, or at the end"),
        ("0500", "counts: zeros in two runs, or at the end"),
        ("0000", "counts: a run of 1 zeros, or zeros at the end"),
        ("050003", "counts: a run of 4 zeros, or zeros at the end"),
        ("0000000001", "counts: zeros in two runs, or at the end"),
        ("00802001", "counts: a run of 4097 zeros, or zeros at the end"),
        ("0080", "counts: ends inside a number"),
        ("00808001", "counts: a run of 16385 zeros, or zeros at the end"),
    ],
)
def test_every_other_form_is_refused(packed: str, why: str) -> None:
    with pytest.raises(DecodeError) as caught:
        counts.unpack(bytes.fromhex(packed), 8)
    assert (caught.value.code, str(caught.value)) == (MALFORMED, why)


def test_missing_numbers_are_zero() -> None:
    assert counts.unpack(b"\x07", 4) == [7, 0, 0, 0]
    assert counts.unpack(b"", 3) == [0, 0, 0]


def test_numbers_of_a_newer_device_are_checked_and_dropped() -> None:
    assert counts.unpack(counts.pack([1, 2, 3, 4, 5]), 3) == [1, 2, 3]
    assert counts.unpack(counts.pack([1, 0, 0, 0, 5]), 3) == [1, 0, 0]
    with pytest.raises(DecodeError):
        counts.unpack(b"\x01\x02\x03\x80\x00", 3)


def test_a_few_bytes_that_stand_for_many_zeros_are_never_expanded() -> None:
    assert counts.unpack(128 * bytes.fromhex("00ff1f01"), 25) == [0] * 25
    assert counts.unpack(128 * bytes.fromhex("00ff1f01"), 4097)[4095:] == [0, 1]


@pytest.mark.parametrize("numbers", [[-1], [2**63], [1, -5, 1]])
def test_numbers_out_of_range_are_not_packed(numbers: list[int]) -> None:
    with pytest.raises(EncodeError, match=r"is not in 0\.\.2\*\*63-1"):
        counts.pack(numbers)


def test_a_run_of_zeros_that_no_reader_takes_is_not_packed() -> None:
    with pytest.raises(EncodeError, match="4097 zeros in a row; the limit is 4096"):
        counts.pack([0] * 4097 + [1])
    assert counts.pack([0] * 5000) == b""
