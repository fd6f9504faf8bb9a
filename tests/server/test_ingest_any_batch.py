"""Whatever a broker delivers in one batch, `commit` returns, in bounded work, and the good messages of the batch are stored."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from tests.protocol.every_message import messages

from headway_protocol import topics
from headway_server.ingest.arrival import Received
from headway_server.store import tables

_numbers = itertools.count(1)
TOPICS = st.one_of(
    st.text(max_size=60),
    st.sampled_from([f"headway/v1/depot/bad/{channel}" for channel in topics.CHANNELS]),
    st.builds(
        "headway/v1/{}/{}/{}".format, st.text(max_size=9), st.text(max_size=40), st.sampled_from(topics.CHANNELS)
    ),
)


@st.composite
def damaged(draw):
    """A message of the protocol with up to three bytes changed, none for none."""
    data = bytearray(draw(st.sampled_from(messages())))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


STRANGE = st.lists(
    st.tuples(TOPICS, st.one_of(damaged(), st.binary(max_size=200), st.just(bytes(70_000))), st.booleans()), max_size=12
)


@pytest.fixture
def statements(shared_store):
    """How many statements the database was asked so far: a list with one number."""
    counted = [0]

    def count(*_arguments):
        counted[0] += 1

    engines = {vars(shared_store.database)[name].sync_engine for name in ("_writer", "_reader")}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", count)
    yield counted
    for engine in engines:
        event.remove(engine, "before_cursor_execute", count)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strange=STRANGE, order=st.randoms(use_true_random=False))
def test_any_batch(strange, order, runner, shared_store, make, statements):
    device = f"depot/good-{next(_numbers)}"
    good = [make.up(make.birth(1), device), *(make.up(make.trip(1, seq), device) for seq in range(2, 6))]
    batch = good + [Received(topic, payload, retained) for topic, payload, retained in strange]
    order.shuffle(batch)
    statements[0] = 0
    answers = runner.run(shared_store.commit(*batch))
    assert (device, 1, 5, []) in answers
    assert statements[0] <= 30 + 2 * len(batch)
    r, d = tables.records.c, tables.day_totals.c
    assert len(runner.run(shared_store.rows(r.seq, where=r.device == device))) == 5
    assert runner.run(shared_store.rows(d.trips, where=d.device == device)) == [(4,)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(damaged(), min_size=1, max_size=12))
def test_a_device_that_sends_damage_is_answered_and_goes_on(payloads, runner, shared_store, make):
    device = f"depot/damaged-{next(_numbers)}"
    runner.run(shared_store.commit(*(make.up(payload, device) for payload in payloads)))
    # A boot of its own, for what is damaged may have said anything of the others.
    boot = 500_000
    answers = runner.run(shared_store.commit(make.up(make.birth(boot), device), make.up(make.trip(boot, 2), device)))
    assert (device, boot, 2, []) in answers
