"""Settings: what wins, and what is refused by name."""

import pytest

from headway_server.errors import ServerError
from headway_server.settings import ServerSettings, read_settings


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "server.toml"
        path.write_text(text)
        return path

    return write


def test_defaults():
    settings = ServerSettings()
    assert settings.database_url == "sqlite+aiosqlite:///headway.db"
    assert (settings.broker_host, settings.broker_port, settings.http_host, settings.http_port) == (
        "127.0.0.1",
        1883,
        "127.0.0.1",
        8000,
    )
    assert (settings.k_floor, settings.epoch_days, settings.operator_token) == (10, 7, None)
    assert (settings.batch_max, settings.batch_wait_ms, settings.queue_max) == (500, 50, 5000)


def test_keywords_win_over_the_environment_and_that_over_the_file(toml, monkeypatch):
    path = toml("k_floor = 20\nhttp_port = 8001\nepoch_days = 30")
    monkeypatch.setenv("HEADWAY_SERVER_HTTP_PORT", "8002")
    monkeypatch.setenv("HEADWAY_SERVER_EPOCH_DAYS", "14")
    settings = read_settings(path, epoch_days=1)
    assert (settings.k_floor, settings.http_port, settings.epoch_days) == (20, 8002, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k_flor = 20", "k_flor: unknown key; known keys are band_groups,"),
        ("k_floor = 4", "k_floor: Input should be greater than or equal to 5"),
        ("http_port = 70000", "http_port: Input should be less than or equal to 65535"),
        ("embedded_broker = 'perhaps'", "embedded_broker: Input should be a valid boolean"),
        ("k_floor = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_by_key(toml, text, message):
    with pytest.raises(ServerError, match=message):
        read_settings(toml(text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ServerError, match=r"there is no settings file .*gone.toml; check the path"):
        read_settings(tmp_path / "gone.toml")


def test_an_unknown_environment_variable_is_refused(monkeypatch):
    monkeypatch.setenv("HEADWAY_SERVER_K_FLOR", "20")
    with pytest.raises(ServerError, match="HEADWAY_SERVER_K_FLOR is not a setting"):
        read_settings()


def test_secrets_are_not_repeated(toml):
    path = toml('operator_token = "short"\nbroker_password = "hush-hush"\nother = 1')
    with pytest.raises(ServerError) as caught:
        read_settings(path)
    assert "short" not in str(caught.value).replace("should", "")
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(ServerSettings(broker_password="hush-hush"))  # noqa: S106
