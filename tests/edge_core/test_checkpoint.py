"""A restart at any sample goes on as if there had been none: the checkpoint of the core with the pack of private driving."""

import pytest
from driven import AT_36, PROCESS, STRETCHES, Drive, Sample, at, trips
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core import data_quality
from headway_edge.core.data_quality import CLOSED
from headway_edge.core.episode import wire_cells
from headway_protocol import counts as packed
from headway_protocol import record


@given(STRETCHES, st.data())
def test_a_restart_at_any_sample_changes_nothing(samples: list[Sample], choose: st.DataObject) -> None:
    cut = choose.draw(st.integers(0, len(samples)))
    whole, first, second = Drive("bus"), Drive("bus"), Drive("bus")
    expected = [whole.update(*sample) for sample in samples]
    found = [first.update(*sample) for sample in samples[:cut]]
    second.core.restore(first.core.state())
    second.core.closed, second.core.closed_gates = first.core.closed, first.core.closed_gates
    assert second.core.is_open == first.core.is_open
    found += [second.update(*sample) for sample in samples[cut:]]
    assert found == expected
    assert second.core.state() == whole.core.state()
    assert (second.finish(), second.closed) == (whole.finish(), whole.closed)


# Electric at first (rpm 0), then silent; a gap amid standing within a trip; an engine that stops; parking; a short episode.
LONG_DAY: list[Sample] = [
    *[*at(0, 2, 0), *at(AT_36, 12, 0), *at(0, 2, 0), (20_000, 0), (20_000, 0), *at(AT_36, 3), *at(0, 3, 0), (1000, 0)],
    *[(300_001, 0, 0), *at(1777, 15, 0), (1000, 0, 0), *at(0, 2), (400_000, 0)],
    *[*at(AT_36, 15, -1, 1), *at(0, 5, -1, 1), *at(0, 3), *[(290_000, 0)] * 7],
    *[*at(AT_36, 12, 900), *at(0, 4), (1000, -1), (1000, 0, -1, 0)],
    *[*at(500, 3), (5000, 0), (1000, 0, 0, 0), *at(0, 2), *at(8000, 12), (-400_000, 3000), *at(4000, 12)],
]


@pytest.mark.parametrize("cut", range(len(LONG_DAY)))
def test_a_restart_at_each_sample_of_a_long_day_changes_nothing(cut: int) -> None:
    expected = trips(LONG_DAY)
    assert len(expected) == 6
    first, second = Drive(), Drive()
    found = first.feed(LONG_DAY[:cut])
    second.core.restore(first.core.state())
    found += second.feed(LONG_DAY[cut:])
    assert second.finish() == CLOSED
    assert [*found, second.closed] == expected


def test_a_checkpoint_is_a_list_of_integers_of_32_bits() -> None:
    drive = Drive()
    drive.feed(at(AT_36, 40))
    state = drive.core.state()
    assert {type(number) for number in state} == {int}
    assert all(-(2**31) <= number < 2**31 for number in state)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_checkpoint_of_another_length_is_refused(change: int) -> None:
    state = Drive().core.state()
    with pytest.raises(ValueError, match="is of another pack or version"):
        Drive().core.restore(state[:change] if change < 0 else [*state, 0])


# What leaves the device


@given(STRETCHES, st.sampled_from([40, 100, 1000]))
def test_every_trip_fits_the_wire(samples: list[Sample], period_ms: int) -> None:
    drive = Drive("truck", period_ms)
    for sample in [*samples, None]:
        if not (drive.finish() if sample is None else drive.update(*sample)) & CLOSED:
            continue
        cells, gates = wire_cells(drive.core), data_quality.wire_gates(drive.core.closed_gates)
        assert PROCESS.numbers(cells)[1] == drive.closed["distance"]
        assert PROCESS.numbers(cells)[0] == (drive.closed["elapsed"] + 50) // 100
        body = record.episode_body(PROCESS.id, 0, cells, gates)
        assert len(record.encode(record.Record(record.EPISODE, 1, 1, 0, None, 0, body))) < 256


def test_gates_are_counts_and_tenths_of_a_second_half_up_on_the_wire() -> None:
    assert packed.unpack(data_quality.wire_gates([26050] * 8), 8) == [26050, 261, *[26050] * 6]
    assert packed.unpack(data_quality.wire_gates([0, 26049] + [0] * 6), 8) == [0, 260, *[0] * 6]
