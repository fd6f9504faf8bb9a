"""Commands: what the server asks of a device, in bytes that a later device still understands."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import command
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED, NEWER_VERSION
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import UINT32_MAX

NUMBERS = st.integers(1, UINT32_MAX)
RANGES = st.lists(
    st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda r: (r[0], min(r[1:]), max(r[1:]))),
    min_size=1,
    max_size=command.RANGES_MAX,
)


@given(RANGES)
def test_ranges_come_back_and_fit(ranges: list[tuple[int, int, int]]) -> None:
    data = command.resend(ranges)
    assert len(data) <= command.COMMAND_BYTES_MAX
    assert command.decode(data) == (command.RESEND, ranges)


def test_what_later_versions_append_is_passed_over_and_their_commands_are_handed_on() -> None:
    assert command.decode(cbor2.dumps([1, 1, [[3, 1, 2, "appended"]], "appended"])) == (1, [(3, 1, 2)])
    assert command.decode(cbor2.dumps([1, 9, "whatever"])) == (9, "whatever")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ([2, 1, [[3, 1, 2]]], NEWER_VERSION),
        ([1, 1], MALFORMED),
        ([1, 1, []], MALFORMED),
        ([1, 1, [[3, 1]]], MALFORMED),
        ([1, 1, 5], MALFORMED),
        ([1, 1, [[3, 2, 1]]], IMPLAUSIBLE),
        ([1, 1, [[0, 1, 2]]], IMPLAUSIBLE),
        ([1, 0, [[1, 1, 2]]], IMPLAUSIBLE),
        ([1, 1, [[3, 1, 2]] * 33], MALFORMED),
    ],
)
def test_a_broken_command_is_refused_with_its_code(message: object, code: int) -> None:
    with pytest.raises(DecodeError) as caught:
        command.decode(cbor2.dumps(message))
    assert caught.value.code == code


@pytest.mark.parametrize("ranges", [[], [(1, 2, 1)], [(0, 1, 1)], [(1, 1, UINT32_MAX + 1)], [(1, 1, 1)] * 33])
def test_what_no_device_could_read_is_not_made(ranges: list[tuple[int, int, int]]) -> None:
    with pytest.raises(EncodeError):
        command.resend(ranges)
