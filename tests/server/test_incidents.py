"""Incidents and services on the server: opened and closed in any order, put into words, and shown where they may be."""

import itertools

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from tests.edge.warned_process import HOT, warned_process

from headway_edge.core.control_chart import OPENED
from headway_edge.core.pack_limits import NO_CHART
from headway_edge.core.series import Series
from headway_edge.own.own_warnings import OwnWarnings
from headway_protocol import cbor, codes, incident, record, service
from headway_server.reading.incident_words import words_of
from headway_server.store import tables

anyio = pytest.mark.anyio
BUS, OTHER = "depot/bus-1", "depot/bus-2"
NOW_MS = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC
HOUR_MS = 3_600_000
_number = itertools.count()


async def state_of(store, device=BUS):
    """{(boot, seq): closed by (boot, seq) or None} of a device's incidents."""
    i = tables.incidents.c
    rows = await store.rows(i.device, i.boot, i.seq, i.closed_by_boot, i.closed_by_seq)
    return {(boot, seq): None if by is None else (by, by_seq) for of, boot, seq, by, by_seq in rows if of == device}


async def counters(client):
    found = (await client.get("/api/v1/counters")).json()
    return tuple(found[name] for name in ("incidents", "incidents_open", "closings_unplaced", "services", "parked"))


# --- opened and closed ------------------------------------------------------------------------------------------------


@anyio
async def test_an_incident_is_opened_by_one_record_and_closed_by_another(store, client, make):
    opening = make.incident(1, 1, incident.CLOCK_JUMP, [9000], ago_ms=2 * HOUR_MS, severity=2)
    assert await store.commit(make.up(opening)) == [(BUS, 1, 1, [])]
    (found,) = (await client.get("/api/v1/incidents")).json()["incidents"]
    assert found == {
        "device": BUS,
        "boot": 1,
        "seq": 1,
        "person": BUS,
        "pack": None,
        "code": 17,
        "name": "clock jump",
        "severity": "warning",
        "words": "Clock jump: by 9.000 s.",
        "values": [9000],
        "change": None,
        "opened": "2023-11-14T20:13:20Z",
        "is_open": True,
        "closed": None,
        "closed_by": None,
        "time_to_restore_s": None,
    }
    # However long ago the closing record says that it began: it is closed when the device says so.
    closing = make.incident(2, 5, incident.CLOCK_JUMP, closes=(1, 1), wall_ms=NOW_MS + HOUR_MS, ago_ms=3 * HOUR_MS)
    await store.commit(make.up(closing))
    (found,) = (await client.get("/api/v1/incidents")).json()["incidents"]
    assert (found["is_open"], found["closed"], found["closed_by"], found["time_to_restore_s"]) == (
        False,
        "2023-11-14T23:13:20Z",
        {"boot": 2, "seq": 5},
        3 * 3600,
    )
    assert found["values"] == [9000], "the values stay those that it was opened with"


@anyio
@pytest.mark.parametrize(
    ("records", "state", "unplaced"),
    [
        ([(1, 2, (1, 1)), (1, 1, None)], {(1, 1): (1, 2)}, 0),  # the end comes first
        ([(1, 1, None), (1, 3, (1, 1)), (1, 2, (1, 1))], {(1, 1): (1, 2)}, 1),  # two ends, the later one comes first
        ([(1, 1, None), (1, 2, (1, 1)), (2, 1, (1, 1))], {(1, 1): (1, 2)}, 1),
        ([(1, 3, (1, 2)), (1, 1, None)], {(1, 1): None}, 1),  # the end of what is not there
        ([(1, 1, None), (1, 2, (1, 1)), (1, 3, (1, 2))], {(1, 1): (1, 2)}, 1),  # the end of an end
        ([(1, 5, (1, 5)), (1, 4, (1, 6)), (1, 6, None)], {(1, 6): None}, 2),  # itself, and a later one
    ],
)
async def test_what_closes_what(store, client, make, records, state, unplaced):
    for boot, seq, closes in records:
        assert await store.commit(make.up(make.incident(boot, seq, 17, closes=closes)))
    assert await state_of(store) == state
    still_open = sum(by is None for by in state.values())
    assert await counters(client) == (len(state), still_open, unplaced, 0, 0)


@anyio
async def test_another_devices_incident_stays_open(store, client, make):
    await store.commit(make.up(make.incident(1, 1, 17)), make.up(make.incident(1, 2, 17, closes=(1, 1)), OTHER))
    assert await state_of(store) == {(1, 1): None}
    assert await state_of(store, OTHER) == {}
    assert await counters(client) == (1, 1, 1, 0, 0)


@anyio
@pytest.mark.parametrize(("opened_ms", "closed_ms"), [(None, NOW_MS), (NOW_MS, None), (NOW_MS, NOW_MS - 1)])
async def test_no_time_to_restore_without_a_clock_that_went_on(store, client, make, opened_ms, closed_ms):
    closing = make.incident(2, 1, 17, closes=(1, 1), wall_ms=closed_ms)
    await store.commit(make.up(make.incident(1, 1, 17, wall_ms=opened_ms)), make.up(closing))
    (found,) = (await client.get("/api/v1/incidents")).json()["incidents"]
    assert (found["is_open"], found["time_to_restore_s"]) == (False, None)
    assert (await client.get("/incidents", params={"state": "closed"})).status_code == 200


@anyio
@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (record.INCIDENT, [17, 1, 0, None, []], codes.MALFORMED),
        (record.INCIDENT, [17, 4, 0, None, [], None], codes.IMPLAUSIBLE),
        (record.INCIDENT, [17, 1, 0, None, [], [1]], codes.MALFORMED),
        (record.INCIDENT, [17, 1, 0, None, ["x"], None], codes.MALFORMED),
        (record.SERVICE, ["oil"], codes.MALFORMED),
        (record.SERVICE, [service.REFUELLED, 0, None, None], codes.IMPLAUSIBLE),
    ],
)
async def test_what_breaks_the_rules_is_refused(store, make, kind, body, code):
    payload = cbor.encode([1, kind, 1, 1, 5, None, 0, body])
    assert await store.commit(make.up(payload)) == [(BUS, 1, 1, [(1, code)])]
    assert await store.count(tables.incidents) == await store.count(tables.services) == 0


@anyio
async def test_what_an_older_server_kept_is_read(store, client, make):
    payloads = [
        make.incident(1, 1, 17),
        make.incident(1, 2, 17, closes=(1, 1)),
        make.service(1, 3, service.OIL_CHANGED),
        cbor.encode([1, record.SERVICE, 1, 4, 5, None, 0, ["oil"]]),
    ]
    await store.commit(make.up(make.birth(2)))
    async with store.database.write() as connection:
        for seq, payload in enumerate(payloads, 1):
            row = {"device": BUS, "boot": 1, "seq": seq, "kind": payload[2], "schema": 1, "hash": bytes(32)}
            row |= {"payload": payload, "received_at_ms": 1, "epoch": 1, "parked": "kind"}
            await connection.execute(tables.records.insert(), row)
    assert await store.ingest.read_parked() == 3
    assert await state_of(store) == {(1, 1): (1, 2)}
    assert await counters(client) == (1, 0, 0, 1, 1)
    assert await store.ingest.read_parked() == 0


# --- any order --------------------------------------------------------------------------------------------------------


_place = st.tuples(st.integers(1, 2), st.integers(1, 6))
_records = st.dictionaries(_place, st.none() | _place, min_size=1, max_size=12)


@given(data=st.data(), records=_records)
@example(data=None, records={(1, 1): None, (1, 2): (1, 1), (1, 3): (1, 1), (2, 1): (1, 3)})
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_repetition_and_batching_closes_the_same(data, records, runner, shared_store, make):
    device = f"group/i-{next(_number)}"
    everything = [
        make.up(make.incident(boot, seq, 17, closes=closes, wall_ms=NOW_MS + seq), device)
        for (boot, seq), closes in records.items()
    ]
    arriving, cuts = everything[::-1], []
    if data is not None:
        repeats = data.draw(st.lists(st.sampled_from(everything), max_size=6))
        arriving = data.draw(st.permutations(everything + repeats))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    for first, last in itertools.pairwise([0, *cuts, len(arriving)]):
        runner.run(shared_store.commit(*arriving[first:last]))

    opened = [place for place, closes in records.items() if closes is None]
    expected = {
        place: min((by for by, closes in records.items() if closes == place and by > place), default=None)
        for place in opened
    }
    assert runner.run(state_of(shared_store, device)) == expected
    c, i = tables.incident_closings.c, tables.incidents.c
    kept = [(boot, seq) for of, boot, seq in runner.run(shared_store.rows(c.device, c.boot, c.seq)) if of == device]
    assert sorted([*kept, *opened]) == sorted(records), "every record is in one of the two tables, once"
    for of, place_seq, closed_ms, by_seq in runner.run(
        shared_store.rows(i.device, i.seq, i.closed_ms, i.closed_by_seq)
    ):
        if of == device:
            assert closed_ms == (None if by_seq is None else NOW_MS + by_seq), place_seq


# --- in words ---------------------------------------------------------------------------------------------------------


def change_of(make, item):
    """(change, words) that a device finds in a series of a pack when trips become other than they were."""
    process = make.process
    series = Series(process, item, [])
    for i in range(200):
        idle_s = (10 if i < 60 else 600) + i % 5
        trip = make.trip_counts(idle_s=idle_s, hard=0 if i < 60 else 9)
        if series.add(process.totals(trip)) & OPENED:
            change = series.change()
            return change, series.sentence(change)
    raise AssertionError("no change was found")


def test_the_server_says_of_a_change_what_the_device_says(make):
    watched = [item for item in make.process.pack.series if item[2] != NO_CHART]
    assert len({item[2] for item in watched}) >= 2, "of different charts"
    for item in watched:
        change, words = change_of(make, item)
        assert words_of(make.process, incident.CHANGE, [item[0], *change.as_integers()]) == words


def test_the_server_says_of_a_warning_code_what_the_device_says():
    process = warned_process()
    own = OwnWarnings(process)
    for code, times in ((HOT, 2), (0x0301, 4)):
        for at in range(times):
            signals = [0, 0, code, 0]
            found = own.take(at * 1000, signals, lambda: 20_500)
            own.end_trip()
        values = [found.code, found.times, found.days]
        # Whether a code comes more often than before, only the device knows.
        assert words_of(process, incident.WARNING_CODE, values) == found.sentence.replace(
            ", and more often than before", ""
        )
    assert words_of(process, incident.WARNING_CODE, [HOT, 2, 31]) == "Warning code: 535, 2 times within 31 days."


@anyio
async def test_a_change_is_told_with_the_packs_names_and_units(store, client, make):
    idling = next(c for c in make.process.period if c.key == "idle_share_pct")
    values = [idling.id, 1, 7, 62, 29, -1, -1]
    await store.commit(make.up(make.incident(1, 1, incident.CHANGE, values, pack_id=make.pack_id)))
    (found,) = (await client.get("/api/v1/incidents")).json()["incidents"]
    assert found["pack"]["name"] == "private-driving"
    scale = 10**idling.decimals
    assert found["change"] == {
        "characteristic": "idle_share_pct",
        "title": idling.title,
        "direction": 1,
        "since": 7,
        "each": "trip",
        "size": {"value": 62 / scale, "unit": "%"},
        "error": {"value": 29 / scale, "unit": "%"},
        "seen": None,
        "usual": None,
    }
    assert found["words"].startswith(f"{idling.title}: higher than expected on the last 7 trips, by ")


@pytest.mark.parametrize(
    ("code", "values", "words"),
    [
        (
            incident.CHANGE,
            [101, 1, 7, 0, 0, 3, 12],
            "Mileage: more often than usual on the last 7 days, 3 times where 1.2 would be usual.",
        ),
        (incident.CHANGE, [9999, 1, 7, 0, 0, 3, 12], "Change: values 9999, 1, 7, 0, 0, 3, 12."),
        (incident.EVENT_CHANGE, [0, -1, 12, 0, 0, 3, 117], "less often than usual on the last 12 trips, 3 times"),
        (incident.CONSUMABLE_DUE, [1, 12, 930], "Consumable due: Engine oil, 12 days left, 93.0 % used."),
        (incident.WARNING_CODE, [17, 3, 30], "Warning code: 17, 3 times within 30 days."),
        (incident.SENSOR_STUCK, [0], "Sensor stuck: Vehicle.Speed."),
        (incident.SENSOR_STUCK, [99], "Sensor stuck: signal 99."),
        (incident.LOW_COVERAGE, [870], "Low coverage: 87.0 % of the odometer's distance was observed."),
        (4711, [1, 2], "Incident 4711: values 1, 2."),
        (4711, [], "Incident 4711."),
    ],
)
def test_codes_are_words(make, code, values, words):
    assert words in words_of(make.process, code, values)


_codes = st.sampled_from([*incident.CODE_NAMES, 4711])
_values = st.lists(st.integers(-incident.VALUE_MAX, incident.VALUE_MAX) | st.integers(-2, 200), max_size=16)


@given(_codes, _values, st.booleans())
def test_whatever_a_device_says_is_words(make, code, values, known):
    words = words_of(make.process if known else None, code, values)
    assert words
    assert words.endswith(".")


@anyio
async def test_whatever_values_an_incident_has_it_is_shown(store, client, make):
    huge = [-incident.VALUE_MAX] * 16
    numbers = enumerate([*incident.CODE_NAMES, 65535], 1)
    await store.commit(*(make.up(make.incident(1, seq, code, huge, pack_id=make.pack_id)) for seq, code in numbers))
    await store.commit(make.up(make.incident(1, 40, incident.CHANGE, [100, 1, 7, incident.VALUE_MAX, 1])))
    for path in ("/", "/incidents", "/api/v1/incidents"):
        assert (await client.get(path)).status_code == 200


# --- services ---------------------------------------------------------------------------------------------------------


@anyio
async def test_services_are_listed_also_those_of_a_newer_kind(store, client, make):
    await store.commit(
        make.up(make.service(1, 1, service.OIL_CHANGED, odometer_km=84_210, ago_ms=24 * HOUR_MS)),
        make.up(make.service(2, 1, service.REFUELLED, millilitres=41_500, wall_ms=None)),
        make.up(make.service(1, 3, 77, millilitres=1)),
        make.up(make.service(1, 1, service.TYRES_CHANGED), OTHER),
    )
    found = (await client.get("/api/v1/services", params={"device": BUS})).json()
    columns = ("seq", "what", "name", "done", "odometer_km", "litres")
    assert [tuple(item[name] for name in columns) for item in found["services"]] == [
        (3, 77, "service 77", "2023-11-14T22:13:20Z", None, 0.001),
        (1, 2, "refuelled", None, None, 41.5),
        (1, 1, "oil changed", "2023-11-13T22:13:20Z", 84_210, None),
    ]
    assert found["next"] is None


# --- lists and pages --------------------------------------------------------------------------------------------------


@anyio
async def test_lists_go_page_by_page_and_are_filtered(store, client, make):
    await store.commit(
        *(make.up(make.incident(1, seq, 17)) for seq in range(1, 6)), make.up(make.incident(1, 1, 18), OTHER)
    )
    await store.commit(*(make.up(make.incident(1, seq + 10, 17, closes=(1, seq))) for seq in (2, 4)))
    await store.commit(*(make.up(make.service(1, seq, 1)) for seq in range(20, 23)))

    async def seqs(what, **query):
        found = []
        while True:
            page = (await client.get(f"/api/v1/{what}", params={"limit": 2, **query})).json()
            found += [(item["device"], item["seq"]) for item in page[what]]
            if page["next"] is None:
                return found
            query["cursor"] = page["next"]

    assert await seqs("incidents") == [(OTHER, 1), *((BUS, seq) for seq in (5, 4, 3, 2, 1))]
    assert await seqs("incidents", device=BUS, open=True) == [(BUS, 5), (BUS, 3), (BUS, 1)]
    assert await seqs("incidents", open=False) == [(BUS, 4), (BUS, 2)]
    assert await seqs("services", device=BUS) == [(BUS, 22), (BUS, 21), (BUS, 20)]
    assert await seqs("services", device=OTHER) == []
    for path in ("incidents", "services"):
        assert (await client.get(f"/api/v1/{path}", params={"device": "a\x00"})).status_code == 422


@anyio
async def test_the_fleets_page_shows_ten_and_links_to_all(store, client, make, outline):
    assert "Incidents" not in (await client.get("/")).text
    told = [make.up(make.incident(1, seq, incident.STORAGE_FULL, [seq])) for seq in range(2, 62)]
    await store.commit(make.up(make.birth(1)), *told)
    page = outline((await client.get("/")).text)
    assert [f": {seq} records dropped" in page.text for seq in (2, 51, 52, 61)] == [False, False, True, True]
    assert "60 open, the latest 10" in page.text
    assert page.all("a", href="incidents") != []
    assert page.all("a", href="person?id=depot%2Fbus-1") == [], "a person without trips has no page"

    listed = outline((await client.get("/incidents")).text)
    assert listed.text.count("records dropped") == 50
    (older,) = listed.all("a", rel="next")
    rest = outline((await client.get("/" + older["href"])).text)
    assert rest.text.count("records dropped") == 10
    assert rest.all("a", rel="next") == []
    assert "None to list." in (await client.get("/incidents", params={"state": "closed"})).text
    assert (await client.get("/incidents", params={"state": "lost"})).status_code == 422
    await store.commit(
        make.up(make.trip(2, 1)), make.up(make.incident(2, 2, 18, closes=(1, 61), wall_ms=NOW_MS + HOUR_MS))
    )
    closed = outline((await client.get("/incidents", params={"state": "closed"})).text)
    assert "closed after 1 h 0 min" in closed.text
    assert closed.all("a", href="person?id=depot%2Fbus-1") != []


@anyio
async def test_a_persons_page_has_their_incidents_and_services(store, client, make, outline):
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2)), make.up(make.trip(1, 2), OTHER))
    assert "Services" not in (await client.get("/person", params={"id": BUS})).text
    await store.commit(
        make.up(make.incident(1, 3, incident.WARNING_CODE, [17, 3, 30], severity=3)),
        make.up(make.service(1, 4, service.REFUELLED, millilitres=41_500)),
        make.up(make.service(1, 5, service.OIL_CHANGED, odometer_km=84_210)),
    )
    page = outline((await client.get("/person", params={"id": BUS})).text)
    for words in ("Warning code: 17, 3 times", "critical", "Refuelled", "41.500", "Oil changed", "84210"):
        assert words in page.text
    assert "Warning code" not in (await client.get("/person", params={"id": OTHER})).text


@anyio
async def test_incidents_of_peoples_days_are_not_on_the_fleets_pages(store, client, make, wellness, outline):
    process = wellness.process
    band = "band/one"
    day = make.numbers(process, elapsed_ds=864_000, distance_m=0, steps_taken=5000, steps_seen=1, worn_time=432_000)
    number = process.period[0].id
    await store.commit(
        make.up(make.birth(1, vehicle_class="actigraph", process=process), band),
        make.up(make.trip(1, 2, day, process=process), band),
        make.up(make.incident(1, 3, incident.CHANGE, [number, 1, 7, 62, 29], pack_id=process.id), band),
        make.up(make.incident(1, 4, incident.LOW_COVERAGE, [870]), band),  # of the device, which is a person's wrist
        make.up(make.incident(1, 1, incident.CHANGE, [5], pack_id=b"unknown!"), "band/two"),  # of days? nobody knows
        make.up(make.incident(1, 1, incident.STORAGE_FULL, [5]), "band/three"),  # of what, its birth has not said yet
    )
    for path in ("/", "/incidents", "/incidents?state=all"):
        text = (await client.get(path)).text
        assert "band/" not in text
        assert outline(text).all("table", id="incidents-table") == []
        assert "4 more are of people's days" in text
    await store.commit(make.up(make.birth(1, 2), "band/three"))
    for path in ("/", "/incidents"):
        text = (await client.get(path)).text
        assert "band/three" in text
        assert "3 more are of people's days" in text
        assert not any(name in text for name in ("band/one", "band/two"))
    own = (await client.get("/person", params={"id": band})).text
    assert process.by_id[number].title in own
    assert "Low coverage" in own


@anyio
async def test_an_incident_is_the_persons_who_had_the_device_then(store, client, make):
    await store.commit(make.up(make.trip(1, 1)))
    async with store.database.write() as connection:
        await connection.execute(update(tables.devices).values(person="anna"))
    await store.commit(make.up(make.incident(1, 2, 17)), make.up(make.service(1, 3, 1)))
    for what in ("incidents", "services"):
        assert [item["person"] for item in (await client.get(f"/api/v1/{what}")).json()[what]] == ["anna"]
