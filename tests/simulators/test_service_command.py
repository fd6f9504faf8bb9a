"""Telling the device what was done: kept in its outbox, counted from then on, refused with a reason."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_edge.store.outbox import Outbox
from headway_protocol import record, service
from headway_simulators.command import app


def run(store: Path, *arguments: str):
    return CliRunner().invoke(app, ["service", *arguments, "--store", str(store)])


def test_an_oil_change_is_kept_and_counted_from_its_day_on(tmp_path: Path) -> None:
    store = tmp_path / "outbox.db"
    done = run(store, "oil", "--days-ago", "3", "--odometer-km", "84210")
    assert done.exit_code == 0, done.output
    assert "Engine oil: not yet." in done.stdout
    assert "Tyres: not known." in done.stdout
    assert run(store, "refuel", "--litres", "41.5").exit_code == 0
    outbox = Outbox(store)
    bodies = [service.parse_service(record.decode(payload).body) for payload in outbox.payloads(record.SERVICE)]
    outbox.close()
    assert bodies == [
        (service.OIL_CHANGED, 3 * 86_400_000, 84210, None),
        (service.REFUELLED, 0, None, 41_500),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["refuel"], "--litres goes with refuel"),
        (["oil", "--litres", "4"], "--litres goes with refuel"),
        (["refuel", "--litres", "99999"], "this cannot be: millilitres 99999000"),
        (["oil", "--odometer-km", "99999999"], "this cannot be: odometer_km 99999999"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(tmp_path / "outbox.db", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr


def test_a_running_agent_is_named(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    done = run(tmp_path / "outbox.db", "oil")
    outbox.close()
    assert done.exit_code == 1
    assert "is in use by process" in done.stderr
