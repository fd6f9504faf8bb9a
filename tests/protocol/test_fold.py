"""DAY records: what is written is read again, and what a receiver would refuse cannot be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import fold, record
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError, EncodeError

PACK = bytes(range(8))
GOOD = [PACK, 19_675, fold.DAY_SPAN, 1, 3, 25_400, b"\x06", [[2, 5, 6], [2, 9, 9]]]


@st.composite
def ranges(draw):
    found, at = [], (1, 0)
    for boots, gap, length in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(2, 99), st.integers(0, 99)), min_size=1)
    ):
        boot, after = (at[0], at[1]) if boots == 0 else (at[0] + boots, 0)
        first = after + gap
        found.append((boot, first, first + length))
        at = (boot, first + length)
    return found[: fold.RANGES_MAX]


@given(
    st.one_of(st.none(), st.integers(0, fold.DAY_MAX)),
    st.integers(0, fold.CONTEXT_MAX),
    st.integers(0, fold.DISTANCE_M_MAX),
    st.lists(st.integers(-fold.TOTAL_MAX, fold.TOTAL_MAX), max_size=48),
    ranges(),
)
def test_what_is_written_is_read_again(day, context, distance_m, totals, named):
    body = fold.day_body(PACK, day, fold.DAY_SPAN, context, 1, distance_m, fold.pack_totals(totals), named)
    *parsed, packed, its_ranges = fold.parse_day(body)
    assert parsed == [PACK, day, fold.DAY_SPAN, context, 1, distance_m]
    assert fold.unpack_totals(packed, len(totals)) == totals
    assert its_ranges == named
    for boot, first, last in named:
        assert fold.named(its_ranges, boot, first)
        assert fold.named(its_ranges, boot, last)
        assert not fold.named(its_ranges, boot, last + 1)


@pytest.mark.parametrize(
    ("at", "value", "code"),
    [
        (0, b"short", MALFORMED),
        (1, -1, IMPLAUSIBLE),
        (1, fold.DAY_MAX + 1, IMPLAUSIBLE),
        (1, "monday", MALFORMED),
        (2, 0, IMPLAUSIBLE),
        (2, 3, IMPLAUSIBLE),
        (3, 256, IMPLAUSIBLE),
        (4, 0, IMPLAUSIBLE),
        (4, 4, IMPLAUSIBLE),  # of three records
        (5, -1, IMPLAUSIBLE),
        (6, [3], MALFORMED),
        (7, [], IMPLAUSIBLE),
        (7, [[2, 5]], MALFORMED),
        (7, [7, 8], MALFORMED),
        (7, [[2, 6, 5]], IMPLAUSIBLE),
        (7, [[0, 5, 8]], IMPLAUSIBLE),
        (7, [[2, 0, 8]], IMPLAUSIBLE),
        (7, [[2, 5, 6], [2, 7, 9]], IMPLAUSIBLE),  # not apart
        (7, [[2, 9, 9], [2, 5, 6]], IMPLAUSIBLE),
        (7, [[2, 5, 9], [2, 7, 11]], IMPLAUSIBLE),
        (7, [[2, 5, 1 << 32]], IMPLAUSIBLE),
        (7, [[2, 1 + 2 * i, 1 + 2 * i] for i in range(fold.RANGES_MAX + 1)], MALFORMED),
    ],
)
def test_what_no_fold_can_say_is_refused(at, value, code):
    body = list(GOOD)
    body[at] = value
    with pytest.raises(DecodeError) as refused:
        fold.parse_day(body)
    assert refused.value.code == code
    if not isinstance(value, (str, list, bytes)):
        with pytest.raises(EncodeError):
            fold.day_body(*body[:7], [tuple(item) for item in body[7]])


def test_a_month_has_a_day_and_a_body_has_all_its_items():
    with pytest.raises(DecodeError, match="a month that is not known"):
        fold.parse_day([PACK, None, fold.MONTH_SPAN, *GOOD[3:]])
    with pytest.raises(DecodeError, match="7 items, needs 8"):
        fold.parse_day(GOOD[:7])
    assert fold.parse_day([*GOOD, "later"]) == fold.parse_day(GOOD)


@pytest.mark.parametrize("total", [fold.TOTAL_MAX + 1, -fold.TOTAL_MAX - 1])
def test_a_total_beyond_its_bounds_cannot_be_written(total):
    with pytest.raises(EncodeError, match="a total of"):
        fold.pack_totals([total])


def test_the_longest_fold_fits_into_a_record():
    named = [(4_000_000_000, 4_000_000_000 + 2 * i, 4_000_000_000 + 2 * i) for i in range(40)]
    body = fold.day_body(PACK, fold.DAY_MAX, 1, 255, 40, fold.DISTANCE_M_MAX, bytes([0xFF] * 8 + [0x3F]) * 24, named)
    assert (
        len(record.encode(record.Record(record.DAY, 4_000_000_001, 4_000_000_000, 1 << 46, 1 << 46, 2, body))) <= 1024
    )
