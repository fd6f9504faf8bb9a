"""The page: what it shows of a fleet, that it escapes what devices say, and that it has an answer for no data."""

import xml.etree.ElementTree as ET

import pytest

from headway_server.cohorts.epochs import close_epoch
from headway_server.pages import chart
from headway_server.reading.labels import label_of

pytestmark = pytest.mark.anyio


async def test_an_empty_fleet_is_told_how_to_begin(client, outline):
    answer = await client.get("/")
    assert answer.status_code == 200
    page = outline(answer.text)
    assert "No trips yet. Start an agent with" in page.text
    assert "img" not in page.tags
    assert (await client.get("/chart.svg")).status_code == 404


async def test_the_page_shows_the_cohort_its_benchmark_and_its_drivers(client, store, make, outline):
    await store.commit(*make.fleet(22, trips=3))
    await close_epoch(store.database, store.processes, 10, 1_700_000_000_000)
    answer = await client.get("/", params={"characteristic": 101})
    page = outline(answer.text)
    assert page.all("html", lang="en")
    assert "1,023" in page.text.replace("\n", " "), "22 persons, 3 trips each of 5 to 26 km"
    assert "Published to the devices of this cohort at the close of epoch 1." in page.text
    (image,) = page.all("img", id="chart")
    assert image["alt"].startswith(
        "Cumulative distribution of Mileage (km) in cohort car: 22 persons, from 15.0 to 78.0 km"
    )
    assert "Published knots of epoch 1: Mileage (km), 22 persons" in page.text
    assert page.tags.count("table") == page.tags.count("caption") == 3
    assert page.text.count("depot/car-0") == 44, "each driver in the table of dots and in the table of drivers"
    assert "script" not in page.tags
    assert "script" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_cohort_under_the_floor_is_told_why_it_has_no_benchmark(client, store, make):
    await store.commit(*make.fleet(4))
    assert "No benchmark would be published now: 4 of at least 10 persons." in (await client.get("/")).text
    await close_epoch(store.database, store.processes, 10, 1_700_000_000_000)
    page = (await client.get("/", params={"epoch": 1})).text
    assert "No benchmark was published at the close of epoch 1: 4 of at least 10 persons." in page


async def test_an_old_benchmark_is_named_as_old(client, store, make):
    await store.commit(*make.fleet(10))
    await close_epoch(store.database, store.processes, 10, 1_700_000_000_000)
    await store.commit(make.up(make.trip(1, 9), "depot/car-000"))
    assert "Shown is the one of epoch 1, which devices still hold." in (await client.get("/")).text


async def test_hostile_names_are_text(client, store, make, outline):
    name = "<script>alert(1)</script>\"'&{{ 7*7 }}=$x^2$"
    await store.commit(make.up(make.birth(1, vehicle_class=name, firmware=name)), make.up(make.trip(1, 2)))
    answer = await client.get("/")
    page = outline(answer.text)
    assert "script" not in page.tags
    assert f"in cohort {name}: " in page.all("img", id="chart")[0]["alt"]
    assert "49" not in page.text
    svg = await client.get(page.all("img", id="chart")[0]["src"])
    assert svg.status_code == 200
    root = ET.fromstring(svg.text)  # noqa: S314
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    assert name in "".join(root.itertext())


async def test_every_characteristic_has_a_page_and_a_chart(client, store, make, outline):
    await store.commit(*make.fleet(3))
    for characteristic in make.process.period:
        page = outline((await client.get("/", params={"characteristic": characteristic.id})).text)
        assert characteristic.about in page.text
        images = page.all("img", id="chart")
        if not images:
            assert "Nobody in this cohort has a value yet" in page.text
            continue
        answer = await client.get(images[0]["src"])
        assert answer.headers["content-type"] == "image/svg+xml"
        text = "".join(ET.fromstring(answer.text).itertext())  # noqa: S314
        assert label_of(characteristic) in text
        assert "n = 3" in text


async def test_values_that_nobody_has_are_not_drawn_as_zero(client, store, make, outline):
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2, make.trip_counts(km=0))))
    answer = await client.get("/", params={"characteristic": 107})
    assert "Nobody in this cohort has a value yet" in answer.text
    assert "img" not in outline(answer.text).tags


async def test_drivers_are_sorted_by_query(client, store, make):
    await store.commit(*make.fleet(4))

    async def order(**query):
        page = (await client.get("/", params=query)).text.split('id="drivers-table"')[1]
        return [part[:3] for part in page.split("depot/car-")[1:]]

    assert await order() == ["000", "001", "002", "003"]
    assert await order(sort="person", order="down") == ["003", "002", "001", "000"]
    assert await order(sort="101", order="down") == ["003", "002", "001", "000"]
    assert await order(sort="108", order="up") == ["003", "002", "001", "000"], "more km, fewer brakings in each"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("characteristic=99", 404),
        ("characteristic=20", 404),
        ("epoch=9", 404),
        ("epoch=x", 422),
        ("sort=;drop", 422),
        ("order=sideways", 422),
        ("cohort=" + 65 * "x", 422),
        ("cohort=nobody", 200),
        ("sort=999", 200),
    ],
)
async def test_a_wrong_query_is_refused_or_ignored(client, store, make, query, status):
    await store.commit(*make.fleet(2))
    assert (await client.get(f"/?{query}")).status_code == status


def test_a_chart_is_the_same_bytes_each_time(make):
    style = chart.look(dark=False, narrow=False)
    drawn = [chart.draw(make.process.by_id[103], [1, 5, 9], ([300], [5]), "n = 3", style) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert b"<dc:date>" not in drawn[0]
    assert b"<text" in drawn[0], "text is text, not outlines"


async def test_style_and_icon_are_served(client):
    for path, kind in (("static/style.css", "text/css"), ("static/icon.svg", "image/svg+xml")):
        answer = await client.get(f"/{path}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
