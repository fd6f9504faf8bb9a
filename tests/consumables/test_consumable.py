"""When a consumable is to be replaced: never a number too soon, the earlier of use and age, and a fresh start after a service."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge import packs
from headway_edge.core.consumable import CALENDAR, DUE, LINE, NOT_YET, UNKNOWN, Consumable
from headway_edge.core.consumable_words import sentence
from headway_edge.core.process import Process
from headway_edge.core.usage_line import DAYS_LEAST
from headway_edge.own.consumables import definitions

OIL = [1, [0], [1], 15_000_000, 365]
DAY = 18_000  # any


def drive(item: Consumable, first: int, days: int, real: int, adjusted: int) -> None:
    for day in range(first, first + days):
        item.add_totals(day, [real, adjusted])


def test_until_a_replacement_is_reported_nothing_is_known() -> None:
    oil = Consumable(OIL)
    drive(oil, DAY, 100, 40_000, 60_000)
    found = oil.outlook(DAY + 100)
    assert (found.reason, found.days, found.used_permille) == (UNKNOWN, None, None)
    assert "Tell when it was last replaced" in sentence("Engine oil", found)


def test_too_little_is_not_yet_and_never_a_number() -> None:
    oil = Consumable(OIL)
    oil.replaced(DAY)
    for days in range(DAYS_LEAST):
        found = oil.outlook(DAY + days)
        assert (found.reason, found.days, found.fewest, found.most, found.real_days) == (
            NOT_YET,
            None,
            None,
            None,
            None,
        )
        assert sentence("Engine oil", found).startswith("Engine oil: not yet.")
        drive(oil, DAY + days, 1, 40_000, 60_000)
    assert oil.outlook(DAY + DAYS_LEAST).reason == LINE


def test_a_car_that_stands_has_no_line_but_grows_old() -> None:
    oil = Consumable(OIL)
    oil.replaced(DAY)
    found = oil.outlook(DAY + 300)
    assert (found.reason, found.days, found.calendar_days) == (NOT_YET, None, 65)
    assert "At the latest in 65 days" in sentence("Engine oil", found)
    assert oil.outlook(DAY + 365).reason == DUE


def test_the_adjusted_line_decides_and_the_real_one_is_told() -> None:
    oil = Consumable(OIL)
    oil.replaced(DAY)
    drive(oil, DAY, 100, 40_000, 60_000)
    found = oil.outlook(DAY + 100)
    assert (found.reason, found.days, found.real_days) == (LINE, 150, 275)
    assert "By plain use it would be 275" in sentence("Engine oil", found)


def test_who_drives_little_replaces_by_age() -> None:
    oil = Consumable(OIL)
    oil.replaced(DAY)
    drive(oil, DAY, 100, 5_000, 6_000)
    found = oil.outlook(DAY + 100)
    assert (found.reason, found.days, found.calendar_days) == (CALENDAR, 265, 265)
    assert found.adjusted_days == 2400


def test_a_service_restarts_both_lines() -> None:
    oil = Consumable(OIL)
    oil.replaced(DAY)
    drive(oil, DAY, 250, 50_000, 61_000)
    assert oil.outlook(DAY + 250).reason == DUE
    oil.replaced(DAY + 250)
    found = oil.outlook(DAY + 250)
    assert (found.reason, found.used_permille, found.calendar_days) == (NOT_YET, 0, 365)
    assert oil.used() == (0, 0)
    drive(oil, DAY + 250, 20, 50_000, 60_000)
    assert oil.outlook(DAY + 270).days == round((15_000_000 - 20 * 60_000) / 60_000)


def test_what_was_used_before_a_service_was_told_counts() -> None:
    oil = Consumable(OIL)
    oil.replaced(DAY, used=6_000_000)
    drive(oil, DAY, 20, 50_000, 60_000)
    found = oil.outlook(DAY + 20)
    assert found.days == (15_000_000 - 6_000_000 - 20 * 60_000) // 60_000
    assert found.used_permille == 480


def test_what_comes_late_counts_today_and_days_never_run_back() -> None:
    early, late = Consumable(OIL), Consumable(OIL)
    for oil in (early, late):
        oil.replaced(DAY)
        drive(oil, DAY, 20, 40_000, 50_000)
    early.add(DAY + 19, 7_000, 9_000)
    late.add(DAY + 3, 7_000, 9_000)
    assert early.state() == late.state()


@pytest.mark.parametrize("limit_days", [0, 365])
def test_limits_of_use_or_of_time_alone(limit_days: int) -> None:
    used = Consumable([3, [0], [0], 8000, 0])
    used.replaced(DAY)
    drive(used, DAY, 30, 5, 0)
    found = used.outlook(DAY + 30)
    assert (found.reason, found.days, found.calendar_days) == (LINE, 1570, None)
    aged = Consumable([4, [], [], 0, 365])
    aged.replaced(DAY)
    assert (aged.outlook(DAY + 1).reason, aged.outlook(DAY + 1).days) == (CALENDAR, 364)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2**25), st.integers(0, 2**25)), max_size=60),
    st.integers(0, 60),
    st.booleans(),
)
def test_it_goes_on_from_its_state(trips: Any, cut: int, reported: bool) -> None:
    whole, part, resumed = Consumable(OIL), Consumable(OIL), Consumable(OIL)
    day = DAY
    if reported:
        whole.replaced(day)
        part.replaced(day)
    for i, (later, real, adjusted) in enumerate(trips):
        day += later
        whole.add(day, real, adjusted)
        if i < cut:
            part.add(day, real, adjusted)
        if i == cut - 1:
            assert resumed.restore(part.state())
        if i >= cut > 0:
            resumed.add(day, real, adjusted)
    if 0 < cut <= len(trips):
        assert resumed.state() == whole.state()
        assert vars(resumed.outlook(day + 1)) == vars(whole.outlook(day + 1))
    assert all(0 <= number < 2**64 for number in whole.state())
    assert not resumed.restore(whole.state()[1:])


@pytest.mark.parametrize(
    "definition",
    [
        [1, [0], [1], 15_000_000],
        [0, [0], [1], 15_000_000, 365],
        [256, [0], [1], 15_000_000, 365],
        [1, [], [1], 15_000_000, 365],
        [1, [0], [], 15_000_000, 365],
        [1, [0], [1], 0, 0],
        [1, [0], [1], -1, 365],
        [1, [0], [1], 2**33, 365],
        [1, [0], [1], 1, 36_601],
    ],
)
def test_definitions_that_are_none_are_refused(definition: list[Any]) -> None:
    with pytest.raises(ValueError, match="consumable"):
        Consumable(definition)


def test_a_process_has_the_consumables_of_its_pack_with_their_words() -> None:
    private = packs.load("private-driving")
    found = definitions(private)
    assert [(item.id, item.key, item.title, item.unit, item.unit_size) for item in found] == [
        (1, "oil", "Engine oil", "km", 1000),
        (3, "tyres", "Tyres", "km", 1000),
        (4, "battery", "Starter battery", "1", 1),
        (5, "air-filter", "Air filter", "h", 36_000),
    ]
    totals = [0] * len(private.pack.period)
    totals[private.total_places("distance_m")[0]] = 10_000
    totals[private.total_places("oil_distance")[0]] = 12_500
    items = [item.new() for item in found]
    for item in items:
        item.replaced(DAY)
        item.add_totals(DAY, totals)
    assert [item.used() for item in items] == [(10_000, 12_500), (10_000, 10_000), (0, 0), (0, 0)]
    assert definitions(packs.load("wellness")) == []


def test_without_a_catalogue_consumables_are_called_by_their_numbers() -> None:
    nameless = Process(packs.load("private-driving").pack)
    assert [item.title for item in definitions(nameless)][:2] == ["consumable_1", "consumable_3"]
