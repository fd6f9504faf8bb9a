"""Key files: made once, for the server's user alone, whole or not at all; and what is derived from them never changes."""

import hmac
import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from headway_edge.orders import server_keys
from headway_server.errors import ServerError
from headway_server.settings import ServerSettings
from headway_server.signing import Signing, SigningKey, key_id, key_paths, open_signing, read_key, write_key

KEY = SigningKey(bytes(range(32)), bytes(range(32, 64)))


def settings(folder: Path, **others: object) -> ServerSettings:
    return ServerSettings(database_url=f"sqlite+aiosqlite:///{folder}/headway.db", **others)


def test_the_first_start_makes_a_key_that_nobody_else_can_read_and_later_ones_take_it(tmp_path: Path) -> None:
    first = open_signing(settings(tmp_path))
    (path,) = tmp_path.iterdir()
    assert path.name == "headway.db.signing-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_signing(settings(tmp_path)).keys == first.keys
    other = tmp_path / "other"
    other.mkdir()
    assert open_signing(settings(other)).keys != first.keys


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert write_key(path, KEY)
    assert not write_key(path, SigningKey.new())
    assert read_key(path) == KEY
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_a_write_that_is_cut_short_leaves_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServerError, match=r"cannot write the key .*No space left.* check its folder"):
        write_key(tmp_path / "key", KEY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[:-2], lambda text: text.replace("1", "2", 1), lambda _text: "", lambda text: text + text],
)
def test_a_damaged_key_is_refused_and_not_replaced(tmp_path: Path, damage) -> None:
    path = tmp_path / "headway.db.signing-key"
    path.write_text(damage(KEY.text()))
    with pytest.raises(ServerError, match="is no key of Headway, or a damaged one"):
        open_signing(settings(tmp_path))
    assert path.read_text() == damage(KEY.text())


def test_keys_that_are_named_must_be_there(tmp_path: Path) -> None:
    present, missing = tmp_path / "present", tmp_path / "missing"
    write_key(present, KEY)
    found = open_signing(settings(tmp_path, signing_key=f"{present}"))
    assert found.keys == (KEY,)
    with pytest.raises(ServerError, match=r"there is no key .*missing"):
        open_signing(settings(tmp_path, signing_key=[missing, present]))


def test_a_key_that_others_can_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_key(path, KEY)
    path.chmod(0o640)
    with capture_logs() as logs:
        read_key(path)
    assert [(entry["event"], entry["mode"]) for entry in logs] == [("others can read the signing key", "640")]


def test_with_postgresql_somebody_must_say_where_the_key_is(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://headway@localhost/headway"
    with pytest.raises(ServerError, match="set signing_key to a file"):
        key_paths(ServerSettings(database_url=url))
    assert key_paths(ServerSettings(database_url=url, signing_key=str(tmp_path / "a"))) == (tmp_path / "a",)


def test_the_environment_names_several_with_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SERVER_SIGNING_KEY", "/a/new,/a/old")
    monkeypatch.setenv("HEADWAY_SERVER_BAND_GROUPS", "bands,rings")
    found = ServerSettings()
    assert (found.signing_key, found.band_groups) == ((Path("/a/new"), Path("/a/old")), ("bands", "rings"))


def test_keys_are_derived_as_devices_that_hold_them_expect() -> None:
    # HKDF-SHA256 of RFC 5869, by hand: extract with a salt of zeros, one block of expand.
    prk = hmac.digest(bytes(32), KEY.band_master, "sha256")
    assert KEY.band_key("bands/band-3") == hmac.digest(prk, b"headway band key 1\x00bands/band-3\x01", "sha256")
    # RFC 8032, section 7.1, test 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    one = SigningKey(seed, bytes(32))
    assert one.public == public
    assert (
        Signing([one])
        .signer("depot/bus-1")[2](b"")
        .hex()
        .startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974")
    )
    assert key_id(public) == server_keys.key_id(public)


def test_a_file_says_what_it_is_and_a_key_does_not_show_itself() -> None:
    assert KEY.text().splitlines()[0] == "headway signing key 1"
    assert KEY.seed.hex() not in repr(KEY)
    assert repr(KEY.seed)[2:-1] not in repr(KEY)
