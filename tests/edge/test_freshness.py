"""What is newer than all before: whatever is said in whatever order, over restarts and changes of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.orders.freshness import AHEAD_S, KEYS_MAX, Freshness
from headway_protocol import cbor, codes, order_codes
from headway_protocol.errors import DecodeError
from headway_protocol.signed import TIME_S_MAX, VERSION_MAX

KEYS = [bytes([number] * 8) for number in range(3)]
NOW_S = 1_790_000_000
SAID = st.tuples(st.sampled_from(KEYS), st.integers(1, 12))


def code_of(one: Freshness, version: int, not_after_s: int = TIME_S_MAX, known_s: int = 0, synced: bool = False) -> int:
    try:
        one.check(version, not_after_s, known_s, synced)
    except DecodeError as error:
        return error.code
    return 0


@given(st.lists(SAID, max_size=30))
def test_versions_only_rise_over_any_number_of_keys_and_restarts(said: list[tuple[bytes, int]]) -> None:
    stored, taken = None, 0
    for key, version in said:
        one = Freshness(stored, KEYS)
        assert one.version == taken
        if version > taken:
            assert code_of(one, version) == 0
            stored, taken = one.taken(key, version), version
        else:
            assert code_of(one, version) == order_codes.NOT_NEWER


@given(st.lists(SAID, min_size=1, max_size=20), st.sets(st.sampled_from(KEYS)))
def test_what_counts_are_the_keys_that_are_held(said: list[tuple[bytes, int]], held: set[bytes]) -> None:
    stored: bytes | None = None
    for key, version in said:
        stored = Freshness(stored, KEYS).taken(key, version)
    expected = max((version for key, version in said if key in held), default=0)
    assert Freshness(stored, sorted(held)).version == expected


@given(
    st.binary(max_size=40) | st.recursive(st.integers(-5, 2**64 - 1) | st.binary(max_size=9), st.lists).map(cbor.encode)
)
def test_whatever_a_store_holds_a_device_goes_on(stored: bytes) -> None:
    one = Freshness(stored, KEYS)
    assert 0 <= one.version <= VERSION_MAX
    again = Freshness(one.taken(KEYS[0], VERSION_MAX), KEYS)
    assert again.version == VERSION_MAX


@given(version=st.integers(1, VERSION_MAX), not_after_s=st.integers(1, TIME_S_MAX), known_s=st.integers(0, TIME_S_MAX))
def test_a_clock_refuses_what_is_late_or_far_ahead_and_no_more(version: int, not_after_s: int, known_s: int) -> None:
    late = order_codes.EXPIRED if not_after_s < known_s else 0
    assert code_of(Freshness(None, KEYS), version, not_after_s, known_s) == late
    ahead = codes.IMPLAUSIBLE if version > known_s + AHEAD_S else late
    assert code_of(Freshness(None, KEYS), version, not_after_s, known_s, True) == ahead


@pytest.mark.parametrize("count", [1, KEYS_MAX])
def test_what_is_stored_is_small(count: int) -> None:
    names = [bytes([number] * 8) for number in range(count)]
    stored = None
    for name in names:
        stored = Freshness(stored, names).taken(name, NOW_S)
    assert stored is not None
    assert len(stored) <= 1 + 15 * count
