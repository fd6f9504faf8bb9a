"""The API: what it says about a small fleet, and how it refuses."""

import dataclasses

import httpx
import pytest

from headway_server.app import create_app
from headway_server.settings import ServerSettings

pytestmark = pytest.mark.anyio
TOKEN = {"Authorization": "Bearer let-me-close"}


def pack(process):
    return {"id": process.id.hex(), "name": process.name, "version": process.version}


async def test_health_says_what_works(client, store, make):
    assert (await client.get("/healthz")).json() == {
        "ok": True,
        "database": True,
        "broker": None,
        "queue_depth": 0,
        "last_commit_age_s": None,
        "held_back": 0,
        "restored": None,
    }
    await store.commit(make.up(make.birth(1)))
    assert (await client.get("/healthz")).json()["last_commit_age_s"] == 5.0


async def test_a_database_that_fails_is_a_503_and_not_a_trace(client, store):
    await store.database.close()
    async with store.database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE devices")
    answer = await client.get("/api/v1/devices")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the database does not answer; try again later, see /healthz"}


async def test_devices_are_listed_in_pages(client, store, make):
    await store.commit(*make.fleet(5, trips=1))
    first = (await client.get("/api/v1/devices", params={"limit": 3})).json()
    assert [d["device"] for d in first["devices"]] == ["depot/car-000", "depot/car-001", "depot/car-002"]
    second = (await client.get("/api/v1/devices", params={"limit": 3, "after": first["next"]})).json()
    assert [d["device"] for d in second["devices"]] == ["depot/car-003", "depot/car-004"]
    assert second["next"] is None
    assert second["devices"][0] == {
        "device": "depot/car-003",
        "person": "depot/car-003",
        "vehicle_class": "car",
        "firmware": "headway 0.1.0",
        "pack": pack(make.process),
        "offered_pack_id": None,
        "boot": 1,
        "online": False,
        "first_seen": "2023-11-14T22:13:20Z",
        "last_seen": "2023-11-14T22:13:20Z",
        "clock": "synced",
        "backlog": 0,
        "dropped": 0,
        "records": 2,
        "trips": 1,
        "km": 8.0,
        "duplicates": 0,
        "rejected": 0,
        "conflicts": 0,
    }


async def test_one_device_shows_gaps_and_losses(client, store, make):
    await store.commit(make.up(make.trip(1, 1)), make.up(make.trip(1, 5)), make.up(make.loss(2, 1, 1, 2, 3)))
    found = (await client.get("/api/v1/devices/depot/bus-1")).json()
    assert found["boots"] == [{"boot": 2, "upto": 1, "highest": 1}, {"boot": 1, "upto": 3, "highest": 5}]
    assert found["losses"] == [{"boot": 1, "first_seq": 2, "last_seq": 3, "reason": "storage full"}]


@pytest.mark.parametrize("path", ["depot/nobody", "depot/BUS", "depot/%00", "depot/' OR 1=1"])
async def test_a_device_that_never_spoke_is_not_found(client, path):
    answer = await client.get(f"/api/v1/devices/{path}")
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


async def test_trips_have_every_characteristic_with_its_unit(client, store, make):
    await store.commit(make.up(make.trip(1, 1, km=10, minutes=20, idle_s=60)))
    (trip,) = (await client.get("/api/v1/trips")).json()["trips"]
    assert (trip["device"], trip["boot"], trip["seq"], trip["epoch"], trip["clock"]) == (
        "depot/bus-1",
        1,
        1,
        1,
        "synced",
    )
    assert (trip["start"], trip["end"]) == ("2023-11-14T21:53:20Z", "2023-11-14T22:13:20Z")
    assert trip["characteristics"]["distance_km"] == {"value": 10.0, "unit": "km"}
    assert trip["characteristics"]["idle_share_pct"] == {"value": 5.0, "unit": "%"}
    assert trip["characteristics"]["mean_speed_kmh"] == {"value": 30.0, "unit": "km/h"}
    assert list(trip["characteristics"]) == [c.key for c in make.process.trip]
    assert (trip["day"], trip["revises"], trip["superseded"]) == ("2023-11-14", None, False)
    assert trip["contexts"] == {"night": False, "weekend": False, "short": True}
    assert trip["pack"] == pack(make.process)
    assert trip["gates"] == {
        "gaps": 2,
        "gap_s": 3.5,
        "bridged_m": 120,
        "duplicate": 0,
        "backwards": 0,
        "out_of_range": 0,
        "missing": 0,
        "too_short": 0,
    }


async def test_a_trip_without_a_clock_has_no_times(client, store, make):
    await store.commit(make.up(make.trip(1, 1, wall_ms=None)))
    (trip,) = (await client.get("/api/v1/trips")).json()["trips"]
    assert (trip["start"], trip["end"], trip["clock"], trip["day"]) == (None, None, "unsynced", None)


async def test_trips_are_paged_without_repeats_while_more_come_in(client, store, make):
    await store.commit(*(make.up(make.trip(1, seq)) for seq in range(1, 6)))
    await store.commit(make.up(make.trip(1, 1), "depot/other"))
    first = (await client.get("/api/v1/trips", params={"device": "depot/bus-1", "limit": 2})).json()
    await store.commit(make.up(make.trip(1, 6)))
    more = {"device": "depot/bus-1", "limit": 3, "cursor": first["next"]}
    second = (await client.get("/api/v1/trips", params=more)).json()
    assert [t["seq"] for t in first["trips"] + second["trips"]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=many",
        "cursor=0",
        "cursor=99999999999999999999",
        "device=" + 66 * "x",
        "device=%00",
    ],
)
async def test_a_wrong_query_is_refused(client, query):
    answer = await client.get(f"/api/v1/trips?{query}")
    assert answer.status_code == 422
    assert "detail" in answer.json()


async def test_cohorts_of_the_open_and_the_last_closed_epoch(client, store, make):
    assert (await client.get("/api/v1/cohorts")).json()["last_closed"] is None
    await store.commit(*make.fleet(10, trips=2))
    await client.post("/api/v1/epochs/close", headers=TOKEN)
    await store.commit(make.up(make.trip(1, 9, km=12), "depot/car-000"))
    found = (await client.get("/api/v1/cohorts")).json()
    assert found["open"]["cohorts"] == [
        {"cohort": "car", "pack": pack(make.process), "persons": 1, "trips": 1, "km": 12.0}
    ]
    assert found["last_closed"]["epoch"] == 1
    assert found["last_closed"]["cohorts"] == [
        {"cohort": "car", "pack": pack(make.process), "persons": 10, "trips": 20, "km": 190.0}
    ]


async def test_benchmarks_are_shown_as_devices_get_them(client, store, make):
    await store.commit(*make.fleet(22), *make.fleet(3, vehicle_class="bus", prefix="bus"))
    closed = (await client.post("/api/v1/epochs/close", headers=TOKEN, json={"expected": 1})).json()
    held_back = {
        "cohort": "bus",
        "pack": pack(make.process),
        "characteristic": None,
        "persons": 3,
        "reason": "3 of at least 10 persons",
    }
    assert closed["withheld"][0] == held_back
    assert (closed["epoch"], closed["persons"], closed["messages"]) == (1, 25, 22)
    assert closed["cohorts"] == [{"cohort": "car", "pack": pack(make.process), "persons": 22}]
    found = (await client.get("/api/v1/benchmarks")).json()
    assert found["withheld"] == closed["withheld"]
    (benchmark,) = found["benchmarks"]
    assert (benchmark["cohort"], benchmark["epoch"], benchmark["pack"]) == ("car", 1, pack(make.process))
    assert benchmark["tables"][1] == {
        "id": 101,
        "key": "mileage_km",
        "unit": "km",
        "persons": 22,
        "knots": [
            {"share_pct": 13.6, "value": 15.0},
            {"share_pct": 38.6, "value": 26.0},
            {"share_pct": 61.4, "value": 36.0},
            {"share_pct": 86.4, "value": 47.0},
        ],
    }
    assert (await client.get("/api/v1/benchmarks", params={"epoch": 1})).json() == found
    assert (await client.get("/api/v1/benchmarks", params={"epoch": 2})).json() == {"benchmarks": [], "withheld": []}


async def test_counters_say_where_every_message_went(client, store, make):
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2)), make.up(make.trip(1, 2)), make.up(b"junk"))
    await store.commit(make.up(make.trip(1, 2, km=11)), make.up(b"junk"), make.up(make.trip(1, 3, pack_id=b"12345678")))
    await store.commit(make.up(make.loss(2, 1, 1, 4, 9)), make.up(make.loss(2, 2, 1, 8, 11)))
    assert (await client.get("/api/v1/counters")).json() == {
        "records": 5,
        "duplicates": 1,
        "rejected": 0,
        "conflicts": 1,
        "quarantined": 1,
        "dead_letters": 2,
        "parked": 1,
        "lost": 8,
        "gaps": 0,
        "missing": 0,
        "unfilled": 0,
        "superseded": 0,
        "unplaced": 0,
        "folded": 0,
        "incidents": 0,
        "incidents_open": 0,
        "closings_unplaced": 0,
        "services": 0,
    }


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic bGV0"}, {"Authorization": "Bearer ü"}]
)
async def test_a_close_without_the_token_is_refused(client, store, make, headers):
    await store.commit(*make.fleet(10))
    encoded = {name: value.encode() for name, value in headers.items()}
    answer = await client.post("/api/v1/epochs/close", headers=encoded)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await client.get("/api/v1/cohorts")).json()["open"]["epoch"] == 1


async def test_a_server_without_a_token_takes_no_changes(running):
    open_to_nobody = dataclasses.replace(running, settings=ServerSettings())
    transport = httpx.ASGITransport(create_app(open_to_nobody))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as client:
        answer = await client.post("/api/v1/epochs/close", headers=TOKEN)
    assert answer.status_code == 403
    assert answer.json() == {"detail": "this server takes no changes: set operator_token in its settings"}


async def test_a_close_that_closes_nothing_is_a_conflict(client, store, make):
    answer = await client.post("/api/v1/epochs/close", headers=TOKEN)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "epoch 1 has no trips yet; wait for devices to send some",
    )
    await store.commit(*make.fleet(10))
    assert (await client.post("/api/v1/epochs/close", headers=TOKEN, json={"expected": 2})).status_code == 409
    assert (await client.post("/api/v1/epochs/close", headers=TOKEN, json={"epoch": 1})).status_code == 422


async def test_every_operation_is_described(client):
    schema = (await client.get("/openapi.json")).json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert len(operations) == 30
    assert all(operation["description"] for operation in operations)
