"""A characteristic month by month: its line, what is expected next, and how the API and a person's page tell of it."""

import xml.etree.ElementTree as ET
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.packs.processes import shipped
from headway_server.reading.trend import (
    MONTHS_MAX,
    MONTHS_MIN,
    choose,
    fit,
    follow,
    month_label,
    predict,
    values_of,
    whole_months,
)

DAY_MS = 86_400_000
JULY_MS = 1_688_169_600_000  # 2023-07-01 00:00 UTC; the server's clock says 2023-11-14
_values = st.integers(-500_000, 500_000)
_months = st.dictionaries(st.integers(24_000, 24_060), _values, min_size=1, max_size=40)


def _line(points):
    """(slope, level at month 0) in fractions, by the normal equations."""
    n = len(points)
    sx, sy = sum(Fraction(x) for x, _ in points), sum(Fraction(y) for _, y in points)
    sxx, sxy = sum(Fraction(x) ** 2 for x, _ in points), sum(Fraction(x) * y for x, y in points)
    slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return slope, (sy - slope * sx) / n


@given(st.dictionaries(st.integers(24_000, 24_023), _values, min_size=MONTHS_MIN, max_size=MONTHS_MAX))
def test_the_line_is_that_of_least_squares(values):
    points = sorted(values.items())
    line = fit(points)
    slope, level = _line(points)
    assert line.slope == pytest.approx(float(slope), rel=1e-9, abs=1e-6)
    for month, _ in points:
        assert line.at(month) == pytest.approx(float(level + slope * month), rel=1e-9, abs=1e-5)


@given(st.lists(_values, min_size=5, max_size=MONTHS_MAX))
def test_the_error_of_the_slope_is_numpys(values):
    months = list(range(len(values)))
    _, covariance = np.polyfit(months, values, 1, cov=True)
    line = fit(list(zip(months, values, strict=True)))
    assert line.slope_error == pytest.approx(float(np.sqrt(covariance[0][0])), rel=1e-6, abs=1e-3)


@pytest.mark.parametrize("months", range(MONTHS_MIN, MONTHS_MAX + 1))
def test_chance_alone_is_called_clear_about_once_in_twenty(months):
    random = np.random.default_rng(7)
    clear = 0
    for _ in range(600):
        noise = random.normal(3000, 200, months)
        clear += fit([(i, round(value)) for i, value in enumerate(noise)]).is_clear
    assert 2 <= 100 * clear / 600 <= 8


@given(value=st.integers(-40_000_000, 40_000_000), months=st.integers(MONTHS_MIN, 60))
def test_a_constant_predicts_itself(value, months):
    found = predict([value] * months)
    step = 1 + abs(value) // (1 << 19)  # what is beyond the models is counted in coarser steps
    for number in found:
        assert abs(number - value) <= step - 1
    trend = follow(dict.fromkeys(range(24_000, 24_000 + months), value), 24_000 + months)
    assert (trend.line.slope, trend.line.is_clear) == (0, False)


@given(st.lists(st.integers(0, 3_000_000), min_size=MONTHS_MIN, max_size=60))
def test_what_is_expected_of_what_is_never_negative_is_not_either(values):
    value, low, high = predict(values)
    assert 0 <= low <= high
    assert value >= 0


def test_four_in_five_come_within_the_interval():
    random = np.random.default_rng(3)
    within = 0
    for _ in range(500):
        values = [round(value) for value in random.normal(3000, 150, 11)]
        _, low, high = predict(values[:-1])
        within += low <= values[-1] <= high
    assert 74 <= within / 5 <= 86


@given(values=_months, ahead=st.integers(1, 40))
def test_months_are_those_that_the_line_is_drawn_through_with_their_gaps(values, ahead):
    last = max(values)
    trend = follow(values, last + ahead)
    shown = [month for month, _ in trend.months]
    assert shown == list(range(shown[0], last + 1))
    assert all(value == values.get(month) for month, value in trend.months)
    known = [(month, value) for month, value in trend.months if value is not None]
    assert trend.known == len(known) <= MONTHS_MAX
    assert known == sorted(values.items())[-len(known) :]
    assert (trend.line is None) == (trend.expected is None) == (len(known) < MONTHS_MIN)
    if trend.line is not None:
        assert trend.line == fit(known)
        assert trend.expected.month == last + (ahead if ahead <= 12 else 1)


def test_a_gap_is_not_zero():
    level = dict.fromkeys((0, 1, 5, 6, 7), 400)
    assert follow(level, 8).line.slope == 0
    assert (follow(level, 8).expected.value, follow(level, 8).months[2]) == (400, (2, None))


def test_nothing_is_followed_where_there_is_nothing():
    found = follow({}, 24_000)
    assert (found.months, found.known, found.line, found.expected) == ([], 0, None, None)


@given(st.integers(0, 60_000))
def test_labels_of_months_are_those_of_the_calendar(month):
    year, number = month_label(month).rsplit("-", 1)
    assert 12 * int(year) + int(number) - 1 == month
    assert 1 <= int(number) <= 12


def test_fuel_efficiency_comes_first_where_it_is_known():
    process = next(pack.process for pack in shipped() if pack.process.name == "eco-driving")
    fuel = next(c for c in process.period if c.key == "fuel_km_per_l")

    class Totals:
        totals = [0] * len(process.pack.period)

    class Fuelled:
        totals = [1_000_000] * len(process.pack.period)

    assert fuel.value(Totals.totals) is None
    assert fuel.value(Fuelled.totals) is not None
    assert choose(process, [Totals, Fuelled], None) is fuel
    other = choose(process, [Totals], None)
    assert other.headline
    assert other is not fuel
    assert choose(process, [Totals], "fuel_km_per_l") is fuel
    with pytest.raises(ValueError, match=r"no characteristic 'fuel' of a period; it has trips, mileage_km"):
        choose(process, [Totals], "fuel")
    assert values_of(fuel, {3: Totals, 4: Fuelled}).keys() == {4}


@pytest.fixture
async def drive(store, make, small):
    """Commit one trip a month: (km, events, months after July 2023, of 31 days), ..."""
    await store.processes.add(store.database, small, 1)

    async def commit(*trips, device="depot/car"):
        messages = [make.up(make.birth(1, process=small.process), device)]
        for seq, (km, hasty, after) in enumerate(trips, 2):
            numbers = make.numbers(small.process, distance_m=km * 1000, hasty=hasty)
            # On the second of a month, or a day beside it.
            wall_ms = JULY_MS + (2 + 30 * after + after // 2) * DAY_MS
            messages.append(make.up(make.trip(1, seq, numbers, wall_ms=wall_ms, process=small.process), device))
        await store.commit(*messages)
        return device

    return commit


async def ask(client, person, status=200, **query):
    answer = await client.get(f"/api/v1/persons/{person}/trend", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.mark.anyio
async def test_the_api_tells_months_line_and_expectation(client, drive, small):
    # May is left out; November is under way.
    person = await drive((10, 1, -3), (10, 2, -1), (10, 3, 0), (10, 4, 1), (10, 9, 4))
    found = await ask(client, person, characteristic="hasty_per_100km")
    assert (found["person"], found["characteristic"], found["unit"]) == (person, "hasty_per_100km", "1/100 km")
    assert found["pack"]["id"] == small.process.id.hex()
    assert [(m["month"], m["value"]) for m in found["months"]] == [
        ("2023-04", 10.0),
        ("2023-05", None),
        ("2023-06", 20.0),
        ("2023-07", 30.0),
        ("2023-08", 40.0),
    ]
    # Through (0, 10), (2, 20), (3, 30), (4, 40): middle (2.25, 25), slope 65 / 8.75.
    assert found["line"]["months"] == 4
    assert found["line"]["slope_per_month"] == pytest.approx(65 / 8.75)
    assert found["line"]["first"] == pytest.approx(25 - 2.25 * 65 / 8.75)
    assert found["line"]["last"] == pytest.approx(25 + 1.75 * 65 / 8.75)
    assert found["line"]["clear"] is True
    expected = found["expected"]
    assert (expected["month"], expected["share_pct"]) == ("2023-11", 80)
    assert 10 <= expected["value"] <= 40
    assert 0 <= expected["low"] <= expected["value"] <= expected["high"]
    # Without a choice the first for the headline that has a better and a worse; every such one can be asked for.
    assert (await ask(client, person))["characteristic"] == "longest_km"
    assert (await ask(client, person, pack=small.process.id.hex(), characteristic="mileage_km"))["line"] is not None


@pytest.mark.anyio
async def test_under_four_whole_months_there_is_none_yet(client, drive, outline):
    person = await drive((10, 1, 0), (10, 2, 1), (10, 3, 2), (10, 4, 4))
    found = await ask(client, person)
    assert (len(found["months"]), found["line"], found["expected"]) == (3, None, None)
    page = outline((await client.get("/person", params={"id": person})).text)
    assert "Not yet: 3 of at least 4 whole months have a value." in page.text
    assert "img" not in page.tags
    assert (await client.get("/trend.svg", params={"id": person})).status_code == 404


@pytest.mark.anyio
async def test_the_page_says_what_the_chart_shows(client, drive, small, outline):
    person = await drive((10, 1, -3), (10, 2, -1), (10, 3, 0), (10, 4, 1))
    query = {"id": person, "characteristic": "hasty_per_100km", "context": "-long"}
    page = outline((await client.get("/person", params=query)).text)
    (image,) = page.all("img", id="trend-chart")
    assert "Over the 4 months with a value from 2023-04 to 2023-08 the trend rose from" in image["alt"]
    assert "for the worse: 7.43 ±" in image["alt"]
    assert "Expected of 2023-11:" in page.text
    chosen = [a["href"] for a in page.all("a") if a.get("aria-current") and "characteristic" in a["href"]]
    (link,) = chosen
    assert "context=-long" in link
    assert page.all("input", type="hidden", name="characteristic", value="hasty_per_100km")
    for more in ("", "&theme=dark", "&size=narrow"):
        svg = await client.get(image["src"] + more)
        assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
        drawn = "".join(ET.fromstring(svg.text).itertext())  # noqa: S314
        assert "2023-11" in drawn
        assert "expected, 80 %" in drawn
        assert "Haste per 100 km" in drawn


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/persons/nobody/trend", 404),
        ("/api/v1/persons/depot/car/trend?pack=00", 404),
        ("/api/v1/persons/depot/car/trend?characteristic=fuel", 404),
        (f"/api/v1/persons/depot/car/trend?characteristic={'x' * 65}", 422),
        ("/trend.svg", 422),
        ("/trend.svg?id=nobody", 404),
        ("/trend.svg?id=depot/car&characteristic=fuel", 404),
        ("/trend.svg?id=depot/car&theme=pink", 422),
        ("/person?id=depot/car&characteristic=fuel", 404),
    ],
)
async def test_a_wrong_question_is_refused(client, drive, path, status):
    await drive((10, 1, 0))
    answer = await client.get(path)
    assert (answer.status_code, "detail" in answer.json()) == (status, True)


def test_the_month_under_way_and_days_without_a_date_are_left_out(small):
    from headway_server.totals.periods import UNDATED, number_of, period_of
    from headway_server.totals.tally import Tally

    today = number_of(period_of(19_675, "day").first)  # 2023-11-14
    tally = Tally(1, 5000, small.process.totals([0] * len(small.process.pack.cells)))
    days = [(UNDATED, 0, tally), (19_600, 0, tally), (19_661, 0, tally), (19_662, 0, tally), (30_000, 0, tally)]
    found = whole_months(small.process, days, today)
    assert [month_label(month) for month in sorted(found)] == ["2023-08", "2023-10"], "19_662 is 1 November"
