"""`headway fields` prints the registry with a pack's counts, for people and for scripts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_edge import packs
from headway_simulators.command import app

MINIMAL = Path(__file__).parents[1] / "packs" / "minimal.toml"
SHIPPED = Path(packs.__file__).parent


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["fields", *arguments], env={"COLUMNS": "250"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_people_get_tables() -> None:
    text = printed("--pack", "wellness")
    for word in (
        "start_ago_ms",
        "resting_pulse",
        "the lowest value",
        "Read, and kept on the device: Wearable.LocalMinute",
    ):
        assert word in text
    assert "leave as codes of incidents" in printed()


@pytest.mark.parametrize("pack", ["private-driving", str(MINIMAL), str(SHIPPED / "eco-driving.cbor")])
def test_scripts_get_an_object(pack: str) -> None:
    found = json.loads(printed("--json", "--pack", pack))
    assert {"record", "episode", "gates", "state", "connect", "carried", "signals"} <= found.keys()
    (counts,) = [rows for key, rows in found.items() if key.endswith("-counts")]
    assert counts[0]["field"] == "elapsed"
    assert counts[1]["reads"] == "Vehicle.Speed"


def test_a_pack_that_there_is_not_is_named() -> None:
    done = CliRunner().invoke(app, ["fields", "--pack", "nothing-like-it"])
    assert done.exit_code == 1
