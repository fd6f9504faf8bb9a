"""A flood of one device: held back in steps that are counted, and nobody else notices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.ingest import rate_limit
from headway_server.ingest.rate_limit import HeldBack, RateLimit

FLOOD, QUIET = "headway/v1/depot/flood/up", "headway/v1/depot/quiet/up"


@given(
    per_minute=st.integers(1, 6000),
    burst=st.integers(1, 50),
    steps=st.lists(st.integers(0, 5000), max_size=120),
)
def test_in_no_stretch_of_time_passes_more_than_the_burst_and_the_rate(per_minute, burst, steps):
    limit = RateLimit(per_minute, burst)
    now_ms, passed = 0, []
    for step_ms in steps:
        now_ms += step_ms
        if limit.admit(FLOOD, now_ms / 1000):
            passed.append(now_ms)
    for i, first in enumerate(passed):
        for j in range(i, len(passed)):
            assert j - i + 1 <= burst + (passed[j] - first) * per_minute / 60_000 + 0.01
    assert limit.total_held == len(steps) - len(passed)


@given(st.integers(1, 6000), st.integers(1, 50), st.integers(1, 200))
def test_who_keeps_to_the_rate_is_never_held_back(per_minute, burst, messages):
    limit = RateLimit(per_minute, burst)
    assert all(limit.admit(QUIET, 7.0) for _ in range(burst))
    assert all(limit.admit(QUIET, 7.0 + (n + 1) * 60 / per_minute + 1e-6) for n in range(messages))


def test_a_flood_takes_nothing_from_a_quiet_device():
    """A server that commits 50 messages a step, in order of arrival; one device sends 500 a step, one sends 1."""

    def waits(limited):
        limit, queue, waited, sent = RateLimit(600, 100), [], [], {}
        for step in range(100):
            arriving = [(FLOOD, None)] * 250 + [(QUIET, step)] + [(FLOOD, None)] * 250
            for topic, number in arriving:
                if not limited or limit.admit(topic, step * 1.0):
                    queue.append((topic, number))
                    sent[topic] = sent.get(topic, 0) + 1
            done, queue = queue[:50], queue[50:]
            waited += [step - number for topic, number in done if topic == QUIET]
        return waited, sent, len(queue)

    waited, sent, left = waits(limited=True)
    assert len(waited) == 100
    assert max(waited) <= 2, "only behind what the flood's burst is, and that once"
    assert waited[10:] == [0] * 90
    assert sent == {FLOOD: 100 + 99 * 10, QUIET: 100}
    assert left == 0
    waited, _, left = waits(limited=False)
    assert len(waited) < 15, "without the limit the quiet device waits behind all of it"
    assert left > 40_000


def test_what_is_no_topic_of_a_device_is_one_sender():
    limit = RateLimit(60, 2)
    topics = ["headway/v1/depot/UP/up", "x" * 70_000, "headway/v1/depot/\x00/up", ""]
    assert [limit.admit(topic, 0.0) for topic in topics] == [True, True, False, False]
    assert limit.held_back(0.0, 5000) == [HeldBack("(no device)", 2, 5000)]


def test_memory_is_bounded_whatever_names_there_are(monkeypatch):
    monkeypatch.setattr(rate_limit, "BUCKETS_MAX", 100)
    limit = RateLimit(60, 1)
    for n in range(5000):
        limit.admit(f"headway/v1/depot/d-{n}/up", 0.0)
    assert len(limit._full_at_ns) <= 101
    assert limit.total_held > 4000, "names beyond share one bucket"
    assert limit.admit("headway/v1/depot/d-5000/up", 1000.0), "those that are full again make room"
    assert len(limit._full_at_ns) == 1
    assert len(limit.held_back(0.0, 0)) <= 1000


@pytest.mark.parametrize("devices", [1, 1500])
def test_who_was_held_back_is_remembered_the_last_thousand(devices):
    limit = RateLimit(1, 1)
    for n in range(devices):
        for _ in range(3):
            limit.admit(f"headway/v1/depot/d-{n}/up", float(n))
    found = limit.held_back(float(devices), 1_000_000)
    assert len(found) == min(devices, 1000)
    assert found[-1] == HeldBack(f"depot/d-{devices - 1}", 2, 999_000)
