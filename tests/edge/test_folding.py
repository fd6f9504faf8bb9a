"""Folding on the device: what is merged adds up to what it was made of, names all of it, and is smaller."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.edge.failing_medium import IOERR, UnsyncedMedium
from tests.edge.made_trips import DAY_MS, PROCESS, START_MS, body_of, day_of, numbers_of
from tests.edge.outbox_records import losses

from headway_edge.calendar_periods import bounds
from headway_edge.core.episode import DISTANCE
from headway_edge.store import fold_rows, retention
from headway_edge.store.folding import Fold, Kept, by_day, by_month, parts_of
from headway_edge.store.outbox import Outbox
from headway_edge.store.outbox_schema import ASIDE, SETTLED
from headway_protocol import fold, record
from headway_protocol.record_names import KIND_NAMES

Place = tuple[int, int]
Sums = dict[tuple[object, ...], tuple[int, int, list[int]]]


def find(pack_id):
    return PROCESS if pack_id == PROCESS.id else None


def trip(place: Place, wall_ms: int | None, numbers: list[int], revises: Place | None = None) -> Kept:
    clock = record.UNSYNCED if wall_ms is None else record.SYNCED
    body = body_of(numbers, revises=revises)
    return Kept(*place, record.encode(record.Record(record.EPISODE, *place, 0, wall_ms, clock, body)))


def made(place: Place, item: Fold) -> Kept:
    return Kept(*place, record.encode(record.Record(record.DAY, *place, 0, None, 0, item.body)))


def add(sums: Sums, key: tuple[object, ...], trips: int, metres: int, totals: list[int]) -> None:
    before = sums.get(key)
    if before is None:
        sums[key] = trips, metres, list(totals)
    else:
        sums[key] = before[0] + trips, before[1] + metres, PROCESS.merge(before[2], totals)


def sums_of(kept: list[Kept]) -> Sums:
    """By month (or the day that is not known) and context, read from the records, corrections not looked at."""
    found: Sums = {}
    for item in kept:
        its = record.decode(item.payload)
        if its.kind == record.EPISODE:
            numbers = PROCESS.numbers(record.parse_episode(its.body)[2])
            day = None if its.wall_ms is None else bounds("month", day_of(its.wall_ms))[0]
            add(found, (day, PROCESS.context(numbers)), 1, numbers[DISTANCE], PROCESS.totals(numbers))
        else:
            _, day, _, context, trips, metres, totals, _ = fold.parse_day(its.body)
            month = None if day is None else bounds("month", day)[0]
            add(found, (month, context), trips, metres, fold.unpack_totals(totals, len(PROCESS.pack.period)))
    return found


_trips = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.one_of(st.none(), st.integers(0, 70 * 24)),
        st.integers(100, 30_000),
        st.integers(100, 50_000),
        st.integers(0, 40),
    ),
    max_size=40,
)


@given(drawn=_trips, steps=st.lists(st.tuples(st.booleans(), st.one_of(st.none(), st.integers(0, 70))), max_size=4))
@settings(max_examples=200, deadline=None)
def test_totals_of_months_and_contexts_stay_what_they_were(drawn, steps):
    kept = []
    for i, (boot, hour, elapsed_ds, metres, stops) in enumerate(sorted(drawn, key=lambda one: one[0])):
        wall_ms = None if hour is None else START_MS + hour * 3_600_000
        kept.append(trip((boot, i + 1), wall_ms, numbers_of(PROCESS, elapsed_ds, metres, stops)))
    everything = {(item.boot, item.seq) for item in kept}
    wanted = sums_of(kept)
    for months, before in steps:
        size = sum(len(item.payload) for item in kept)
        first = None if before is None else START_MS // DAY_MS + before
        folds = (by_month if months else by_day)(parts_of(kept, find), first)
        gone = [place for item in folds for place in item.places]
        assert len(gone) == len(set(gone))
        new = [made((9, len(everything) + i), item) for i, item in enumerate(folds)]
        kept = [item for item in kept if (item.boot, item.seq) not in gone] + new
        everything |= {(item.boot, item.seq) for item in new}
        assert sum(len(item.payload) for item in kept) < size or not folds
        assert all(len(item.payload) <= record.RECORD_BYTES_MAX for item in new)
        assert sums_of(kept) == wanted
        named = defaultdict(int)
        for item in kept:
            named[item.boot, item.seq] += 1
            for boot, low, high in fold_rows.names_of(item.payload):
                for seq in range(low, high + 1):
                    named[boot, seq] += 1
        assert named == dict.fromkeys(everything, 1), "each record is kept, or named by one that is"


def test_what_is_younger_and_what_has_no_day_stays_until_it_must_go():
    numbers = numbers_of(PROCESS, 9000, 5000, 3)
    kept = [trip((1, i + 1), START_MS + i // 4 * DAY_MS, numbers) for i in range(12)]
    kept += [trip((1, 13 + i), None, numbers) for i in range(3)]
    today = START_MS // DAY_MS
    days = by_day(parts_of(kept, find), today + 1)
    assert [item.places for item in days] == [[(1, 1), (1, 2), (1, 3), (1, 4)]]
    assert [len(item.places) for item in by_day(parts_of(kept, find))] == [4, 4, 4, 3]
    assert by_month(parts_of(kept, find), today + 20) == []
    assert [len(item.places) for item in by_month(parts_of(kept, find))] == [12]


def test_of_a_trip_that_was_put_right_the_last_numbers_count_and_every_record_is_named():
    first, second = (numbers_of(PROCESS, 9000, metres, 3) for metres in (5000, 7000))
    kept = [
        trip((1, 4), START_MS, first),
        trip((1, 6), START_MS, first),
        trip((2, 1), START_MS, second, (1, 4)),
        trip((2, 2), START_MS, second, (1, 2)),  # of one that is gone from here
    ]
    (folded,) = by_day(parts_of(kept, find))
    _, _, _, _, trips, metres, _, ranges = fold.parse_day(folded.body)
    assert (trips, metres) == (3, 5000 + 7000 + 7000)
    assert ranges == [(1, 2, 2), (1, 4, 4), (1, 6, 6), (2, 1, 2)]
    assert folded.places == [(1, 4), (1, 6), (2, 1), (2, 2)]


def test_what_would_not_fit_becomes_several():
    numbers = numbers_of(PROCESS, 9000, 5000, 3)
    kept = [trip((1_000_000, 1 + 1000 * i), START_MS, numbers) for i in range(400)]
    folds = by_day(parts_of(kept, find))
    assert len(folds) > 3
    payloads = [made((1_000_001, 4_000_000_000), item).payload for item in folds]
    assert all(700 < len(payload) <= record.RECORD_BYTES_MAX for payload in payloads[:-1])
    assert sum(len(item.places) for item in folds) == 400


def test_records_of_another_pack_and_broken_ones_are_left_alone():
    numbers = numbers_of(PROCESS, 9000, 5000, 3)
    kept = [trip((1, i + 1), START_MS, numbers) for i in range(3)]
    assert by_day(parts_of(kept, lambda _: None)) == []
    assert parts_of([Kept(1, 9, b"\x00"), kept[0]], find) == parts_of(kept[:1], find)


# --- in the outbox --------------------------------------------------------------------------------------------------


def fill(outbox: Outbox, days: int, a_day: int = 6) -> None:
    for i in range(days * a_day):
        wall_ms = START_MS + i // a_day * DAY_MS + i % a_day * 3_600_000
        numbers = numbers_of(PROCESS, 6000 + i % 977, 4000 + i % 6011, i % 9)
        outbox.append(record.EPISODE, i, wall_ms, record.SYNCED, body_of(numbers))


def every(outbox: Outbox) -> list[Kept]:
    return [Kept(*record.identity(payload), payload) for kind in KIND_NAMES for payload in outbox.payloads(kind)]


def accounted(outbox: Outbox) -> dict[Place, int]:
    """How often each record is kept, named by a fold that is kept, or noted as lost."""
    found: dict[Place, int] = defaultdict(int)
    for item in every(outbox):
        found[item.boot, item.seq] += 1
        for boot, first, last in fold_rows.names_of(item.payload):
            for seq in range(first, last + 1):
                found[boot, seq] += 1
    declared = [record.parse_loss(record.decode(data).body)[:3] for data in outbox.payloads(record.LOSS)]
    for boot, first, last in losses(outbox) + declared:
        for seq in range(first, last + 1):
            found[boot, seq] += 1
    return dict(found)


def test_a_full_outbox_keeps_the_totals_of_years_in_little_room(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=128 * 1024)
    outbox.find = find
    wanted: Sums = {}
    for start in range(0, 600, 50):
        fill_from(outbox, start, 50, wanted)
        assert outbox.backlog() == len(every(outbox))
    assert sums_of(every(outbox)) == wanted
    assert losses(outbox) == []
    assert accounted(outbox) == {(1, seq): 1 for seq in range(1, outbox.produced + 1)}
    assert retention.used_bytes(outbox._file.db) <= 128 * 1024
    newest = [item for item in every(outbox) if record.decode(item.payload).kind == record.EPISODE]
    assert len(newest) >= 6 * 6, "the last days are still there trip by trip"
    before = accounted(outbox), outbox.produced, outbox.backlog()
    outbox.close()
    again = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=128 * 1024)
    assert (accounted(again), again.produced, again.backlog()) == before
    again.close()


def fill_from(outbox: Outbox, first_day: int, days: int, wanted: Sums) -> None:
    for i in range(days * 6):
        wall_ms = START_MS + (first_day + i // 6) * DAY_MS + i % 6 * 3_600_000
        numbers = numbers_of(PROCESS, 6000 + i % 977, 4000 + i % 6011, i % 9)
        outbox.append(record.EPISODE, i, wall_ms, record.SYNCED, body_of(numbers))
        month = bounds("month", day_of(wall_ms))[0]
        add(wanted, (month, PROCESS.context(numbers)), 1, numbers[DISTANCE], PROCESS.totals(numbers))


def test_what_even_folded_has_no_room_is_lost_with_all_that_it_stands_for(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=48 * 1024)
    outbox.find = find
    for i in range(900):  # a trip a fortnight: hardly anything goes together
        numbers = numbers_of(PROCESS, 6000 + i, 4000 + i, i % 9)
        outbox.append(record.EPISODE, i, START_MS + i * 14 * DAY_MS, record.SYNCED, body_of(numbers))
        for loss in outbox.undeclared() if outbox.may_have_losses else []:
            body = record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason)
            outbox.append(record.LOSS, i, None, record.UNSYNCED, body, {loss.key: None})
    gone = [record.parse_loss(record.decode(data).body) for data in outbox.payloads(record.LOSS)]
    assert gone
    counts = accounted(outbox)
    assert counts == {(1, seq): 1 for seq in range(1, outbox.produced + 1)}
    outbox.close()


def test_without_a_process_nothing_is_folded(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=48 * 1024)
    fill(outbox, 150)
    assert outbox.payloads(record.DAY) == []
    assert losses(outbox)
    outbox.close()


@pytest.fixture
def folded(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=48 * 1024)
    outbox.find = find
    fill(outbox, 150)
    assert outbox.payloads(record.DAY)
    yield outbox
    outbox.close()


def test_who_asks_for_what_was_folded_gets_the_fold(folded: Outbox) -> None:
    folded.acknowledge(folded.boot, folded.last_seq, [])
    assert folded.backlog() == 0
    named = fold_rows.names_of(folded.payloads(record.DAY)[0])[0]
    count, missing = folded.resend([(named[0], named[1], named[1])])
    assert missing == []
    assert count >= 1
    assert any(
        fold.named(fold_rows.names_of(payload), named[0], named[1]) for _, _, payload in folded.to_send((0, 0), 100)
    )


def test_refused_records_are_evidence_and_are_not_folded(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=48 * 1024)
    outbox.find = find
    fill(outbox, 2)
    outbox.acknowledge(1, 0, [(3, 4)])
    outbox.resend([(1, 3, 3)])
    fill(outbox, 150)
    assert not any(fold.named(fold_rows.names_of(data), 1, 3) for data in outbox.payloads(record.DAY))
    outbox.close()


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after it"])
def test_an_attempt_that_fails_is_made_again_and_nothing_is_there_twice(tmp_path: Path, before: bool) -> None:
    medium = UnsyncedMedium()
    now_ms = 0
    outbox = Outbox(tmp_path / "outbox.db", medium, budget_bytes=48 * 1024, mono_ms=lambda: now_ms)
    outbox.find = find
    commits = failed = 0

    def refuses() -> int | None:
        nonlocal commits, failed
        commits += 1
        if commits % 3:
            return None
        failed += 1
        return IOERR

    for i in range(900):
        numbers = numbers_of(PROCESS, 6000 + i, 4000 + i, i % 9)
        if before:
            medium.fail = lambda sql: refuses() if sql == "COMMIT" else None
        else:
            medium.after = refuses
        while True:
            try:
                outbox.append(record.EPISODE, i, START_MS + i // 6 * DAY_MS, record.SYNCED, body_of(numbers))
            except sqlite3.Error:
                now_ms += 100_000
            else:
                break
    medium.fail, medium.after = (lambda _: None), (lambda: None)
    assert failed > 100
    assert outbox.payloads(record.DAY)
    assert accounted(outbox) == {(1, seq): 1 for seq in range(1, outbox.produced + 1)}
    assert sum(item[0] for item in sums_of(every(outbox)).values()) == 900
    outbox.close()


def test_a_damaged_store_does_not_count_twice_what_was_folded(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    folded = Outbox(path, budget_bytes=48 * 1024)
    folded.find = find
    fill(folded, 150)
    names = {key for key, times in accounted(folded).items() if times}
    folded.close()
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 300] = bytes(300)
    path.write_bytes(data)
    again = Outbox(path, budget_bytes=48 * 1024)
    assert set(accounted(again)) == names
    for item in every(again):
        for boot, first, last in fold_rows.names_of(item.payload):
            assert not any(boot == other.boot and first <= other.seq <= last for other in every(again))
    again.close()


def test_undeliverable_records_are_folded_like_others(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=48 * 1024)
    outbox.find = find
    fill(outbox, 2)
    outbox.set_undeliverable(1, 3)
    assert outbox._file.read("SELECT count(*) FROM record WHERE done = ?", (ASIDE,))[0][0] == 1
    fill(outbox, 150)
    assert any(fold.named(fold_rows.names_of(data), 1, 3) for data in outbox.payloads(record.DAY))
    assert outbox._file.read("SELECT count(*) FROM record WHERE done = ?", (SETTLED,))[0][0] == 0
    assert outbox.backlog() == len(every(outbox))
    outbox.close()
