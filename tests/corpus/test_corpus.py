"""Every message of every release reads as it did then: devices in the field keep the firmware of the day they were built."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cbor2
import pytest
from meaning import by_protocol, by_server

from headway_protocol import record, topics
from headway_protocol.record_names import KIND_NAMES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RELEASES = sorted(HERE.glob("*.json"))
COMMANDS = {"micropython", "micropython32"}


def release(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_there_is_a_message_of_every_kind_and_channel() -> None:
    kinds, channels = set(), set()
    for path in RELEASES:
        for message in release(path)["messages"]:
            channels.add(message["channel"])
            if message["channel"] == topics.UP:
                kinds.add(record.decode(bytes.fromhex(message["hex"])).kind)
    assert channels == set(topics.CHANNELS)
    # Feedback stands for the kinds that have a number and no meaning yet.
    assert kinds == set(KIND_NAMES) - {record.AGREEMENT}


def known_then(now: Any, then: Any) -> Any:
    """What of `now` was known then: of a dict the same keys, at every depth. The server may know more today."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {key: known_then(now.get(key), value) for key, value in then.items()}
    return now


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_every_message_of_every_release_reads_as_it_did(path: Path) -> None:
    then = release(path)
    pack = bytes.fromhex(then["pack"])
    for message in then["messages"]:
        data = bytes.fromhex(message["hex"])
        assert by_protocol(message["channel"], data) == message["protocol"], message["name"]
        now = by_server(message["channel"], data, pack)
        assert known_then(now, message["server"]) == message["server"], message["name"]


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_what_a_later_release_appends_is_passed_over(path: Path) -> None:
    then = release(path)
    pack = bytes.fromhex(then["pack"])
    for message in then["messages"]:
        longer = cbor2.dumps([*cbor2.loads(bytes.fromhex(message["hex"])), "appended", {1: [2]}], canonical=True)
        assert by_protocol(message["channel"], longer) == message["protocol"], message["name"]
        now = by_server(message["channel"], longer, pack)
        assert known_then(now, message["server"]) == message["server"], message["name"]


@pytest.mark.full
@pytest.mark.parametrize("host", sorted(COMMANDS))
@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_a_microcontroller_reads_them_the_same(path: Path, host: str, tmp_path: Path) -> None:
    found = shutil.which(host)
    if found is None:
        pytest.fail(f"{host} is not on the PATH; .ci/run shows how it is installed")
    messages = release(path)["messages"]
    lines = tmp_path / "corpus.txt"
    lines.write_text("".join(message["hex"] + "\n" for message in messages))
    script = ROOT / "tests/micropython/codec_vectors.py"
    environment = os.environ | {"MICROPYPATH": f"{ROOT}/protocol:{ROOT}/edge:.frozen"}
    told = subprocess.run([found, script, lines], env=environment, capture_output=True, text=True, check=True).stdout
    for message, line in zip(messages, told.splitlines(), strict=True):
        assert message["protocol"] in line.split(" | "), message["name"]
