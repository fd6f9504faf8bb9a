"""`headway doctor` looks into a store, also of a running agent, and changes nothing of it."""

import os
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_edge.orders.offer_book import REFUSED
from headway_edge.orders.pack_trial import GIVEN_BACK, TRIAL
from headway_edge.store.outbox import Outbox
from headway_protocol import cbor, record
from headway_protocol.codes import CONFLICT
from headway_simulators.command import app
from headway_simulators.finding import Finding
from headway_simulators.store_diagnosis import look_into, stores_in

BODY = record.episode_body(bytes(8), 0, bytes(range(1, 40)), b"")
BUDGET = 64 * 2**20


def told(path: Path) -> list[str]:
    return [f"{finding.grade}: {finding.what}" for finding in look_into(path, BUDGET)]


def filled(path: Path, count: int = 5) -> Outbox:
    outbox = Outbox(path)
    for _ in range(count):
        outbox.append(record.EPISODE, 0, None, record.UNSYNCED, BODY)
    return outbox


def files(folder: Path) -> dict[str, bytes]:
    return {str(item): item.read_bytes() for item in folder.rglob("*") if item.is_file()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def test_a_sound_store(path: Path) -> None:
    filled(path).close()
    before = files(path.parent)
    assert told(path) == [
        f"ok: store: {path} is sound: 5 records, 5 of them for the server, 0.0 of 64 MiB",
        "ok: store: complete up to record 5 of boot 1",
    ]
    assert files(path.parent) == before


def test_a_store_in_use_is_looked_into_and_left_alone(path: Path) -> None:
    outbox = filled(path)
    before = files(path.parent)
    first, second, third = told(path)
    assert first == f"ok: store: {path} is in use by process {os.getpid()}"
    assert "5 records, 5 of them for the server" in second
    assert third == "ok: store: complete up to record 5 of boot 1"
    assert files(path.parent) == before
    outbox.append(record.EPISODE, 0, None, record.UNSYNCED, BODY)
    outbox.close()


def test_refusals_and_losses_are_told_with_their_reasons(path: Path) -> None:
    outbox = filled(path)
    outbox.acknowledge(1, 1, [(2, CONFLICT)])
    outbox.set_undeliverable(1, 3)
    outbox.skip(2)
    outbox.close()
    lines = told(path)
    assert "note: store: refused or undeliverable: 1 conflict, 1 undeliverable" in lines
    assert "note: store: lost, and not yet declared: boot 1, 6 to 7: the disk refused it for too long" in lines


def test_what_is_damaged_or_missing_must_be_seen_to(path: Path) -> None:
    filled(path).close()
    whole = path.read_bytes()
    path.write_bytes(b"\xa5" * 4096 + whole[4096:])
    (bad,) = list(look_into(path, BUDGET))
    assert bad == Finding(
        "bad",
        f"store: {path} is damaged: file is not a database",
        "Start the agent: it puts the file aside and goes on with what can be read of it.",
    )
    Outbox(path).close()
    assert f"note: store: damaged files lie in {path.parent / 'quarantine'}: outbox.db-1" in told(path)
    older = path.read_bytes()
    filled(path).close()
    path.write_bytes(older)
    assert "bad: store: 5 records that were committed are missing from it" in told(path)
    Path(f"{path}.mark").write_bytes(b"?")
    assert "note: store: the mark beside it cannot be read" in told(path)


def test_bytes_that_have_changed_are_counted(path: Path) -> None:
    filled(path).close()
    db = sqlite3.connect(path)
    db.execute("UPDATE record SET payload = x'00' WHERE seq > 3")
    db.commit()
    db.close()
    assert "bad: store: the bytes of 2 records have changed" in told(path)


@pytest.mark.parametrize(("version", "grade"), [(1, "note"), (9, "bad")])
def test_another_version_is_named(path: Path, version: int, grade: str) -> None:
    filled(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    (line,) = told(path)
    assert line.startswith(f"{grade}: store: {path} is")
    assert str(version) in line


def test_a_folder_has_the_stores_that_have_a_mark(tmp_path: Path) -> None:
    for name in ("van-1.db", "van-2.db"):
        filled(tmp_path / name).close()
    (tmp_path / "notes.db").write_text("something else")
    (tmp_path / "gone.db.mark").write_text("")
    assert [item.name for item in stores_in(tmp_path)] == ["van-1.db", "van-2.db"]
    assert stores_in(tmp_path / "van-1.db") == [tmp_path / "van-1.db"]
    assert stores_in(tmp_path / "nowhere") == []


def test_the_command_takes_a_store_or_the_agents_settings(path: Path) -> None:
    filled(path).close()
    config = path.parent / "agent.toml"
    config.write_text(f'store = "{path}"\nstore_bytes_max = {8 * 2**20}\n')
    for options in (["--store", str(path)], ["--config", str(config)]):
        done = CliRunner().invoke(app, ["doctor", "--broker", "127.0.0.1:1", *options])
        assert "5 records, 5 of them for the server" in done.output
    assert "of 8 MiB" in done.output
    path.write_bytes(b"damaged")
    done = CliRunner().invoke(app, ["doctor", "--broker", "127.0.0.1:1", "--store", str(path)])
    assert done.exit_code == 1


def test_what_became_of_offered_packs_is_told(path: Path) -> None:
    outbox = filled(path)
    outbox.save_all({TRIAL: cbor.encode([7, 1]), REFUSED: b"forged: not signed; no key fits\ncompare the keys"})
    assert told(path)[2:4] == [
        "bad: store: the pack that was offered last was not taken: forged: not signed; no key fits",
        "note: store: the pack that runs is on trial",
    ]
    outbox.save_all({TRIAL: None, REFUSED: None, GIVEN_BACK: b"7"})
    (finding,) = [found for found in look_into(path, BUDGET) if "given back" in found.what]
    assert (finding.grade, finding.next_step) == ("bad", "Offer a mended pack.")
    assert finding.what.startswith("store: the pack of offer 7 was given back")
    outbox.close()
