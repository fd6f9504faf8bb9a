"""The packs that devices hold are those of the library, compiled; nothing of them is older."""

from pathlib import Path

import pytest

from headway_edge import packs
from headway_edge.errors import AgentError
from headway_server.packs.library import names, path
from headway_simulators.processes import find_process
from headway_simulators.shipped_packs import files

FOLDER = Path(packs.__file__).parent


def test_they_are_current() -> None:
    found = {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in {".cbor", ".json"}}
    stale = sorted(name for name, content in files().items() if found.get(name) != content)
    assert stale == [], "run `make packs`"
    assert sorted(found) == sorted(files())


@pytest.mark.parametrize("name", names())
def test_a_device_has_words_for_all_that_it_shows(name: str) -> None:
    process = packs.load(name)
    assert [c.key for c in process.trip + process.period if c.title == c.key] == []
    assert any(c.headline for c in process.period)
    assert all(process.count(event, [0] * len(process.pack.cells)) == 0 for event in process.events)
    assert process.pack.enough != []
    assert len(process.axes) >= 3


def test_a_compiled_pack_of_ones_own_is_loaded_by_its_path_with_its_words(tmp_path: Path) -> None:
    for suffix in (".cbor", ".json"):
        (tmp_path / f"mine{suffix}").write_bytes((FOLDER / f"eco-driving{suffix}").read_bytes())
    assert packs.load(str(tmp_path / "mine.cbor")).title == "Eco-driving"
    (tmp_path / "mine.json").write_bytes((FOLDER / "wellness.json").read_bytes())  # the words of another pack
    assert packs.load(str(tmp_path / "mine.cbor")).title == "eco-driving"


def test_what_is_no_pack_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"there is no pack 'x'. Known: commercial-driving, eco-driving"):
        packs.load("x")
    (tmp_path / "x.cbor").write_bytes(b"\x80")
    with pytest.raises(AgentError, match="is no pack this device takes"):
        packs.load(str(tmp_path / "x.cbor"))


def test_a_source_and_the_pack_made_of_it_are_one_process() -> None:
    assert find_process(str(path("eco-driving"))).id == find_process("eco-driving").id
