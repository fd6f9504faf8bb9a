"""`headway pack` as a person meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headway_edge.core.pack import Pack
from headway_server.packs import library
from headway_simulators.command.pack import app


def pack(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def source(tmp_path: Path, minimal: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(minimal, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["check", "build", "show", "diff", "explain"])
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = pack(command, "--help")
    assert done.exit_code == 0
    assert f"headway pack {command}" in done.stdout


def test_it_is_a_command_of_headway(source: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "headway_simulators", "pack", "check", source],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{source}: right; minimal version 1, id f6259595b42ff41b, 326 bytes\n"


def test_check_says_that_packs_are_right(source: Path) -> None:
    done = pack("check", source, "private-driving")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"{source}: right; minimal version 1, id f6259595b42ff41b, 326 bytes"
    assert lines[1].startswith("private-driving: right; private-driving version 4, id ")


def test_check_lists_every_mistake_and_goes_on_to_the_next_pack(source: Path, minimal: str) -> None:
    source.write_text(minimal.replace("29*kmh", "29*km").replace('"5*min"', '"5*km"'), encoding="utf-8")
    done = pack("check", source, "private-driving")
    assert done.exit_code == 1
    assert done.stderr == (
        f"{source}:12: rules.gap: 5000 m (distance) does not go with time in 0.001 s\n"
        f"{source}:51: accumulators.slow.when: 29000 m (distance) does not go with speed in 0.01 km/h\n"
        "headway: 2 mistakes; docs/packs.md describes every field and operator.\n"
    )
    assert done.stdout.startswith("private-driving: right")


def test_build_writes_the_bytes_that_a_device_takes_and_the_texts_apart(source: Path, tmp_path: Path) -> None:
    output, catalogue = tmp_path / "out.cbor", tmp_path / "out.json"
    done = pack("build", source, "--output", output, "--catalogue", catalogue)
    assert (done.exit_code, done.stdout) == (0, f"{output}: minimal version 1, id f6259595b42ff41b, 326 bytes\n")
    assert Pack(output.read_bytes()).id.hex() == "f6259595b42ff41b"
    texts = json.loads(catalogue.read_text(encoding="utf-8"))
    assert (texts["pack_id"], texts["title"]) == ("f6259595b42ff41b", "Minimal")


def test_build_names_the_file_after_the_pack(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pack("build", source).exit_code == 0
    assert len((tmp_path / "minimal.cbor").read_bytes()) == 326


def test_build_of_a_pack_with_mistakes_writes_nothing(source: Path, tmp_path: Path, minimal: str) -> None:
    source.write_text(minimal.replace("29*kmh", "29*km"), encoding="utf-8")
    done = pack("build", source, "--output", tmp_path / "out.cbor")
    assert done.exit_code == 1
    assert "headway: 1 mistake; docs/packs.md" in done.stderr
    assert not (tmp_path / "out.cbor").exists()


def test_show_prints_each_part_with_its_size_from_source_and_from_bytes_alike(source: Path, tmp_path: Path) -> None:
    done = pack("show", source)
    assert done.exit_code == 0
    assert done.stdout.startswith("id f6259595b42ff41b, 326 bytes\n\nformat: 1 byte\n  1\n")
    assert 'values: 33 bytes, 2 entries\n  ["round", ["s", 0], 100]\n' in done.stdout
    built = tmp_path / "out.cbor"
    pack("build", source, "-o", built)
    assert pack("show", built).stdout == done.stdout


def test_show_of_bytes_that_are_no_pack_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bad.cbor"
    path.write_bytes(b"\x81\x01")
    done = pack("show", path)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"headway: {path} is no pack that a device would take: ")


def test_diff_tells_definition_from_wording(source: Path, tmp_path: Path, minimal: str) -> None:
    other = tmp_path / "other.toml"
    other.write_text(minimal.replace("29*kmh", "30*kmh"), encoding="utf-8")
    done = pack("diff", source, other)
    assert done.exit_code == 0
    assert "Definition\n  accumulators.slow.when: speed < 29*kmh -> speed < 30*kmh\n" in done.stdout


def test_explain_tells_a_pack_that_ships() -> None:
    done = pack("explain", "commercial-driving")
    assert done.exit_code == 0
    assert "rapid_u_turn" in done.stdout


def test_a_name_that_is_neither_file_nor_pack_says_what_there_is() -> None:
    done = pack("explain", "walking")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        f"headway: 'walking' is neither a file nor a pack that ships. Packs that ship: {', '.join(library.names())}.\n"
    )


def test_an_output_that_cannot_be_written_is_told(source: Path, tmp_path: Path) -> None:
    done = pack("build", source, "-o", tmp_path / "nowhere" / "x.cbor")
    assert done.exit_code == 1
    assert "cannot be written: No such file or directory. Choose another place." in done.stderr
