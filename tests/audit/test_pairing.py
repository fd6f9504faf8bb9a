"""Which stored trip is which computed one."""

from hypothesis import given
from hypothesis import strategies as st

from headway_server.audit.pairing import Extent, paired


def trips(*starts_s: int, counts: str = "") -> list[Extent]:
    """Trips of a hundred seconds, with counts of their own unless they are given."""
    return [Extent(s * 1000, s * 1000 + 100_000, (counts or str(i)).encode()) for i, s in enumerate(starts_s)]


def test_by_the_start_before_the_counts() -> None:
    stored = [Extent(0, 1000, b"x"), Extent(5000, 6000, b"y")]
    computed = [Extent(0, 1000, b"y"), Extent(5000, 6000, b"x")]
    assert paired(stored, computed) == {0: 0, 1: 1}


def test_by_the_counts_where_a_clock_was_off_the_nearest_first() -> None:
    assert paired(trips(10_000, 20_000), trips(10_001, 20_001)) == {0: 0, 1: 1}
    assert paired(trips(10_000, 20_000, counts="same"), trips(9_000, 21_000, 50_000, counts="same")) == {0: 0, 1: 1}


def test_by_the_counts_where_no_clock_was_set() -> None:
    undated = [Extent(None, None, trip.counts) for trip in trips(0, 1000, 2000)]
    assert paired([undated[2], undated[0]], trips(0, 1000, 2000)) == {0: 2, 1: 0}
    assert paired([Extent(None, None, b"other")], trips(0, 1000)) == {}


def test_by_the_time_they_share_if_it_is_enough() -> None:
    assert paired([Extent(60_000, 160_000, b"x")], trips(0, 100)) == {0: 1}, "the longer part"
    assert paired([Extent(140_000, 240_000, b"x")], trips(0, 100)) == {0: 1}
    assert paired([Extent(160_000, 260_000, b"x")], trips(0, 100)) == {}, "less than half"
    assert paired([Extent(0, 1_000_000, b"x")], trips(100, 300)) == {0: 0}, "each once"


EXTENTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10), st.binary(max_size=1), st.booleans()), max_size=12)


@given(EXTENTS, EXTENTS)
def test_each_is_paired_once_and_what_is_the_same_always_is(
    drawn: list[tuple[int, int, bytes, bool]], others: list[tuple[int, int, bytes, bool]]
) -> None:
    stored = [Extent(None, None, c) if undated else Extent(s, s + n, c) for s, n, c, undated in drawn]
    at, computed = 0, []
    for start, length, counts, _ in others:
        computed.append(Extent(at + start, at + start + length, counts))
        at += start + length + 1
    found = paired(stored, computed)
    assert len(set(found.values())) == len(found)
    for extent in computed:
        if extent in stored:
            places = [place for place, other in enumerate(stored) if other == extent]
            assert any(computed[found[place]] == extent for place in places if place in found)
