"""What is missing: noted as it opens and closes, asked for in time and not too often, and named in the end."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_protocol import cbor, command
from headway_server.ingest.gap_rows import ASKS_MAX, MISSING_BOOTS_MAX, OPEN_END
from headway_server.ingest.gaps import REFILL_ASKS_MAX, WAITS_MS
from headway_server.ingest.sequence import advance, without
from headway_server.recounting.verification import verify
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"
GRACE_S = 60
_number = itertools.count()


@given(st.lists(st.integers(1, 30)), st.lists(st.tuples(st.integers(1, 40), st.integers(0, 8))))
def test_what_is_left_of_ranges_is_what_is_left_of_their_numbers(numbers, taken):
    ranges, members = [], sorted(set(numbers))
    for number in members:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    cut = [(first, first + more) for first, more in taken]
    left = without(reversed(ranges), cut)
    assert [n for first, last in left for n in range(first, last + 1)] == [
        n for n in members if not any(first <= n <= last for first, last in cut)
    ]
    assert left == sorted(left)


async def test_records_in_order_leave_no_gap(store, make):
    await store.commit(make.state(1), make.up(make.birth(1)), *(make.up(make.trip(1, seq)) for seq in range(2, 9)))
    assert await store.gaps() == []
    assert await store.asked(3600) == []


async def test_a_gap_opens_shrinks_parts_and_closes(store, make):
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 9)))
    assert await store.gaps() == [(1, 2, 8)]
    await store.commit(make.up(make.trip(1, 5)))
    assert await store.gaps() == [(1, 2, 4), (1, 6, 8)]
    await store.commit(make.up(make.loss(1, 10, 1, 2, 3)), make.up(cbor.encode([1, 2, 1, 6, 5, None, 0, "no body"])))
    assert await store.gaps() == [(1, 4, 4), (1, 7, 8)], "what is declared lost, or refused for good, is not missing"
    await store.commit(make.up(make.trip(1, 8)), make.up(make.trip(1, 4)), make.up(make.trip(1, 7)))
    assert await store.gaps() == []


async def test_a_gap_is_asked_for_after_a_grace_and_at_growing_intervals_and_then_named(store, make, client):
    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 4)))
    assert await store.asked(GRACE_S - 1) == [], "it may still be under way"
    assert await store.asked(1) == [(BUS, [(1, 2, 3)])]
    assert await store.asked() == []
    asked = 1
    for wait_ms in [*WAITS_MS, *[WAITS_MS[-1]] * (ASKS_MAX - 1 - len(WAITS_MS))]:
        assert await store.asked(wait_ms / 1000 - 1) == []
        assert await store.asked(1) == [(BUS, [(1, 2, 3)])]
        asked += 1
    assert asked == ASKS_MAX
    assert await store.asked(10 * 86_400) == []
    (gap,) = (await client.get(f"/api/v1/devices/{BUS}")).json()["gaps"]
    assert (gap["boot"], gap["first_seq"], gap["last_seq"], gap["asked"]) == (1, 2, 3, ASKS_MAX)
    await store.commit(make.up(make.trip(1, 2)), make.up(make.trip(1, 3)))
    assert await store.gaps() == [], "it is taken whenever it comes"


async def test_what_is_unfilled_is_asked_for_again_when_the_device_has_started_again(store, make):
    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 4)))
    while await store.asked(86_400):
        pass
    await store.commit(make.state(1))
    assert await store.asked(86_400) == []
    await store.commit(make.state(2), make.up(make.birth(2)))
    assert await store.asked(GRACE_S) == [(BUS, [(1, 2, 3)])]


async def test_a_device_at_work_on_a_gap_is_left_in_peace(store, make):
    await store.commit(make.state(1, ends=[(1, 50)]))
    for seq in range(1, 50):
        store.now_ms += 30_000
        await store.commit(make.up(make.trip(1, seq)))
        assert await store.asked() == []
    assert await store.asked(GRACE_S) == [(BUS, [(1, 50, 50)])]


async def test_who_cannot_hear_is_not_asked(store, make):
    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 4)), make.state(1, online=False))
    assert await store.asked(3600) == []
    await store.commit(make.up(make.trip(1, 5)))
    assert await store.asked(GRACE_S) == [(BUS, [(1, 2, 3)])], "it spoke, whatever its presence says"
    assert await store.asked(3600) == []
    await store.commit(make.state(1))
    assert await store.asked() == [], "it has just come, and may be about to send"
    assert await store.asked(GRACE_S) == [(BUS, [(1, 2, 3)])]


async def test_a_clock_that_was_ahead_keeps_nobody_from_being_asked(store, make):
    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 4)))
    (_,) = await store.asked(20 * 365 * 86_400)
    await store.commit(make.up(make.trip(1, 5)))
    (_,) = await store.asked(-20 * 365 * 86_400)


async def test_presence_tells_how_far_boots_had_come(store, make):
    await store.commit(make.up(make.birth(5)), make.up(make.trip(5, 2)))
    answer = await store.commit(make.state(7, ends=[(7, 3), (5, 4)]))
    assert answer == [], "presence by itself is not answered"
    assert await store.gaps() == [(5, 3, 4), (7, 1, 3)]
    await store.commit(make.state(6, ends=[(5, 1)]))
    assert await store.gaps() == [(5, 3, 4), (7, 1, 3)], "an older word takes nothing back"
    assert await store.asked(GRACE_S) == [(BUS, [(5, 3, 4), (7, 1, 3)])]
    await store.commit(*(make.up(make.trip(5, seq)) for seq in (3, 4)), *(make.up(make.trip(7, n)) for n in (1, 2, 3)))
    assert await store.gaps() == []
    assert [item async for item in verify(store.database, store.processes)] == []


async def test_a_boot_between_two_others_is_missing_until_something_of_it_comes(store, make):
    await store.commit(make.up(make.birth(3)), make.up(make.birth(7)), make.state(7))
    assert await store.gaps() == [(boot, 1, OPEN_END) for boot in (4, 5, 6)]
    assert await store.asked(GRACE_S) == [(BUS, [(4, 1, OPEN_END), (5, 1, OPEN_END), (6, 1, OPEN_END)])]
    await store.commit(make.up(make.birth(5)), make.up(make.trip(6, 3)), make.up(make.loss(7, 2, 4, 1, OPEN_END)))
    assert await store.gaps() == [(6, 1, 2)]
    await store.commit(make.up(make.birth(9)), make.up(make.birth(8)))
    assert await store.gaps() == [(6, 1, 2)], "in one batch or another, in order or not"
    assert [item async for item in verify(store.database, store.processes)] == []


async def test_a_boot_that_the_device_leaves_out_between_its_ends_made_no_record(store, make):
    await store.commit(make.up(make.birth(3)), make.up(make.birth(9)))
    assert [boot for boot, _, _ in await store.gaps()] == [4, 5, 6, 7, 8]
    await store.commit(make.state(9, ends=[(9, 1), (7, 2), (5, 1)]))
    assert await store.gaps() == [(4, 1, OPEN_END), (5, 1, 1), (7, 1, 2)]
    await store.commit(make.state(9, ends=[(9, 1), (7, 2), (5, 1), (3, 1)]))
    assert await store.gaps() == [(5, 1, 1), (7, 1, 2)]


async def test_boots_far_apart_are_another_lineage_and_not_a_gap(store, make):
    far = 10 + MISSING_BOOTS_MAX + 2
    await store.commit(make.up(make.birth(10)), make.up(make.birth(far)), make.up(make.birth(2**32 - 1)))
    assert await store.gaps() == []
    await store.commit(make.up(make.birth(far - 1)))
    assert len(await store.gaps()) == MISSING_BOOTS_MAX


async def test_a_message_takes_as_many_ranges_as_the_protocol_allows_and_the_rest_follows(store, make):
    await store.commit(make.state(1), *(make.up(make.trip(1, seq)) for seq in range(2, 142, 2)))
    sizes, wanted = [], []
    while asked := await store.asked(0 if wanted else GRACE_S):
        ((_, ranges),) = asked
        sizes.append(len(ranges))
        wanted += ranges
    assert sizes == [command.RANGES_MAX, command.RANGES_MAX, 6]
    assert wanted == [(1, seq, seq) for seq in range(1, 141, 2)]


async def test_every_device_has_its_own_message(store, make):
    for name in ("depot/a", "depot/b"):
        await store.commit(make.state(1, name), make.up(make.trip(1, 2), name))
    assert await store.asked(GRACE_S) == [("depot/a", [(1, 1, 1)]), ("depot/b", [(1, 1, 1)])]


async def test_an_absurd_end_costs_one_row(store, make):
    await store.commit(make.state(1, ends=[(1, OPEN_END)]), make.up(make.birth(1)))
    assert await store.gaps() == [(1, 2, OPEN_END)]
    await store.commit(make.up(make.trip(1, OPEN_END)))
    assert await store.gaps() == [(1, 2, OPEN_END - 1)]


async def test_after_a_restore_each_device_is_asked_for_what_came_after_the_last_that_is_known(store, make):
    await store.commit(
        make.state(4), *(make.up(make.trip(4, seq)) for seq in (1, 2)), make.up(make.birth(1), "depot/b")
    )
    async with store.database.write() as connection:
        row = {"device": BUS, "boot": 4, "asked": 0, "due_ms": store.now_ms}
        await connection.execute(tables.refills.insert(), row)
    assert await store.asked() == [(BUS, [(4, 3, OPEN_END)])]
    await store.commit(make.state(6, ends=[(6, 1)]), make.up(make.birth(6)))
    asked = await store.asked(GRACE_S)
    assert asked == [(BUS, [(5, 1, OPEN_END), (4, 3, OPEN_END), (6, 2, OPEN_END)])]
    for _ in range(REFILL_ASKS_MAX - 2):
        (_,) = await store.asked(WAITS_MS[-1] // 1000)
    assert await store.count(tables.refills) == 0


async def test_who_only_seems_to_have_spoken_is_asked_after_a_restore_until_it_is_there(store, make):
    """A broker that comes back gives what it kept of devices that are long away: asking them is in vain and counts nothing."""
    await store.commit(make.up(make.birth(1)))
    async with store.database.write() as connection:
        await connection.execute(
            tables.refills.insert(), {"device": BUS, "boot": 1, "asked": 0, "due_ms": store.now_ms}
        )
    for _ in range(2 * REFILL_ASKS_MAX):
        await store.commit(make.state(1, online=False))
        assert await store.asked(60) == [(BUS, [(1, 2, OPEN_END)])]
    for _ in range(REFILL_ASKS_MAX):
        await store.commit(make.state(1))
        assert (BUS, [(1, 2, OPEN_END)]) in await store.asked(WAITS_MS[-1] // 1000)
    assert await store.count(tables.refills) == 0


_SEQ = st.integers(1, 12)
_MESSAGES = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(1, 4), _SEQ),
        st.tuples(st.just("refused"), st.integers(1, 4), _SEQ),
        st.tuples(st.just("loss"), st.integers(1, 4), _SEQ, st.integers(0, 4)),
        st.tuples(st.just("ends"), st.dictionaries(st.integers(1, 4), st.integers(1, 15), max_size=4)),
    ),
    max_size=14,
)


@given(batches=st.lists(_MESSAGES, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_gaps_are_exactly_what_is_neither_stored_nor_refused_nor_lost(batches, runner, shared_store, make):
    device = f"gaps/d-{next(_number)}"
    handled, highest, lost_seq = {}, {}, 100
    for batch in batches:
        messages = []
        for kind, *of in batch:
            if kind == "ends":
                messages.append(make.state(4, device, ends=sorted(of[0].items(), reverse=True)))
                for boot, last in of[0].items():
                    highest[boot] = max(highest.get(boot, 0), last)
                continue
            boot, seq = of[:2]
            if kind == "record":
                messages.append(make.up(make.trip(boot, seq), device))
                taken = [(boot, {seq})]
            elif kind == "refused":
                messages.append(make.up(cbor.encode([1, 2, boot, seq, 5, None, 0, "no body"]), device))
                taken = [(boot, {seq})]
            else:
                lost_seq += 1  # told by a record of its own, in a fifth boot
                messages.append(make.up(make.loss(5, lost_seq, boot, seq, seq + of[2]), device))
                taken = [(boot, set(range(seq, seq + of[2] + 1))), (5, {lost_seq})]
            for boot, seqs in taken:
                handled.setdefault(boot, set()).update(seqs)
                highest[boot] = max(highest.get(boot, 0), *seqs)
        runner.run(shared_store.commit(*messages))

    expected = []
    for boot, last in highest.items():
        expected += [(boot, seq) for seq in range(1, last + 1) if seq not in handled.get(boot, ())]
    found = runner.run(shared_store.gaps(device))
    known = [(boot, seq) for boot, first, last in found if boot in highest for seq in range(first, last + 1)]
    assert known == sorted(expected)
    between = [boot for boot, _, last in found if boot not in highest]
    assert set(between) <= set(range(min(highest, default=0) + 1, max(highest, default=0))) - highest.keys()
    b = tables.boots.c
    for name, boot, upto, high in runner.run(shared_store.rows(b.device, b.boot, b.upto, b.highest)):
        if name == device:
            assert (upto, high) == (advance(0, handled.get(boot, ()), []), highest[boot])
