"""A program: what is left of a pack for the class that runs it, and what a device refuses of one."""

import copy

import pytest
from test_pack import GOOD

from headway_edge import packs
from headway_edge.core.day import DayCore
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.made_program import program_of
from headway_edge.core.pack import Pack
from headway_edge.core.pack_code import generate
from headway_edge.core.program import Program
from headway_edge.installed_pack import install
from headway_protocol import cbor

PACK = packs.load("commercial-driving").pack


def names_of(pack: Pack, vehicle_class: str) -> dict:
    names: dict = {}
    exec(generate(pack, vehicle_class)[0], names)  # noqa: S102 - what a device imports
    return names


@pytest.mark.parametrize("name", packs.names())
def test_a_program_knows_of_the_pack_what_running_needs(name: str) -> None:
    pack = packs.load(name).pack
    for vehicle_class in pack.classes:
        program = Program(names_of(pack, vehicle_class))
        assert program.vehicle_class == vehicle_class
        assert (program.id, program.name, program.version) == (pack.id, pack.name, pack.version)
        assert (program.kind, list(program.rules), program.cells) == (pack.kind, pack.rules, pack.cells)
        for role in ("speed", "engine_speed", "ignition", "clock"):
            assert getattr(program, role) == getattr(pack, role)
        assert (program.signal_count, program.event_count) == (len(pack.signals), len(pack.events))
        assert program.core_cells == sum(width for _, width in pack.cells)


def test_a_core_of_a_program_counts_what_that_of_the_pack_counts() -> None:
    of_pack, of_program = EpisodeCore(PACK, "bus"), EpisodeCore(program_of(PACK, "bus", "trip"), "bus")
    for second in range(1, 300):
        for core in (of_pack, of_program):
            core.signals[:] = type(core.signals)(
                "i", [(second * 37 * (i + 3)) % 1400 for i in range(len(core.signals))]
            )
            core.signals[PACK.speed] = (second * 700) % 9000
            core.signals[PACK.ignition] = 1
        assert of_pack.update(1000) == of_program.update(1000)
    assert of_pack.state() == of_program.state()
    assert of_pack.finish() == of_program.finish()
    assert wire_cells(of_pack) == wire_cells(of_program) != b""


def test_a_program_of_another_class_kind_or_format_is_refused() -> None:
    program = program_of(PACK, "bus", "trip")
    with pytest.raises(ValueError, match="the program of pack commercial-driving is of class 'bus', not 'car'"):
        EpisodeCore(program, "car")
    with pytest.raises(ValueError, match="is of kind 'trip', not 'day'"):
        DayCore(program, "bus")
    with pytest.raises(ValueError, match="is of kind 'day', not 'trip'"):
        EpisodeCore(packs.load("wellness").pack, "actigraph")
    with pytest.raises(ValueError, match="a program of format 0; this device runs format 2: install the pack again"):
        Program(names_of(PACK, "bus") | {"FORMAT": 0})
    with pytest.raises(ValueError, match="a program of format None"):
        Program({})


@pytest.mark.parametrize("text", ['"\nimport os\n"', "'); import os; ('", "\\x00\\", "é€"])
def test_no_text_of_a_pack_gets_into_its_code(text: str) -> None:
    parts = copy.deepcopy(GOOD)
    parts[1], parts[4], parts[5][0][0] = text, [text], text
    pack = Pack(cbor.encode(parts, 14))
    source, _ = generate(pack, text)
    assert source.isascii()
    assert "import" not in source
    assert "\\" not in source
    program = program_of(pack, text, "trip")
    assert (program.name, program.vehicle_class) == (text, text)


def test_the_old_program_stays_until_the_new_one_is_whole(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = cbor.encode(GOOD, 14)
    install(data, "car", str(tmp_path))
    before = (tmp_path / "pack_program.py").read_text()
    assert before == generate(Pack(data), "car")[0]

    def lose_power(*_: object) -> None:
        raise OSError("power")

    other = copy.deepcopy(GOOD)
    other[2] = 2
    with monkeypatch.context() as patched:
        patched.setattr("os.rename", lose_power)
        with pytest.raises(OSError, match="power"):
            install(cbor.encode(other, 14), "car", str(tmp_path))
    assert (tmp_path / "pack_program.py").read_text() == before
    install(cbor.encode(other, 14), "car", str(tmp_path))
    assert "\n 2,\n" in (tmp_path / "pack_program.py").read_text()
