"""Days of a wearable on the server: counted on the day that they are of, and never shown person beside person."""

import xml.etree.ElementTree as ET

import pytest

from headway_server.cohorts.epochs import close_epoch

pytestmark = pytest.mark.anyio
HOUR_MS = 3_600_000
EVENING_MS = 1_699_984_800_000  # 2023-11-14 18:00 UTC, a Tuesday


@pytest.fixture
def days(make, wellness):
    """Messages of a person's days, each from 8 pm to 8 pm local time, from that Tuesday evening on."""

    def messages(device, steps, offset_min=120):
        found = [make.up(make.birth(1, vehicle_class="actigraph", process=wellness.process), device)]
        for i, taken in enumerate(steps):
            numbers = make.numbers(
                wellness.process, elapsed_ds=864_000, distance_m=0, steps_taken=taken, steps_seen=1, worn_time=432_000
            )
            ended_ms = EVENING_MS + 24 * (i + 1) * HOUR_MS
            body = make.trip(1, 2 + i, numbers, wall_ms=ended_ms, offset_min=offset_min,
                             process=wellness.process)  # fmt: skip
            found.append(make.up(body, device))
        return found

    return messages


async def test_a_night_belongs_to_the_day_after_it(client, store, days):
    await store.commit(*days("band/one", [5000, 7000]))
    found = (await client.get("/api/v1/persons/band/one/periods", params={"by": "day"})).json()
    assert [(p["period"], p["values"]["mean_steps"]["value"]) for p in found["periods"]] == [
        ("2023-11-16", 7000),
        ("2023-11-15", 5000),
    ]
    trips = (await client.get("/api/v1/trips")).json()["trips"]
    assert [(trip["day"], trip["start"]) for trip in trips] == [
        ("2023-11-16", "2023-11-15T18:00:00Z"),
        ("2023-11-15", "2023-11-14T18:00:00Z"),
    ]


async def test_persons_are_not_set_beside_each_other(client, store, days, wellness, outline):
    for i in range(12):
        await store.commit(*days(f"band/person-{i:02}", [4000 + 100 * i]))
    chosen = {"pack": wellness.process.id.hex(), "characteristic": 552}

    async def look(**query):
        answer = await client.get("/", params={**chosen, **query})
        assert answer.status_code == 200
        page = outline(answer.text)
        assert "band/person" not in answer.text
        for steps in (4000, 5100):  # the lowest and the highest person's own
            assert str(steps) not in page.text
        return page

    page = await look()
    assert "12 persons in this cohort and epoch. Their distribution is shown once it is published" in page.text
    assert page.all("img") == []
    assert (await client.get("/chart.svg", params=chosen)).status_code == 404
    await close_epoch(store.database, store.processes, 10, 1)
    for query in ({}, {"sort": "552", "order": "down"}, {"sort": "person"}):
        page = await look(**query)
        assert "Published knots of epoch 1: Steps a day, 12 persons" in page.text
        assert "12 persons; means of at least five of them, from 4250 to 4850." in page.text
        assert page.tags.count("table") == 1
        (image,) = page.all("img", id="chart")
    svg = await client.get(image["src"])
    assert svg.status_code == 200
    text = "".join(ET.fromstring(svg.text).itertext())  # noqa: S314
    assert ("a person" in text, "published knot" in text) == (False, True)
    assert page.all("input", name="id") != []
    assert (await client.get("/person", params={"id": "band/person-03"})).status_code == 200


async def test_under_the_floor_nothing_but_the_count_is_shown(client, store, days, wellness, outline):
    for i in range(4):
        await store.commit(*days(f"band/person-{i}", [4000 + 100 * i]))
    await close_epoch(store.database, store.processes, 10, 1)
    answer = await client.get("/", params={"pack": wellness.process.id.hex(), "characteristic": 552})
    page = outline(answer.text)
    assert "No benchmark was published at the close of epoch 1: 4 of at least 10 persons." in page.text
    assert "4 persons in this cohort and epoch." in page.text
    assert "band/person" not in answer.text
    assert (page.all("img"), page.tags.count("table")) == ([], 0)


async def test_a_persons_own_page_has_days_and_says_what_it_lacks(client, store, days):
    await store.commit(*days("band/one", [5000] * 3))
    page = (await client.get("/person", params={"id": "band/one"})).text
    assert "2023-W46" in page
    assert "Too little to judge: days 3 of at least 7." in page
