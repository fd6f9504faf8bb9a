"""The agent's settings of the connection: what they become, and which make no sense together."""

from pathlib import Path

import pytest

from headway_edge.errors import AgentError
from headway_edge.mqtt.broker import Broker, Tls
from headway_edge.settings import read_settings


def test_settings_become_a_broker(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(
        'broker_host = "fleet.example"\nbroker_port = 8883\nbroker_tls = true\nbroker_ca = "/etc/headway/ca.pem"\n'
        'broker_cert = "/etc/headway/device.pem"\nbroker_key = "/etc/headway/device.key"\nbroker_protocol = "5"\n'
        'broker_username = "bus-0142"\nbroker_password = "secret"\nkeepalive_s = 30\nback_off_max_s = 60\n'
    )
    folder = Path("/etc/headway")
    tls = Tls(folder / "ca.pem", folder / "device.pem", folder / "device.key")
    assert read_settings(path).broker() == Broker(
        "fleet.example", 8883, "bus-0142", "secret", 30, 60.0, protocol="5", tls=tls
    )
    assert read_settings(None).broker() == Broker()


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"broker_ca": "/ca.pem"}, "broker_ca is of no use without TLS: set broker_tls = true, or take it out"),
        ({"broker_cert": "/c.pem"}, "broker_cert is of no use without TLS"),
        ({"broker_key": "/k.pem"}, "broker_key is of no use without TLS"),
        (
            {"broker_tls": True, "broker_key": "/k.pem"},
            "broker_key needs the certificate it belongs to: set broker_cert",
        ),
        ({"broker_protocol": "4"}, "broker_protocol: "),
        ({"keepalive_s": 1}, "keepalive_s: "),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], cause: str) -> None:
    with pytest.raises(AgentError, match="settings are not valid") as caught:
        read_settings(None, **settings)
    assert cause in str(caught.value)


KEYS = ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "A" * 43 + "=")


def test_keys_are_written_in_either_form_and_in_the_environment_with_commas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(f'group = "depot"\ndevice = "bus"\npack_keys = ["{KEYS[0]}", "{KEYS[1]}"]\n')
    found = read_settings(path).server_keys()
    assert (found.address, len(found.ids)) == ("depot/bus", 2)
    monkeypatch.setenv("HEADWAY_AGENT_PACK_KEYS", ",".join(KEYS))
    assert read_settings(None).server_keys().ids == found.ids
    monkeypatch.setenv("HEADWAY_AGENT_PACK_KEYS", "")
    assert read_settings(None).server_keys().ids == []


@pytest.mark.parametrize("keys", [["d75a"], ["x" * 64], [KEYS[0] + "00"], [KEYS[0]] * 9, 5])
def test_what_is_no_key_is_refused_by_name(keys: object) -> None:
    with pytest.raises(AgentError, match="pack_keys: "):
        read_settings(None, pack_keys=keys)
