"""Consumables on the device: told from when they were replaced, counted trip by trip, the same after a restart."""

from headway_edge import packs
from headway_edge.core.consumable import DUE, LINE, NOT_YET, UNKNOWN
from headway_edge.own.own_consumables import OwnConsumables
from headway_protocol import service

PROCESS = packs.load("private-driving")
DAY = 20_500


def trip(metres: int) -> list[int]:
    """What a trip adds to the totals."""
    numbers = [0] * len(PROCESS.pack.cells)
    numbers[0], numbers[1] = metres // 10 + 1200, metres
    return PROCESS.totals(numbers)


def reasons(own: OwnConsumables, day: int) -> dict[int, int]:
    return {number: outlook.reason for number, _, outlook in own.outlooks(day)}


def test_every_consumable_of_the_pack_has_a_service_that_replaces_it() -> None:
    ids = [item[0] for item in PROCESS.pack.consumables]
    assert ids != []
    assert all(service.SERVICE_NAMES[number].endswith("changed") for number in ids)


def test_nothing_is_told_before_a_replacement_and_two_weeks() -> None:
    own = OwnConsumables(PROCESS)
    own.add(trip(20_000), DAY)
    assert set(reasons(own, DAY).values()) == {UNKNOWN}
    assert own.replaced(service.OIL_CHANGED, DAY)
    assert not own.replaced(service.REFUELLED, DAY)
    assert reasons(own, DAY)[service.OIL_CHANGED] == NOT_YET
    for day in range(40):
        own.add(trip(40_000), DAY + day)
    assert reasons(own, DAY + 40)[service.OIL_CHANGED] == LINE
    assert any("Engine oil: about" in line for line in own.lines(DAY + 40))
    assert reasons(own, DAY + 400)[service.OIL_CHANGED] == DUE


def test_short_trips_wear_the_oil_sooner_than_long_ones() -> None:
    days = {}
    for name, metres, times in (("short", 4000, 10), ("long", 40_000, 1)):
        own = OwnConsumables(PROCESS)
        own.replaced(service.OIL_CHANGED, DAY)
        for day in range(60):
            for _ in range(times):
                own.add(trip(metres), DAY + day)
        outlook = {number: found for number, _, found in own.outlooks(DAY + 60)}[service.OIL_CHANGED]
        days[name] = (outlook.days, outlook.real_days)
    assert days["short"][0] < days["long"][0]
    assert days["short"][1] == days["long"][1]


def test_a_restart_changes_nothing() -> None:
    own = OwnConsumables(PROCESS)
    own.replaced(service.OIL_CHANGED, DAY)
    for day in range(20):
        own.add(trip(30_000), DAY + day)
    again = OwnConsumables(PROCESS)
    again.restore(own.state())
    assert again.state() == own.state()
    assert again.lines(DAY + 20) == own.lines(DAY + 20)
    again.restore(None)
