"""Whatever way records come in, repeated, late, or in other batches, the store ends up the same."""

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_protocol import cbor
from headway_server.store import tables

_TRIPS = 6
_number = itertools.count()


def payloads(make):
    """Two boots: a birth, trips, one record that is refused, one loss that names a seq of the boot before."""
    first = [make.birth(1), *(make.trip(1, seq, km=seq) for seq in range(2, 2 + _TRIPS))]
    first.append(cbor.encode([1, 2, 1, 2 + _TRIPS, 5, None, 0, "no body"]))
    second = [make.birth(2), make.loss(2, 2, 1, 3 + _TRIPS, 5 + _TRIPS), make.trip(2, 3, km=30)]
    return first + second


@given(data=st.data())
# Every example has a device of its own, so the database need not be a new one each time.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_repetition_and_batching_gives_the_same_totals(data, runner, shared_store, make):
    device = f"group/d-{next(_number)}"
    everything = [make.up(payload, device) for payload in payloads(make)]
    repeats = data.draw(st.lists(st.sampled_from(everything), max_size=12))
    arriving = data.draw(st.permutations(everything + repeats))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    answers = {}
    for first, last in itertools.pairwise([0, *cuts, len(arriving)]):
        for _, boot, upto, _ in runner.run(shared_store.commit(*arriving[first:last])):
            assert upto >= answers.get(boot, 0), "what was acknowledged stays acknowledged"
            answers[boot] = upto

    assert answers == {1: 5 + _TRIPS, 2: 3}
    totals = runner.run(shared_store.totals())[device]
    assert totals == (7, (2 + 3 + 4 + 5 + 6 + 7 + 30) * 1000)
    r = tables.records.c
    stored = runner.run(shared_store.rows(r.device, r.boot, r.seq))
    assert sum(1 for name, _, _ in stored if name == device) == len(everything) - 1
    row = runner.run(shared_store.device(device))
    assert (row.records, row.trips, row.rejected, row.conflicts) == (10, 7, 1, 0)
    assert row.duplicates == sum(1 for message in repeats if message is not everything[_TRIPS + 1])
