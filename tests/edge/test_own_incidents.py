"""Incidents on the device: opened by one record, closed by another that names it, and none of them left open or unknown."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway_edge.own.own_incidents import Incident, OwnIncidents
from headway_edge.store.medium import Connection
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import RecordKeeper
from headway_protocol import cbor, incident, record

PACK_ID, OTHER_ID = bytes(range(8)), bytes(8)
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


def opening(seq: int) -> bytes:
    return cbor.encode([1, seq, incident.WARNING_CODE, incident.WARNING, PACK_ID, [535]])


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
        assert definition in {PACK_ID, OTHER_ID}
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
    put_all = outbox._state.put_all
    refused = []

    def refuse(db: Connection, values: Mapping[str, bytes]) -> None:
        put_all(db, {key: value for key, value in values.items() if key != "incident/a"})
        refused.extend(values)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(outbox._state, "put_all", refuse)
        own.open("a", SOMETHING, 0, {"beside": b"x"})
    assert set(refused) == {"incident/a", "beside"}
    assert told(outbox) == []
    assert outbox._read("SELECT key FROM state WHERE key IN ('incident/a', 'beside')") == []
    own._keeper.save()
    assert told(outbox) == [(1, [535, 3, 30], None)]
    assert (outbox.load("incident/a"), outbox.load("beside")) == (opening(1), b"x")


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
    assert outbox.load("incident/a") == opening(3)


def test_all_of_a_code_are_closed_but_those_of_one_definition_also_after_a_restart(
    outbox: Outbox, own: OwnIncidents
) -> None:
    change = Incident(incident.CHANGE, incident.NOTICE, PACK_ID, [101, 1])
    own.open("warning", SOMETHING, 0)
    own.open("kept", change, 0)
    own.open("gone", replace(change, definition=OTHER_ID), 0)
    again = OwnIncidents(outbox, RecordKeeper(outbox, Clock()))
    again.close_all(incident.CHANGE, 0, but_of=PACK_ID)
    assert [again.is_open(name) for name in ("warning", "kept", "gone")] == [True, True, False]
    assert told(outbox)[-1] == (4, [101], (1, 3))
    again.close_all(incident.WARNING_CODE, 0)
    assert [again.is_open(name) for name in ("warning", "kept")] == [False, True]
    assert told(outbox)[-1] == (5, [535], (1, 1))
    again.close_all(incident.WARNING_CODE, 0)
    assert len(told(outbox)) == 5
