"""A person's rights over the API: everything that is held on them, its erasure, and a certificate that says where."""

import csv
import io
import json

import pytest
from sqlalchemy import select, update
from tests.server.made_offers import SIGNING, offers_of
from tests.server.test_erasure import BUS, CAR, births, fill

from headway_protocol import cbor, record
from headway_server.app import create_app
from headway_server.erasure import personal_rows
from headway_server.erasure.erasure_journal import ErasureJournal
from headway_server.errors import ServerError
from headway_server.ingest.tombstones import Tombstones
from headway_server.reading import certificate
from headway_server.reading.person_export import cell
from headway_server.recounting.verification import verify
from headway_server.running import Running
from headway_server.settings import ServerSettings
from headway_server.store import tables

pytestmark = pytest.mark.anyio
TOKEN = {"Authorization": "Bearer let-me-close"}
DAY_MS = 86_400_000


@pytest.fixture
def running(store, tmp_path):
    """A server that can erase, without a broker."""
    journal = ErasureJournal(tmp_path / "headway.db.erasures")
    store.ingest._tombstones = Tombstones(journal, SIGNING)
    settings = ServerSettings(operator_token="let-me-close")  # noqa: S106 - of the tests
    return Running(
        settings, store.database, store.ingest, None, lambda: store.now_ms, SIGNING, offers_of(store), journal
    )


async def export(client, person, form="json"):
    return await client.get(f"/api/v1/persons/{person}/export?format={form}", headers=TOKEN)


async def test_everything_of_the_person_is_exported_and_nothing_of_others(client, store, make):
    await fill(store, make)
    await fill(store, make, CAR)
    answer = await export(client, BUS)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["format"], found["version"], found["person"], found["devices"]) == (
        "headway-person-export",
        1,
        BUS,
        [BUS],
    )
    assert "car-2" not in answer.text
    assert found["not_included"] == personal_rows.NOT_PERSONAL
    tabled = {**found["tables"], "records": found["records"]}
    assert tabled.keys() == {table.name for table in personal_rows.personal_tables()}
    async with store.database.read() as connection:
        for table in personal_rows.personal_tables():
            rows = (await connection.execute(select(table).where(personal_rows.is_of(table, BUS, [BUS])))).all()
            assert len(tabled[table.name]) == len(rows), table.name
            if table is not tables.records:
                assert all(row.keys() == set(table.c.keys()) for row in tabled[table.name])
    stored = await store.rows(tables.records.c.payload, where=tables.records.c.device == BUS)
    assert {bytes.fromhex(row["payload_hex"]) for row in found["records"]} == {payload for (payload,) in stored}


async def test_a_record_is_there_in_words_with_units_and_vss_names(client, store, make):
    await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2, km=12, stops=4)), make.up(make.service(1, 3, 6)))
    future = record.encode(record.Record(200, 1, 4, 5, None, record.UNSYNCED, ["later"]))
    await store.commit(make.up(future), make.up(make.trip(1, 5, pack_id=bytes(8))))
    await store.commit(make.up(make.loss(1, 6, 1, 9, 9)), make.up(make.incident(1, 7, 4, [535, 1])))
    await store.commit(make.up(cbor.encode([2, 1, 1, 8, "of version two"])))
    found = (await export(client, BUS)).json()
    words = [row["readable"] for row in found["records"]]
    assert [one.get("kind") for one in words] == [
        *("birth", "episode", "service", "kind 200", "episode", "loss", "incident"),
        None,
    ]
    trip = words[1]
    assert (trip["counts"]["distance"], trip["counts"]["stops"]) == (12_000, 4)
    assert trip["characteristics"]["distance_km"] == {"value": 12.0, "unit": "km"}
    assert (words[2]["what"], words[5]["reason"], words[6]["values"]) == (6, "storage full", [535, 1])
    assert words[4]["counts"] == words[4]["counts"].lower(), "of a pack that nobody knows: hexadecimal"
    assert words[7] == {"notation": '[2, 1, 1, 8, "of version two"]'}
    (pack,) = found["packs"]
    assert {"name": "speed", "vss": "Vehicle.Speed", "unit": "km/h"}.items() <= pack["signals"][0].items()
    is_of = {one["name"]: one["is"] for one in pack["counts"]}
    assert (is_of["distance"], is_of["stops"], is_of["idle"]) == ("distance in m", "plain number", "time in 0.1 s")
    assert is_of.keys() == trip["counts"].keys()


async def test_trips_as_csv_have_no_formulas(client, store, make):
    await store.commit(
        make.up(make.birth(1)), make.up(make.trip(1, 2, km=12)), make.up(make.trip(1, 3, pack_id=bytes(8)))
    )
    async with store.database.write() as connection:
        await connection.execute(update(tables.episodes).values(person="=HYPERLINK(1)"))
    answer = await export(client, BUS, "csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert next((row["seq"], row["pack"], row["distance_km [km]"]) for row in rows) == ("2", "private-driving", "12.0")
    assert len(rows) == 1, "of a pack that is not known there is no trip yet"


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_would_be_a_formula_is_text(begins):
    hostile = f"{begins}cmd|' /C calc'!A0"
    assert cell(hostile) == f"'{hostile}"
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell(hostile), cell(-1.5)])
    ((text, number),) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert text[0] == "'"
    assert number == "-1.5"


async def test_reading_it_needs_the_token_too(client, store, make):
    await fill(store, make)
    for path in (f"/api/v1/persons/{BUS}/export", "/api/v1/erasures", "/api/v1/erasures/1/certificate"):
        assert (await client.get(path)).status_code == 401
    assert (await client.post(f"/api/v1/persons/{BUS}/erase")).status_code == 401
    assert await store.count(tables.devices) == 1


async def test_who_is_not_known_is_a_404(client, store, make):
    for person in ("depot/nobody", "nobody", "%00", "=1+1"):
        assert (await export(client, person)).status_code == 404
        assert (await client.post(f"/api/v1/persons/{person}/erase", headers=TOKEN)).status_code == 404
    assert (await client.get("/api/v1/erasures/1/certificate", headers=TOKEN)).status_code == 404


async def test_an_erasure_and_its_certificate_until_it_is_complete(client, store, make, running):
    await fill(store, make)
    await fill(store, make, CAR)
    done = (await client.post(f"/api/v1/persons/{BUS}/erase", headers=TOKEN)).json()
    assert (done["number"], done["devices"]) == (1, 1)
    assert (await export(client, BUS)).status_code == 404
    assert (await client.post(f"/api/v1/persons/{BUS}/erase", headers=TOKEN)).json()["detail"].endswith("with number 1")
    assert [item async for item in verify(store.database, store.processes)] == []

    async def states():
        document = (await client.get("/api/v1/erasures/1/certificate", headers=TOKEN)).json()
        said = certificate.verify(document, SIGNING.keys[0].public)
        assert "bus-1" not in json.dumps(document)
        by_place = {place["place"]: place for place in said["places"]}
        assert by_place["database"]["rows"] == done["rows"]
        (device,) = by_place["devices"]["devices"]
        return [place["state"] for place in said["places"]], device["state"], said["complete"]

    kept = ["stay", "stay"]
    assert await states() == (["erased", "waiting", "waiting", "until", "until", *kept], "not heard of", False)
    await store.ingest.commit([make.up(make.trip(3, 1))])
    assert await states() == (["erased", "cleared", "waiting", "until", "until", *kept], "told to", False)
    ((version,),) = await store.rows(tables.erasures.c.version)
    store.now_ms += 31 * DAY_MS
    ((device, words, step),) = [
        (one["device"], one["words"], one["next_step"])
        for one in (await client.get("/api/v1/alarms")).json()["alarms"]
        if one["kind"] == "unerased"
    ]
    assert device == "erasure 1"
    assert words.startswith(
        "1 device of it did not say in time that the store is wiped; 1 device spoke since and was told"
    )
    assert "headway person certificate 1" in step
    assert "erasure 1" in (await client.get("/")).text
    await store.ingest.commit([make.up(births(make, 4, (version, 4)))])
    assert await states() == (["erased", "cleared", "wiped", "aged out", "aged out", *kept], "wiped", True)
    assert [one["kind"] for one in (await client.get("/api/v1/alarms")).json()["alarms"]].count("unerased") == 0
    (listed,) = (await client.get("/api/v1/erasures", headers=TOKEN)).json()
    assert (listed["number"], listed["devices"], listed["wiped"]) == (1, 1, 1)
    log = (await client.get("/api/v1/audit", headers=TOKEN)).json()["rows"]
    assert [row["action"] for row in log] == ["wiped", "erase"]
    assert log[1]["subject"] == running.journal.key.person(BUS).hex()


async def test_of_a_device_that_cannot_say_so_the_operator_does(client, store, make):
    await fill(store, make)
    await client.post(f"/api/v1/persons/{BUS}/erase", headers=TOKEN)
    assert (await client.post("/api/v1/erasures/1/wiped", json={"device": BUS})).status_code == 401
    for number, device in ((2, BUS), (1, CAR)):
        answer = await client.post(f"/api/v1/erasures/{number}/wiped", headers=TOKEN, json={"device": device})
        assert answer.status_code == 404
    assert (await client.post("/api/v1/erasures/1/wiped", headers=TOKEN, json={"device": BUS})).status_code == 204
    document = (await client.get("/api/v1/erasures/1/certificate", headers=TOKEN)).json()
    (device,) = document["certificate"]["places"][2]["devices"]
    assert device["state"] == "wiped or destroyed, as the operator said"
    assert (await store.commit(make.up(make.trip(1, 1)))) == [(BUS, 1, 1, [])]
    (row,) = (await client.get("/api/v1/audit?limit=1", headers=TOKEN)).json()["rows"]
    assert (row["actor"], row["action"], row["detail"]) == ("operator", "wiped", {"erasures": [1], "by_hand": True})


async def test_a_certificate_that_was_changed_is_none(client, store, make):
    await fill(store, make)
    await client.post(f"/api/v1/persons/{BUS}/erase", headers=TOKEN)
    document = (await client.get("/api/v1/erasures/1/certificate", headers=TOKEN)).json()
    assert certificate.verify(document)["number"] == 1
    changed = json.loads(json.dumps(document))
    changed["certificate"]["complete"] = True
    with pytest.raises(ServerError, match="was changed after it was signed"):
        certificate.verify(changed)
    with pytest.raises(ServerError, match=r"signed by the key .* another"):
        certificate.verify(document, bytes(32))
    for broken in ([], {}, "x", {**document, "signature": "zz"}, {**document, "certificate": {"format": "other"}}):
        with pytest.raises(ServerError, match="no certificate"):
            certificate.verify(broken)


async def test_without_a_journal_nobody_can_be_erased(store, make, running):
    await fill(store, make)
    import dataclasses

    import httpx

    app = create_app(dataclasses.replace(running, journal=None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        answer = await client.post(f"/api/v1/persons/{BUS}/erase", headers=TOKEN)
        assert answer.status_code == 409
        assert "set erasure_journal" in answer.json()["detail"]
        assert (await export(client, BUS)).status_code == 200
    assert await store.count(tables.devices) == 1
