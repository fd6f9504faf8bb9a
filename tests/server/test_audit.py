"""The audit log: what is in it, and that nothing can be changed in it unseen."""

import pytest
from sqlalchemy import delete, insert, update

from headway_server.store import audit_log
from headway_server.store.audit_log import FIRST, digest_of, verify
from headway_server.store.tables import audit

pytestmark = pytest.mark.anyio
TOKEN = {"Authorization": "Bearer let-me-close"}


@pytest.fixture
async def rows(store):
    """A log of six rows."""
    for number in range(6):
        async with store.database.write() as connection:
            detail = {"number": number, "nested": {"b": [1, None], "a": "ä"}}
            await audit_log.note(connection, 1000 + number, "operator", "export", detail, bytes([number]) * 32)
    return store


async def change(store, statement):
    async with store.database.write() as connection:
        await connection.execute(statement)


async def test_a_log_that_nobody_changed_holds(rows):
    found = await verify(rows.database)
    assert (found.rows, found.problems) == (6, [])
    ((hash_,),) = await rows.rows(audit.c.hash, where=audit.c.number == 6)
    assert found.newest == hash_
    assert (await verify(rows.database, hash_)).problems == []
    assert (await verify(rows.database, FIRST)).problems == []


@pytest.mark.parametrize(
    "values",
    [
        {"at_ms": 7},
        {"actor": "nobody"},
        {"action": "erase"},
        {"subject": bytes(32)},
        {"subject": None},
        {"detail": {"number": 3}},
        {"hash": bytes(32)},
        {"previous": bytes(32)},
    ],
)
async def test_a_row_that_is_changed_is_found(rows, values):
    await change(rows, update(audit).where(audit.c.number == 3).values(**values))
    problems = (await verify(rows.database)).problems
    assert problems
    assert all("row 3" in one or "row 4 does not follow" in one for one in problems)


async def test_a_row_that_is_changed_with_its_hash_is_found_by_the_next(rows):
    ((row),) = await rows.rows(*audit.c, where=audit.c.number == 3)
    changed = {**dict(zip(audit.c.keys(), row, strict=True)), "actor": "nobody"}
    changed["hash"] = digest_of(changed)
    await change(rows, update(audit).where(audit.c.number == 3).values(**changed))
    assert (await verify(rows.database)).problems == ["row 4 does not follow from the one before it"]


@pytest.mark.parametrize(
    ("number", "problems"),
    [
        (1, ["rows 1 to 1 are not there"]),
        (4, ["rows 4 to 4 are not there"]),
    ],
)
async def test_a_row_that_is_taken_out_is_found(rows, number, problems):
    await change(rows, delete(audit).where(audit.c.number == number))
    assert (await verify(rows.database)).problems == problems


async def test_a_row_that_is_put_in_is_found(rows):
    await change(rows, update(audit).where(audit.c.number == 6).values(number=7))
    ((previous,),) = await rows.rows(audit.c.hash, where=audit.c.number == 5)
    row = {"number": 6, "at_ms": 1, "actor": "x", "action": "y", "subject": None, "detail": {}, "previous": previous}
    await change(rows, insert(audit).values(**row, hash=digest_of(row)))
    assert (await verify(rows.database)).problems == [
        "row 7 does not follow from the one before it",
        "row 7 was changed",
    ]


async def test_an_end_that_is_cut_off_is_found_by_a_hash_that_was_told(rows):
    told = (await verify(rows.database)).newest
    await change(rows, delete(audit).where(audit.c.number > 4))
    assert (await verify(rows.database)).problems == [], "the chain by itself cannot show it"
    assert (await verify(rows.database, told)).problems == [
        "no row has the hash that was expected: the end is cut off, or the log was made anew"
    ]


async def test_what_operators_do_and_what_is_refused_is_in_it(client, store, make):
    await store.commit(*make.fleet(12))
    for _ in range(5):
        assert (await client.post("/api/v1/epochs/close", headers={"Authorization": "Bearer guess"})).status_code == 401
    assert (await client.get("/api/v1/audit")).status_code == 401
    assert (await client.post("/api/v1/epochs/close", headers=TOKEN)).status_code == 200
    body = {"pack_id": make.pack_id.hex()}
    assert (await client.put("/api/v1/devices/depot/car-000/pack", headers=TOKEN, json=body)).status_code == 200
    await store.commit(make.up(b"rubbish"))
    letters = (await client.get("/api/v1/dead-letters", headers=TOKEN)).json()["letters"]
    hashes = {"hashes": [one["hash"] for one in letters]}
    assert (await client.post("/api/v1/dead-letters/replay", headers=TOKEN, json=hashes)).status_code == 200
    assert (await client.post("/api/v1/dead-letters/drop", headers=TOKEN, json=hashes)).status_code == 200
    store.now_ms += 60_000
    assert (await client.post("/api/v1/persons/depot/car-000/erase")).status_code == 401
    page = (await client.get("/api/v1/audit", headers=TOKEN)).json()
    assert [(row["actor"], row["action"], row["detail"]) for row in reversed(page["rows"])] == [
        ("unknown", "refused", {"path": "/api/v1/epochs/close", "requests": 1}),
        ("operator", "epoch close", {"epoch": 1}),
        ("operator", "pack offer", {"pack": make.pack_id.hex()}),
        ("operator", "dead letters replay", {"letters": 1, "taken": 0}),
        ("operator", "dead letters drop", {"letters": 1}),
        ("unknown", "refused", {"path": "/api/v1/persons/{person:path}/erase", "requests": 6}),
    ]
    assert (page["total"], page["next"]) == (6, None)
    first = (await client.get("/api/v1/audit?limit=4", headers=TOKEN)).json()
    rest = (await client.get(f"/api/v1/audit?limit=4&before={first['next']}", headers=TOKEN)).json()
    assert first["rows"] + rest["rows"] == page["rows"]
    verified = (await client.get("/api/v1/audit/verify", headers=TOKEN)).json()
    assert verified == {"rows": 6, "newest_hash": page["rows"][0]["hash"], "problems": []}
    other = (await client.get(f"/api/v1/audit/verify?expected={'0' * 64}", headers=TOKEN)).json()
    assert len(other["problems"]) == 1
