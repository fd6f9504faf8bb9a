"""Time-driven costs: which rate applies, and money that adds up to the cent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_simulators.costing.cost_rates import CostRates, by_customer, cents, cost
from headway_simulators.costing.event_log import Activity
from headway_simulators.errors import SimulatorError


def activity(customer: str, name: str, time_q: int, resource: str = "") -> Activity:
    return Activity(0, 0, time_q, customer, name, "", resource)


def test_the_textbook_case() -> None:
    """Kaplan and Anderson's customer service: 560,000 a quarter, 700,000 minutes; an order takes 8, a credit check 50."""
    rates = CostRates.parsed(["560000/11666.6666666666666666667"])
    rate = rates.of("any", "")
    assert rate is not None
    assert rate / 60 == pytest.approx(Decimal("0.80"), abs=Decimal("1e-15"))
    assert cents(cost(Decimal(800) / 60, rate)) == Decimal("6.40")
    assert cents(cost(Decimal(5000) / 60, rate)) == Decimal("40.00")


def test_a_resources_rate_goes_before_an_activitys_and_that_before_the_others() -> None:
    rates = CostRates.parsed(["40", "Train=50", "resource:Expert=90.50", "a=b=1"])
    assert rates.of("Repair", "") == 40
    assert rates.of("Train", "Helper") == 50
    assert rates.of("Train", "Expert") == Decimal("90.50")
    assert rates.of("a=b", "") == 1


@pytest.mark.parametrize("text", ["forty", "-1", "1/0", "nan", "inf", "=5", "Train=", "1/2/3", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(SimulatorError, match="cost rate"):
        CostRates.parsed([text])


@pytest.mark.parametrize("texts", [["1", "2"], ["a=1", "a=2"], ["resource:a=1", "resource:a=1"]])
def test_a_rate_that_is_there_twice_is_refused(texts: list[str]) -> None:
    with pytest.raises(SimulatorError, match="there twice"):
        CostRates.parsed(texts)
    assert CostRates.parsed(["a=1", "resource:a=1"])


def test_costs_are_told_by_customer_the_highest_first() -> None:
    done = [
        activity("Ada", "Repair", 150),
        activity("Bob", "Train", 100),
        activity("Ada", "Train", 50),
        activity("Cy", "Visit", 9),
    ]
    forecasts = [[Decimal(100)], [Decimal(100)], [Decimal(100)], [Decimal(100)]]
    ada, bob, cy = by_customer(done, forecasts, CostRates.parsed(["Repair=40", "Train=60"]))
    assert (ada.customer, ada.activities, ada.time_q, ada.cost, ada.forecast) == ("Ada", 2, 200, 90, [100])
    assert (bob.customer, bob.cost, bob.forecast) == ("Bob", 60, [60])
    # Without a rate nothing is made up.
    assert (cy.cost, cy.forecast, cy.without_rate, cy.time_q) == (0, [0], 1, 9)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1 << 20)), min_size=1),
    st.decimals(0, 1000, places=2),
)
def test_the_costs_of_customers_add_up_to_the_cost_of_all_time(done: list[tuple[str, int]], rate: Decimal) -> None:
    rows = by_customer([activity(who, "x", time_q) for who, time_q in done], [[] for _ in done], CostRates(rate))
    assert sum(row.cost for row in rows) == sum(time_q for _, time_q in done) * rate / 100
    assert sum(row.activities for row in rows) == len(done)
