"""An operator's commands on a person's data: what they print, what they ask, and how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from operator_command import TOKEN, headway
from test_data_commands import Device

from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), 0, free_port(), TOKEN) as one:
        yield one


def test_export_erase_certificate_and_audit(server: ServerProcess, tmp_path: Path) -> None:
    at = ("--server", server.url)
    device = Device(server.broker_port)
    device.send(3, b"junk")
    device.close()

    shown = headway("person", "export", "depot/bus-1", *at)
    assert json.loads(shown.stdout)["devices"] == ["depot/bus-1"]
    out = tmp_path / "trips.csv"
    assert headway("person", "export", "depot/nobody", "--out", out, *at).stderr.strip().endswith("of this person.")
    assert not out.exists()
    assert headway("person", "export", "depot/bus-1", "--csv", "--out", out, *at).returncode == 1, "it has no trips"
    assert headway("person", "export", "depot/bus-1", "--out", tmp_path / "no" / "x.json", *at).returncode == 1
    assert headway("person", "export", "depot/bus-1", *at, token=None).returncode == 1

    asked = subprocess.run(
        [sys.executable, "-m", "headway_simulators", "person", "erase", "depot/bus-1", *at],
        input="n\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "HEADWAY_OPERATOR_TOKEN": TOKEN},
    )
    assert asked.returncode == 1
    assert "Erase everything of depot/bus-1, for good?" in asked.stdout
    erased = headway("person", "erase", "depot/bus-1", "--yes", *at)
    assert erased.stdout.startswith("Erased with number 1: ")
    assert "1 device to be wiped" in erased.stdout
    again = headway("person", "erase", "depot/bus-1", "--yes", *at)
    assert again.returncode == 1
    assert "it was erased with number 1" in again.stderr
    assert "0 of 1 devices wiped" in headway("person", "erasures", *at).stdout
    assert headway("person", "wiped", 1, "depot/other", *at).returncode == 1
    assert headway("person", "wiped", 1, "depot/bus-1", *at).returncode == 0
    assert "1 of 1 devices wiped" in headway("person", "erasures", *at).stdout

    certificate = tmp_path / "certificate.json"
    assert "backups: " in headway("person", "certificate", 1, "--out", certificate, *at).stdout
    checked = headway("person", "verify", certificate, token=None)
    assert checked.returncode == 0
    assert f"Signed by {server.public_key}" in checked.stdout
    assert headway("person", "verify", certificate, "--key", server.public_key, token=None).returncode == 0
    assert headway("person", "verify", certificate, "--key", "00" * 32, token=None).returncode == 1
    certificate.write_text(certificate.read_text().replace('"complete": false', '"complete": true'))
    changed = headway("person", "verify", certificate, token=None)
    assert changed.returncode == 1
    assert "was changed after it was signed" in changed.stderr
    assert headway("person", "verify", tmp_path / "absent.json", token=None).returncode == 1
    certificate.write_text("no JSON")
    assert "is not JSON" in headway("person", "verify", certificate, token=None).stderr

    listed = headway("audit", "list", *at).stdout
    assert [line.split()[3] for line in listed.splitlines()] == ["wiped", "erase", "refused", "export"]
    verified = headway("audit", "verify", *at)
    assert verified.returncode == 0
    newest = verified.stdout.strip().rstrip(".").split()[-1]
    assert headway("audit", "verify", "--expected", newest, *at).returncode == 0
    assert headway("audit", "verify", "--expected", "0" * 64, *at).returncode == 1
