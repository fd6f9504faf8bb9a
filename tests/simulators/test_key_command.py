"""`headway key`: what an operator does with the server's keys."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headway_edge.settings import read_settings
from headway_server.settings import ServerSettings
from headway_server.signing import open_signing, read_key
from headway_simulators.command import app


def key(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["key", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/headway.db"


def test_the_line_that_is_shown_is_what_a_device_takes(tmp_path: Path, url: str) -> None:
    signing = open_signing(ServerSettings(database_url=url))
    code, told = key("show", "--database", url)
    assert code == 0
    assert "signs" in told
    (line,) = re.findall("pack_keys = .*", told)
    settings = tmp_path / "agent.toml"
    settings.write_text(line)
    assert read_settings(settings).server_keys().ids == [signing.signer("depot/bus")[1]]
    assert key("show", "--database", url, "--public") == (0, signing.keys[0].public.hex() + "\n")
    assert signing.keys[0].seed.hex() not in told


def test_before_the_first_start_there_is_none(url: str) -> None:
    code, told = key("show", "--database", url)
    assert code == 1
    assert "a server makes its own at the first start" in told


def test_a_new_key_leaves_the_bands_theirs(tmp_path: Path, url: str) -> None:
    old = open_signing(ServerSettings(database_url=url)).keys[0]
    file = tmp_path / "key-2027"
    code, told = key("new", file, "--database", url)
    assert code == 0
    made = read_key(file)
    assert made.public.hex() in told
    assert (made.band_master, made.seed == old.seed) == (old.band_master, False)
    assert key("new", file, "--database", url)[0] == 1
    assert read_key(file) == made
    assert key("new", tmp_path / "other", "--new-bands", "--database", url)[0] == 0
    assert read_key(tmp_path / "other").band_master != old.band_master


def test_several_keys_are_told_in_their_order(tmp_path: Path, url: str) -> None:
    open_signing(ServerSettings(database_url=url))
    old, new = tmp_path / "headway.db.signing-key", tmp_path / "new"
    key("new", new, "--database", url)
    config = tmp_path / "server.toml"
    config.write_text(f'database_url = "{url}"\nsigning_key = ["{new}", "{old}"]\n')
    code, told = key("show", "--config", config)
    assert code == 0
    assert re.findall("(signs|held)", told) == ["signs", "held"]
    keys = [read_key(path).public.hex() for path in (new, old)]
    assert key("show", "--config", config, "--public")[1].split() == keys


def test_a_bands_key_is_told_by_its_address(url: str) -> None:
    signing = open_signing(ServerSettings(database_url=url))
    assert (
        key("show", "--database", url, "--band", "bands/band-3")[1].strip()
        == signing.keys[0].band_key("bands/band-3").hex()
    )
    code, told = key("show", "--database", url, "--band", "band-3")
    assert (code, "write GROUP/DEVICE" in told) == (1, True)
