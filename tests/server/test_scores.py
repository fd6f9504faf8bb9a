"""A person's score: what it is made of, on the API and on the page; and why there is none where there is none."""

import xml.etree.ElementTree as ET

import pytest

from headway_server.cohorts.epochs import close_epoch
from headway_server.pages import spider
from headway_server.reading.standings import score_of
from headway_server.store import tables

pytestmark = pytest.mark.anyio
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NOW_MS = 1_700_000_005_000  # of the server: 2023-11-14, a Tuesday
MONDAY_MS = 1_699_833_600_000  # 2023-11-13 00:00 UTC
SCORE = """
[score.far]
title = "Going far"
of = ["longest_km"]
weight = 3
about = "Long trips."

[score.calm]
title = "<script>$x^2$</script>"
of = ["hasty_per_100km"]
about = "Few events."
"""


@pytest.fixture(scope="session")
def scored(make, small):
    """The small pack with two axes, and compared from two trips on."""
    return make.pack(small.source.replace('about = "Trips."', 'about = "Trips."\nenough = "2"') + SCORE)


@pytest.fixture
async def drive(store, make, scored):
    """Commit trips: (km, events, days before the Monday of this week), ..."""
    await store.processes.add(store.database, scored, 1)
    boots = {}

    async def commit(device, *trips, vehicle_class="car", offset_min=None):
        boot = boots[device] = boots.get(device, 0) + 1
        messages = [make.up(make.birth(boot, vehicle_class=vehicle_class, process=scored.process), device)]
        for seq, (km, hasty, days_before) in enumerate(trips, 2):
            # Elapsed 20 minutes: the record is made at its end.
            wall_ms = MONDAY_MS + (12 - 24 * days_before) * HOUR_MS
            numbers = make.numbers(scored.process, distance_m=km * 1000, hasty=hasty)
            record = make.trip(boot, seq, numbers, wall_ms=wall_ms, offset_min=offset_min, process=scored.process)
            messages.append(make.up(record, device))
        await store.commit(*messages)

    return commit


async def close(store):
    await close_epoch(store.database, store.processes, 10, 1, even_if_empty=True)


async def score(client, person, **query):
    answer = await client.get(f"/api/v1/persons/{person}/score", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_place_in_the_benchmark_of_the_cohort(client, store, drive, scored):
    for i in range(20):  # the longest trip is 5 to 24 km; nobody is hasty but the last five
        await drive(f"depot/car-{i:02}", (5 + i, 0, 0), (5, 3 if i >= 15 else 0, 0))
    await close(store)
    found = await score(client, "depot/car-18")
    assert found["pack"]["id"] == scored.process.id.hex()
    assert (found["cohort"], found["epochs"], found["benchmark_epoch"]) == ("car", [1], 1)
    assert (found["trips"], found["km"], found["weeks"], found["among_own_weeks"]) == (2, 28.0, 0, False)
    # Among 20 a place is a quarter: the longest trips are in the best, 88; the events among the most, 13 (half of 12.5 up).
    assert [(axis["points"], axis["weight"]) for axis in found["axes"]] == [(88, 3), (13, 1)]
    assert [axis["characteristics"] for axis in found["axes"]] == [["longest_km"], ["hasty_per_100km"]]
    assert (found["points"], found["reason"]) == (69, None), "(3 * 88 + 13) / 4, half up"
    assert (found["last_week_points"], found["moved"]) == (None, None)
    (chance,) = found["chances"]
    assert (chance["characteristic"], chance["unit"]) == ("hasty_per_100km", "1/100 km")
    assert chance["value"] < 10.7, "3 events in 28 km"
    assert chance["points"] == 7, "(3 * 88 + 38) / 4 is 76, half up"


async def test_own_weeks_where_there_is_no_benchmark(client, drive):
    weeks = [(5 + week, 0, 7 * week - 3) for week in range(5, 0, -1)]  # the longest trips lie furthest back
    await drive("depot/car", *weeks, (9, 0, 0))  # the last in this week, which is not over
    found = await score(client, "depot/car")
    assert (found["weeks"], found["benchmark_epoch"], found["among_own_weeks"]) == (5, None, True)
    # The longest is 10 km, as in one of five weeks; the other four are below: 90. All are as calm: 50.
    assert [axis["points"] for axis in found["axes"]] == [90, 50]
    assert found["points"] == 80
    assert found["last_week_points"] is None, "that week has but four before it"


async def test_without_a_benchmark_and_five_weeks_there_is_none_and_why(client, drive, outline):
    await drive("depot/car", (5, 0, 0), (6, 0, 0), (7, 0, 8))
    found = await score(client, "depot/car")
    reason = (
        "0 of 2 axes have data, which is under half of the score's weight: no benchmark of the cohort is published, "
        "and of the last 13 weeks 1 have data, 5 are needed."
    )
    assert (found["points"], found["reason"]) == (None, reason)
    assert [axis["points"] for axis in found["axes"]] == [None, None]
    page = outline((await client.get("/person", params={"id": "depot/car"})).text)
    assert reason in page.text
    assert "img" not in page.tags
    assert page.text.count("no data") == 2
    assert (await client.get("/score.svg?id=depot/car")).status_code == 404


async def test_too_little_says_what_is_missing(client, store, make, drive):
    await drive("depot/car", (5, 0, 0))
    assert (await score(client, "depot/car"))["reason"] == "Too little to judge: trips 1 of at least 2."
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2, km=10)))
    found = await score(client, "depot/bus-1")
    assert found["reason"] == "Too little to judge: Trips 1 of at least 5 and Mileage 10.0 km of at least 20.0 km."


async def test_a_pack_without_axes_has_no_score(client, store, make, small, outline):
    await store.processes.add(store.database, small, 1)
    await store.commit(make.up(make.trip(1, 2, make.numbers(small.process), process=small.process)))
    assert (await score(client, "depot/bus-1"))["reason"] == "The pack has no score."
    page = outline((await client.get("/person?id=depot/bus-1")).text)
    assert page.all("h2", id="score") == []


async def test_totals_are_of_the_epochs_that_a_device_compares(client, store, drive):
    await drive("depot/car", (5, 0, 0))
    await close(store)
    await drive("depot/car", (6, 0, 0))
    await close(store)
    await drive("depot/car", (7, 0, 0))
    assert [(await score(client, "depot/car"))[key] for key in ("epochs", "km")] == [[2, 3], 13.0]
    await close(store)
    assert [(await score(client, "depot/car"))[key] for key in ("epochs", "km")] == [[3], 7.0]
    await close(store)
    await close(store)
    assert [(await score(client, "depot/car"))[key] for key in ("epochs", "km")] == [[3], 7.0], "the last with any"


async def test_a_person_of_two_classes_is_scored_by_the_one_with_most_trips(client, store, drive):
    await drive("depot/bus", (5, 0, 0), (6, 0, 0), vehicle_class="bus")
    await drive("depot/second", (50, 0, 9))
    async with store.database.write() as connection:
        for table in (tables.devices, tables.day_totals, tables.person_totals):
            await connection.execute(table.update().values(person="p"))
    found = await score(client, "p")
    assert (found["cohort"], found["trips"], found["km"], found["weeks"]) == ("bus", 2, 11.0, 0)


async def test_the_present_week_is_the_persons_own(store, drive, scored):
    await drive("depot/car", (5, 0, 1), (5, 0, 1), offset_min=60)  # a Sunday
    for now_ms, weeks in ((MONDAY_MS - HOUR_MS - 1, 0), (MONDAY_MS - HOUR_MS, 1), (MONDAY_MS + 92 * DAY_MS, 0)):
        async with store.database.read() as connection:
            assert (await score_of(connection, scored.process, "depot/car", now_ms)).weeks == weeks


async def test_a_persons_page_shows_the_score_and_a_table_of_it(client, store, drive, scored, outline):
    for i in range(10):
        await drive(f"depot/car-{i}", (5 + i, i % 2, 0), (5, 0, 1))
    await close(store)
    answer = await client.get("/person", params={"id": "depot/car-8"})
    page = outline(answer.text)
    found = await score(client, "depot/car-8")
    assert f"{found['points']} of 100" in " ".join(page.text.split())
    assert "From 2 trips and 18.0 km of epoch 1" in page.text
    assert "Among the people of cohort car (benchmark of epoch 1)." in page.text
    assert "In the latest whole week it was" in page.text
    choices = len(scored.process.period)  # of what is shown month by month
    assert len(page.all("li")) - choices == len(found["chances"]) <= 3
    (image,) = page.all("img", id="spider")
    # Ten persons are two knots: who has no event is at the lower one, 25 % of them, where the second quarter begins.
    assert image["alt"].startswith("Points of 2 axes, best at 100: Going far 88, <script>$x^2$</script> 63.")
    svg = await client.get(image["src"])
    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    root = ET.fromstring(svg.text)  # noqa: S314
    text = "".join(root.itertext())
    assert "<script>$x^2…" in text
    assert not [element for element in root.iter() if element.tag.endswith("script")]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/persons/nobody/score", 404),
        ("/api/v1/persons/depot/car/score?pack=00", 404),
        ("/score.svg", 422),
        ("/score.svg?id=nobody", 404),
        ("/score.svg?id=depot/car&theme=pink", 422),
        ("/score.svg?id=depot/car&size=huge", 422),
    ],
)
async def test_a_wrong_question_is_refused(client, drive, path, status):
    await drive("depot/car", (5, 0, 0))
    assert (await client.get(path)).status_code == status


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_a_spider_chart_has_every_axis_and_is_the_same_bytes_each_time(count, narrow):
    axes = [(f"A rather long title of {i}", 100 * i // 8) for i in range(count)]
    style = spider.look(dark=False, narrow=narrow)
    drawn = [spider.draw(axes, style) for _ in range(2)]
    assert drawn[0] == drawn[1]
    root = ET.fromstring(drawn[0])  # noqa: S314
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert sum(text == "A rather" for text in texts) == count
    assert {str(points) for _, points in axes} <= set(texts)
    width = float(root.attrib["width"].removesuffix("pt")) / 72
    assert width == pytest.approx(style.width)
