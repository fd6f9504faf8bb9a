"""`headway verify --samples` at a terminal: what it says, and its exit code."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import Result
from stored import Store, changed, replayed
from typer.testing import CliRunner

from headway_simulators.command import app
from headway_simulators.demo import shipped_sources
from headway_simulators.processes import find_process

FILES = [source.files[0] for source in shipped_sources()[:3]]
PROCESS = find_process("private-driving")
STOPS = PROCESS.places("stops")[0]


def fill(folder: Path, devices: dict[str, Sequence[bytes]]) -> str:
    async def filled() -> str:
        store = await Store.open(folder / "headway.db")
        for device, payloads in devices.items():
            await store.take(payloads, device)
        await store.database.close()
        return store.url

    return asyncio.run(filled())


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> list[list[bytes]]:
    """What three devices sent."""
    folder = tmp_path_factory.mktemp("replays")
    return [replayed(folder / str(i), PROCESS, "car", [file]) for i, file in enumerate(FILES)]


@pytest.fixture(scope="module")
def honest(sent: list[list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> str:
    return fill(tmp_path_factory.mktemp("honest"), {f"depot/{i}": payloads for i, payloads in enumerate(sent)})


def verify(url: str, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["verify", "--database", url, *map(str, arguments)], env={"COLUMNS": "160"})


def test_what_agrees_is_told_in_a_line_for_each_device(honest: str, tmp_path: Path) -> None:
    folder = tmp_path / "vehicle"
    folder.mkdir()
    shutil.copy(FILES[1], folder)
    done = verify(honest, "--samples", f"depot/0={FILES[0]}", "--samples", f"depot/1={folder}")
    assert done.exit_code == 0, done.output
    first, second, rate = done.stdout.splitlines()
    assert first.startswith(
        f"depot/0 (private-driving version {PROCESS.version}, class car): 4 of 4 stored trips agree with"
    )
    assert "3 of 3 stored trips agree" in second
    assert "samples, computed in" in rate
    assert "a second." in rate


def test_what_differs_is_told_by_name(sent: list[list[bytes]], tmp_path: Path) -> None:
    birth, first, second, _, fourth = sent[0]
    url = fill(tmp_path, {"depot/0": [birth, first, changed(second, PROCESS, {STOPS: 3}), fourth]})
    done = verify(url, "--samples", f"depot/0={FILES[0]}")
    assert done.exit_code == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    (count,) = [row[3:] for row in rows if row[3:4] == ["stops"]]
    assert int(count[1]) == int(count[2]) + 3
    assert ["depot/0", "Stops", *count[1:]] in rows
    assert "no such trip" in done.stdout
    assert "2 of 3 stored trips agree" in done.stdout
    assert "Trips: differing 1, given by the samples but not stored 1." in done.stdout
    only_records = verify(url)
    assert only_records.exit_code == 0, "the records alone do not tell"


def test_the_same_as_json(sent: list[list[bytes]], tmp_path: Path) -> None:
    birth, first, second, _, fourth = sent[0]
    url = fill(tmp_path, {"depot/0": [birth, first, changed(second, PROCESS, {STOPS: 3}), fourth]})
    done = verify(url, "--samples", f"depot/0={FILES[0]}", "--json")
    assert done.exit_code == 1
    (line,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (line["device"], line["classes"], line["compared"], line["foreign"]) == ("depot/0", ["car"], 3, False)
    assert {name: count for name, count in line["counts"].items() if count} == {
        "agrees": 2,
        "differs": 1,
        "not stored": 1,
    }
    differs, not_stored = line["trips"]
    assert (differs["verdict"], differs["boot"], differs["seq"]) == ("differs", 1, 3)
    assert [one["name"] for one in differs["differences"]] == ["stops", "Stops"]
    assert (not_stored["verdict"], not_stored["seq"]) == ("not stored", None)


def test_another_devices_recording_is_told_as_such(honest: str) -> None:
    done = verify(honest, "--samples", f"depot/0={FILES[2]}")
    assert done.exit_code == 1
    assert "Nothing in them is alike: this looks like another device's recording" in done.stdout


def test_nothing_compared_is_no_success(honest: str, tmp_path: Path) -> None:
    file = tmp_path / "standing.csv"
    file.write_text("timestamp,Vehicle.Speed\n" + "".join(f"{1_600_000_000 + i},0\n" for i in range(100)))
    done = verify(honest, "--samples", f"depot/0={file}")
    assert done.exit_code == 1
    assert "Nothing was compared" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--samples", "depot/0"], "'depot/0' is no DEVICE=PATH"),
        (["--samples", f"bus={FILES[0]}"], "is no DEVICE=PATH. Name the device as group/name"),
        (["--samples", f"depot/9={FILES[0]}"], "no device 'depot/9' has ever spoken"),
        (["--samples", "depot/0=absent.csv"], "absent.csv: there is no such file"),
        (["--samples", f"depot/0={FILES[0]}", "--class", "boat"], "knows the classes car"),
        (["--samples", f"depot/0={FILES[0]}", "--samples", f"depot/0={FILES[0]}"], "No sample counts twice"),
        (["--json"], "--class, --clock, --local-times and --json go with --samples"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(honest: str, arguments: list[str], message: str) -> None:
    done = verify(honest, *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
