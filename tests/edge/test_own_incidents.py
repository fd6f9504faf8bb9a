"""Incidents on the device: opened by one record, closed by another that names it, and none of them left open or unknown."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headway_edge.own.own_incidents import Incident, OwnIncidents
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import RecordKeeper
from headway_protocol import cbor, incident, record

PACK_ID = bytes(range(8))
SOMETHING = Incident(incident.WARNING_CODE, incident.WARNING, PACK_ID, [535, 3, 30])


class Clock:
    def mono_ms(self) -> int:
        return 1000

    def wall(self) -> tuple[int | None, int]:
        return None, record.UNSYNCED


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    found = Outbox(tmp_path / "outbox.db")
    yield found
    found.close()


@pytest.fixture
def own(outbox: Outbox) -> OwnIncidents:
    return OwnIncidents(outbox, RecordKeeper(outbox, Clock()))


def test_a_restart_knows_what_is_open(outbox: Outbox, own: OwnIncidents) -> None:
    own.open("a", SOMETHING, 0)
    own.open("b", SOMETHING, 0)
    own.close("a", SOMETHING, 0)
    again = OwnIncidents(outbox, RecordKeeper(outbox, Clock()))
    assert (again.is_open("a"), again.is_open("b")) == (False, True)
    again.close("b", SOMETHING, 0)
    assert told(outbox)[-1] == (4, [535], (1, 2))


def test_what_is_not_on_disk_yet_can_neither_be_closed_nor_opened_again(
    outbox: Outbox, own: OwnIncidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "append", refuse)
        own.open("a", SOMETHING, 0)
        own.close("a", SOMETHING, 0)
        own.open("a", SOMETHING, 0)
    own._keeper.save()
    assert told(outbox) == [(1, [535, 3, 30], None)]
    own.close("a", SOMETHING, 0)
    assert told(outbox)[-1] == (2, [535], (1, 1))


def told(outbox: Outbox) -> list[tuple[int, list[int], Any]]:
    found = []
    for payload in outbox.payloads(record.INCIDENT):
        item = record.decode(payload)
        _, _, _, definition, values, closes = incident.parse_incident(item.body)
        assert definition == PACK_ID
        found.append((item.seq, values, closes))
    return found


def test_an_incident_is_opened_and_closed_once(outbox: Outbox, own: OwnIncidents) -> None:
    assert not own.is_open("a")
    own.open("a", SOMETHING, 0)
    assert own.is_open("a")
    own.close("a", SOMETHING, 0)
    assert not own.is_open("a")
    own.close("a", SOMETHING, 0)
    assert told(outbox) == [(1, [535, 3, 30], None), (2, [535], (1, 1))]


def test_what_is_open_is_closed_before_another_is_opened_in_its_place(outbox: Outbox, own: OwnIncidents) -> None:
    own.open("a", SOMETHING, 0)
    own.open("b", SOMETHING, 0)
    own.open("a", SOMETHING, 0)
    assert [(seq, closes) for seq, _, closes in told(outbox)] == [(1, None), (2, None), (3, (1, 1)), (4, None)]
    own.close("a", SOMETHING, 0)
    assert told(outbox)[-1][2] == (1, 4)


def test_which_record_opened_it_is_written_with_the_record_or_not_at_all(
    outbox: Outbox, own: OwnIncidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    put = outbox.put

    def refuse(key: str, value: bytes) -> None:
        seen.append(key)
        if key == "incident/a":
            raise sqlite3.OperationalError("disk I/O error")
        put(key, value)

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "put", refuse)
        own.open("a", SOMETHING, 0, {"beside": b"x"})
    assert "incident/a" in seen
    assert told(outbox) == []
    assert outbox._read("SELECT key FROM state WHERE key IN ('incident/a', 'beside')") == []
    own._keeper.save()
    assert told(outbox) == [(1, [535, 3, 30], None)]
    assert (outbox.load("incident/a"), outbox.load("beside")) == (cbor.encode([1, 1]), b"x")


def test_while_the_disk_refuses_the_records_wait_in_their_order(
    outbox: Outbox, own: OwnIncidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.open("a", SOMETHING, 0)

    def refuse(*_: object) -> bytes:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "append", refuse)
        own.open("a", SOMETHING, 0)  # the contrary of what is open
    own._keeper.save()
    assert [(seq, closes) for seq, _, closes in told(outbox)] == [(1, None), (2, (1, 1)), (3, None)]
    assert outbox.load("incident/a") == cbor.encode([1, 3])
