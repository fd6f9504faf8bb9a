"""Persons: their periods over the API and on a page of their own."""

import pytest

pytestmark = pytest.mark.anyio
DAY_MS = 86_400_000
START_MS = 1_700_000_000_000  # 2023-11-14, a Tuesday


@pytest.fixture
async def person(store, make, small):
    """Trips of depot/car: two in one week, a long one in the next, one by a clock that was never set."""
    await store.processes.add(store.database, small, 1)
    drives = [(5, 0, 0, 3), (7, 1, -50, 0), (30, 7, 10, 2), (2, None, 0, 0)]
    messages = [make.up(make.birth(1, process=small.process), "depot/car")]
    for seq, (km, day, coldest, hasty) in enumerate(drives, 2):
        numbers = make.numbers(small.process, distance_m=km * 1000, elapsed_ds=36_000, coldest=coldest, hasty=hasty)
        wall_ms = None if day is None else START_MS + day * DAY_MS
        boot = 1 if wall_ms is not None else 2  # of which nothing has a date
        record = make.trip(boot, seq, numbers, wall_ms=wall_ms, offset_min=60, process=small.process)
        messages.append(make.up(record, "depot/car"))
    await store.commit(*messages)
    return "depot/car"


async def periods(client, person, **query):
    answer = await client.get(f"/api/v1/persons/{person}/periods", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_periods_have_every_characteristic_with_its_error_of_counting(client, person, small):
    found = await periods(client, person, by="week")
    assert (found["person"], found["by"], found["context"], found["next"]) == ("depot/car", "week", {}, None)
    assert found["pack"] == {"id": small.process.id.hex(), "name": "small", "version": 1}
    assert [(p["period"], p["first_day"], p["last_day"], p["trips"], p["km"]) for p in found["periods"]] == [
        ("2023-W47", "2023-11-20", "2023-11-26", 1, 30.0),
        ("2023-W46", "2023-11-13", "2023-11-19", 2, 12.0),
        (None, None, None, 1, 2.0),
    ]
    assert found["periods"][1]["values"] == {
        "mileage_km": {"value": 12.0, "unit": "km", "counting_error": None},
        "longest_km": {"value": 7.0, "unit": "km", "counting_error": None},
        # 3 in 12 km: 25.0 in 100 km, plus or minus the root of 3 in 12 km
        "hasty_per_100km": {"value": 25.0, "unit": "1/100 km", "counting_error": 14.4},
    }


@pytest.mark.parametrize(
    ("context", "told", "km"),
    [
        ("long", {"long": True}, [30.0]),
        ("-long", {"long": False}, [12.0, 2.0]),
        ("-long,cold", {"long": False, "cold": True}, [7.0]),
        ("long,cold", {"long": True, "cold": True}, []),
    ],
)
async def test_periods_are_told_apart_by_context(client, person, context, told, km):
    found = await periods(client, person, by="week", context=context)
    assert found["context"] == told
    assert [p["km"] for p in found["periods"]] == km


async def test_periods_are_paged_backwards(client, person):
    first = await periods(client, person, by="day", limit=1)
    assert ([p["period"] for p in first["periods"]], first["next"]) == (["2023-11-21"], "2023-11-21")
    second = await periods(client, person, by="day", limit=2, before=first["next"])
    assert ([p["period"] for p in second["periods"]], second["next"]) == (["2023-11-15", "2023-11-14"], "2023-11-14")
    third = await periods(client, person, by="day", limit=2, before=second["next"])
    assert ([p["period"] for p in third["periods"]], third["next"]) == ([None], None)
    assert [p["period"] for p in (await periods(client, person, by="month"))["periods"]] == ["2023-11", None]
    assert [p["period"] for p in (await periods(client, person, by="year"))["periods"]] == ["2023", None]


async def test_devices_of_one_person_are_merged(client, store, make, small, person):
    from headway_server.store.tables import devices

    numbers = make.numbers(small.process, distance_m=9000)
    await store.commit(make.up(make.birth(1, process=small.process), "depot/second"))
    async with store.database.write() as connection:
        await connection.execute(devices.update().where(devices.c.device == "depot/second").values(person="depot/car"))
    await store.commit(make.up(make.trip(1, 2, numbers, process=small.process), "depot/second"))
    found = await periods(client, "depot/car", by="day")
    assert [(p["period"], p["trips"], p["km"]) for p in found["periods"]][-2] == ("2023-11-14", 2, 14.0)


async def test_the_pack_with_most_trips_comes_first_and_others_can_be_asked_for(client, store, make, small, person):
    await store.commit(make.up(make.trip(2, 1, km=11), person))
    assert (await periods(client, person))["pack"]["name"] == "small"
    other = await periods(client, person, pack=make.pack_id.hex())
    assert (other["pack"]["name"], other["periods"][0]["km"]) == ("private-driving", 11.0)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("depot/nobody/periods", 404),
        ("x/periods", 404),
        ("depot/car%00/periods", 404),
        (f"{'x' * 3000}/periods", 404),
        ("depot/car/periods?pack=00", 404),
        ("depot/car/periods?by=decade", 422),
        ("depot/car/periods?context=night", 422),
        ("depot/car/periods?context=long,-long", 422),
        ("depot/car/periods?before=yesterday", 422),
        ("depot/car/periods?limit=0", 422),
        ("depot/car/periods?before=0001-01-01", 200),
        ("depot%2Fcar/periods?before=9999-12-31", 200),
    ],
)
async def test_a_wrong_question_is_refused(client, person, path, status):
    answer = await client.get(f"/api/v1/persons/{path}")
    assert answer.status_code == status
    assert status == 200 or "detail" in answer.json()


async def test_the_page_shows_months_and_weeks_in_a_context(client, person, small, outline):
    answer = await client.get("/person", params={"id": person})
    page = outline(answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert page.tags.count("table") == page.tags.count("caption") == 3, "months, weeks, and what has no date"
    assert "25.0 ± 14.4" in page.text
    assert "Haste per 100 km" in page.text
    assert [a["value"] for a in page.all("option")] == ["", "long", "-long", "", "cold", "-cold"]
    cold = outline((await client.get("/person", params={"id": person, "context": ["", "cold"]})).text)
    assert [a["value"] for a in cold.all("option") if "selected" in a] == ["", "cold"]
    assert "2023-W47" not in cold.text
    assert "2023-W46" in cold.text
    none = outline((await client.get("/person", params={"id": person, "context": "long,cold"})).text)
    assert "No trips in this context." in none.text


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("id=", 404), ("id=%00", 404), ("id=depot/car&pack=x", 404), ("id=depot/car&context=x", 422)],
)
async def test_a_wrong_question_has_no_page(client, person, query, status):
    assert (await client.get(f"/person?{query}")).status_code == status


async def test_drivers_link_to_their_pages_and_packs_can_be_chosen(client, store, make, small, person, outline):
    await store.commit(*make.fleet(3))
    page = outline((await client.get("/")).text)
    assert "Private driving" in page.text
    links = [a["href"] for a in page.all("a") if a["href"].startswith("person?")]
    assert len(links) == 3, "the pack of most people is shown"
    assert (await client.get("/" + links[0])).status_code == 200
    (other,) = [a["href"] for a in page.all("a") if a["href"].endswith(f"pack={small.process.id.hex()}#distribution")]
    chosen = outline((await client.get("/" + other)).text)
    assert "Longest trip (km)" in chosen.text
    assert "depot/car-001" not in chosen.text
    assert (await client.get("/", params={"pack": "00"})).status_code == 404


async def test_hostile_names_are_text_on_a_person_s_page(client, store, make, outline):
    from headway_server.store.tables import devices

    name = "<script>alert(1)</script>&{{ 7*7 }}"
    await store.commit(make.up(make.birth(1)))
    async with store.database.write() as connection:
        await connection.execute(devices.update().values(person=name))
    await store.commit(make.up(make.trip(1, 2)))
    answer = await client.get("/person", params={"id": name})
    page = outline(answer.text)
    assert answer.status_code == 200
    assert "script" not in page.tags
    assert name in page.text
