"""Warning codes over generated streams: counts against a plain reckoning, rules that come true once, seven seconds of rows."""

import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.condition_ring import KEPT, PENDING_MAX, ConditionRing
from headway_edge.core.program import MISSING
from headway_edge.core.warning_codes import CODES_MAX, WarningCodes, check_rules

TRIPS = st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(1, 12), max_size=6)), max_size=120)


@given(TRIPS, st.integers(1, 60))
def test_counts_are_those_of_a_plain_reckoning(trips: list[tuple[int, list[int]]], within: int) -> None:
    codes, seen, day = WarningCodes([]), defaultdict(list), 0
    for later, reported in trips:
        day += later
        codes.begin_trip()
        for code in reported:
            assert codes.appeared(code, day, day // 30) == -1
        for code in set(reported):
            seen[code].append(day)
    assert codes.codes() == sorted(seen)
    assert codes.forgotten == 0
    for code in range(14):
        assert codes.total(code) == len(seen[code])
        recent = [then for then in seen[code] if day - then < within]
        assert codes.times(code, day, within) == min(len(recent), 8)
        month = max((then // 30 for days in seen.values() for then in days), default=0)
        by_month = Counter(then // 30 for then in seen[code])
        assert codes.months(code) == [by_month[m] for m in range(month - 11, month + 1)]


@given(TRIPS, st.integers(1, 8), st.integers(1, 40))
def test_a_rule_comes_true_where_a_plain_reckoning_says_so(trips: Any, count: int, days: int) -> None:
    codes, seen, held, day = WarningCodes([[5, count, days]]), [], False, 0
    for later, reported in trips:
        day += later
        codes.begin_trip()
        told = [rule for rule in (codes.appeared(code, day, day // 30) for code in reported) if rule >= 0]
        if 5 not in reported:
            assert told == []
            continue
        seen.append(day)
        holds = sum(day - then < days for then in seen) >= count
        assert told == ([0] if holds and not held else [])
        held = holds


@given(TRIPS, st.integers(0, 120))
def test_it_goes_on_from_its_state(trips: Any, cut: int) -> None:
    rules = [[3, 2, 5], [0, 4, 30]]

    def run(codes: WarningCodes, part: Any, day: int) -> tuple[list[int], int]:
        found = []
        for later, reported in part:
            day += later
            codes.begin_trip()
            found += [codes.appeared(code, day, day // 30) for code in reported]
        return found, day

    whole, first, second = WarningCodes(rules), WarningCodes(rules), WarningCodes(rules)
    expected, _ = run(whole, trips, 0)
    before, day = run(first, trips[:cut], 0)
    assert second.restore(first.state())
    after, _ = run(second, trips[cut:], day)
    assert before + after == expected
    assert second.state() == whole.state()
    assert not second.restore(first.state()[1:])


def test_the_table_is_bounded_and_what_it_forgets_is_counted() -> None:
    codes = WarningCodes([])
    for code in range(1, CODES_MAX + 6):
        codes.begin_trip()
        codes.appeared(code, code, 0)
    assert codes.forgotten == 5
    assert codes.codes() == list(range(6, CODES_MAX + 6))
    assert codes.total(1) == 0
    assert len(codes.state()) == 2 + CODES_MAX * 24


@given(TRIPS, st.integers(0, 120), st.integers(1, 4), st.integers(1, 40))
def test_after_a_repair_the_rules_begin_anew_and_nothing_is_forgotten(
    trips: Any, repaired: int, count: int, days: int
) -> None:
    codes, fresh = WarningCodes([[0, count, days]]), WarningCodes([[0, count, days]])
    day, totals = 0, Counter[int]()
    for i, (later, reported) in enumerate(trips):
        day += later
        codes.begin_trip()
        fresh.begin_trip()
        if i == repaired:
            codes.repaired()
        totals.update(set(reported))
        for place, code in enumerate(reported):
            assert codes.on_trip(code) is (code in reported[:place])
            told = codes.appeared(code, day, day // 30)
            assert codes.on_trip(code)
            if i >= repaired:
                assert told == fresh.appeared(code, day, day // 30)
    assert {code: codes.total(code) for code in totals} == totals
    assert codes.forgotten == 0


def test_a_repair_makes_no_known_code_give_way_while_there_are_free_places() -> None:
    codes = WarningCodes([])
    for code in (1, 2):
        codes.appeared(code, 5, 0)
    codes.repaired()
    codes.appeared(3, 6, 0)
    assert (codes.codes(), codes.forgotten) == ([1, 2, 3], 0)


def test_a_code_that_comes_more_often_is_told_from_chance() -> None:
    dice = random.Random(4)  # noqa: S311 - repeatable, not secret
    rising = Counter()
    for _ in range(300):
        for name, rates in (("steady", (6, 6)), ("four times", (3, 12))):
            codes = WarningCodes([])
            for month in range(6):
                for day in range(30):
                    codes.begin_trip()
                    if dice.random() < rates[month // 3] / 90:
                        codes.appeared(7, 30 * month + day, month)
            rising[name] += codes.rising(7, 5)
    assert rising["steady"] <= 15  # one side of two standard errors: 2.3 % of 300
    assert rising["four times"] >= 150  # 12 after 3 is just over it


@pytest.mark.parametrize(
    "rules",
    [[[1, 2]], [[-1, 1, 1]], [[2**29, 1, 1]], [[1, 0, 1]], [[1, 9, 1]], [[1, 1, 0]], [[1, 1, 367]], [[1, 1, 1]] * 33],
)
def test_rules_that_are_none_are_refused(rules: Any) -> None:
    with pytest.raises(ValueError, match="rule"):
        check_rules(rules)


@pytest.mark.parametrize("code", [0, -1, 2**29])
def test_codes_that_are_none_are_refused(code: int) -> None:
    with pytest.raises(ValueError, match="codes are 1 to"):
        WarningCodes([]).appeared(code, 0, 0)


def a_drive(ring: ConditionRing, seconds: int, marks: dict[int, int], period_ms: int = 1000) -> None:
    for at_ms in range(0, seconds * 1000, period_ms):
        ring.update(period_ms if at_ms else 0, [at_ms // 1000, at_ms])
        if at_ms % 1000 == 0 and at_ms // 1000 in marks:
            ring.mark(marks[at_ms // 1000], 100)


@pytest.mark.parametrize("period_ms", [1000, 500, 100, 40])
def test_three_seconds_before_and_after_whatever_the_rate(period_ms: int) -> None:
    ring = ConditionRing([0])
    a_drive(ring, 40, {9: 17, 30: 18}, period_ms)
    assert [(found.code, [row[0] for row in found.rows]) for found in ring.kept()] == [
        (17, [6, 7, 8, 9, 10, 11, 12]),
        (18, [27, 28, 29, 30, 31, 32, 33]),
    ]


def test_the_last_sample_of_a_second_counts() -> None:
    ring = ConditionRing([1])
    a_drive(ring, 20, {9: 17}, 250)
    assert [row[0] for row in ring.kept()[0].rows] == [second * 1000 + 750 for second in range(6, 13)]


def test_overlapping_codes_have_their_own_seconds_and_what_is_too_many_is_counted() -> None:
    ring = ConditionRing([0])
    a_drive(ring, 20, {8: 1, 9: 2, 11: 3})
    assert [(found.code, found.rows[3][0]) for found in ring.kept()] == [(1, 8), (2, 9), (3, 11)]
    for code in range(PENDING_MAX + 2):
        ring.mark(50 + code, 0)
    assert ring.lost == 2


def test_the_end_of_a_trip_leaves_seconds_missing_and_nothing_for_the_next() -> None:
    ring = ConditionRing([0])
    a_drive(ring, 10, {9: 17})
    ring.finish()
    assert [row[0] for row in ring.kept()[0].rows] == [6, 7, 8, 9, MISSING, MISSING, MISSING]
    a_drive(ring, 10, {1: 18})
    assert [row[0] for row in ring.kept()[1].rows] == [MISSING, MISSING, 0, 1, 2, 3, 4]


def test_a_gap_leaves_seconds_missing() -> None:
    ring = ConditionRing([0])
    a_drive(ring, 10, {9: 17})
    ring.update(2000, [99, 0])
    ring.update(60_000, [100, 0])
    assert [row[0] for row in ring.kept()[0].rows] == [6, 7, 8, 9, MISSING, 99, MISSING]


def test_only_the_latest_are_kept_and_they_outlast_a_restart() -> None:
    ring = ConditionRing([0])
    a_drive(ring, 400, {10 * i: i for i in range(1, 31)})
    codes = [found.code for found in ring.kept()]
    assert codes == list(range(31 - KEPT, 31))
    again = ConditionRing([0])
    assert again.restore(ring.state())
    assert [(found.code, found.rows) for found in again.kept()] == [(found.code, found.rows) for found in ring.kept()]
    assert not ConditionRing([0, 1]).restore(ring.state())


def test_a_code_at_the_first_sample() -> None:
    ring = ConditionRing([0])
    a_drive(ring, 10, {0: 17})
    assert [row[0] for row in ring.kept()[0].rows] == [MISSING, MISSING, MISSING, 0, 1, 2, 3]
