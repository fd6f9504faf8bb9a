"""What a microcontroller has: little heap, and none to spare while samples come in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bench.heap import CLASSES, PACKS, samples_text

from headway_edge.core.pack import Pack
from headway_edge.core.pack_code import generate
from headway_edge.core.process import Process
from headway_protocol import cbor, record
from headway_server.packs import library
from headway_server.packs.compile import compile_source
from headway_server.packs.source import parse

RunOn = Callable[..., str]

SETTLED = 3  # records that the session has settled

SMALL = "64k"
WITH_SESSION = "72k"  # the session too: its modules keep 5 KB, and their names another 4


def numbers(printed: str) -> dict[str, int]:
    return {name: int(number) for name, number in (line.rsplit(" ", 1) for line in printed.splitlines())}


@pytest.mark.full
@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_no_update_allocates_on_any_path(host: str, private_driving: Path, run_on: RunOn) -> None:
    found = numbers(run_on(host, "no_allocation.py", private_driving, "car", "core"))
    assert found.pop("left_behind") == 0
    assert found["updates"] >= 1000
    # Each path was taken, or the check would show nothing about it.
    assert sorted(name for name, number in found.items() if number == 0) == []
    assert {"opened", "closed", "event_0", "event_1", "gaps", "duplicate", "backwards", "too_short"} <= set(found)


@pytest.mark.full
@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_one_allocation_in_a_seldom_path_is_found(host: str, private_driving: Path, run_on: RunOn) -> None:
    printed = run_on(host, "no_allocation.py", private_driving, "car", "allocating")
    assert printed.startswith("allocated at update 226 (3000, 30000, ")


@pytest.mark.full
@pytest.mark.parametrize(("pack", "vehicle_class"), CLASSES.items())
def test_a_shipped_pack_is_installed_and_runs_with_outbox_and_encoder_in_64_kilobytes(
    pack: str, vehicle_class: str, modules: Path, tmp_path: Path, run_on: RunOn, capsys: pytest.CaptureFixture[str]
) -> None:
    path = PACKS / f"{pack}.cbor"
    compiled = Pack(path.read_bytes())
    samples = tmp_path / "samples.txt"
    samples.write_text(samples_text(compiled))
    programs, sent, left = {}, {}, {}
    for host in ("cpython", "micropython32"):
        folder = tmp_path / host
        folder.mkdir()
        small, larger = (
            {} if host == "cpython" else {"heap": heap, "modules": modules} for heap in (SMALL, WITH_SESSION)
        )
        run_on(host, "install_pack.py", path, vehicle_class, folder, **small)
        programs[host] = (folder / "pack_program.py").read_text()
        sent[host] = run_on(host, "band.py", folder, samples, 0, **small).splitlines()
        left[host] = run_on(host, "band.py", folder, samples, SETTLED, **larger).splitlines()
    # One sample's update allocates nothing: band.py locks the heap in each.
    used = numbers(
        run_on("micropython32", "heap_use.py", tmp_path / "micropython32", heap=WITH_SESSION, modules=modules)
    )
    with capsys.disabled():
        kept = ", ".join(f"{number} B {name}" for name, number in used.items())
        print(f"\n{pack} for {vehicle_class} on a 32-bit MicroPython with a heap of {WITH_SESSION}: {kept}")
    assert programs["micropython32"] == programs["cpython"] == generate(compiled, vehicle_class)[0]
    assert sent["micropython32"] == sent["cpython"]
    # The second boot began with another birth, and the session had the oldest of both settled.
    assert left["micropython32"] == left["cpython"]
    assert len(left["cpython"]) == 2 * len(sent["cpython"]) - SETTLED
    birth, *episodes = [record.decode(bytes.fromhex(line)) for line in sent["cpython"]]
    assert (birth.kind, {episode.kind for episode in episodes}) == (record.BIRTH, {record.EPISODE})
    process = Process(compiled)
    observed = [process.numbers(record.parse_episode(episode.body)[2]) for episode in episodes]
    assert sum(found[0] for found in observed) > 10 * 60 * 10  # tenths of a second
    assert all(sum(1 for number in found if number) >= 8 for found in observed)


@pytest.mark.full
def test_a_full_log_and_a_fault_are_dealt_with_in_64_kilobytes(modules: Path, tmp_path: Path, run_on: RunOn) -> None:
    # What drops, repairs and opens again is loaded when it is needed: there must be room for it beside all the rest.
    printed = {}
    for host, small in (("cpython", {}), ("micropython32", {"heap": SMALL, "modules": modules})):
        folder = tmp_path / host
        folder.mkdir()
        run_on(host, "install_pack.py", PACKS / "commercial-driving.cbor", "bus", folder, **small)
        printed[host] = run_on(host, "full_band.py", folder, **small)
    assert printed["micropython32"] == printed["cpython"]
    assert "storage full" in printed["cpython"]
    assert "write refused" in printed["cpython"]


AHEAD = """
[factors.experience]
title = "x"
classes = ["new", "long"]
about = "x"
"""


@pytest.mark.full
def test_a_pack_with_customer_factors_and_warnings_is_installed_in_64_kilobytes(
    modules: Path, tmp_path: Path, run_on: RunOn
) -> None:
    text = library.path("private-driving").read_text(encoding="utf-8") + AHEAD
    model = 'model = "r2"\nalpha = 0.4\nweights = { experience = [-0.5, 0.25] }\n'
    text = text.replace("[series.idling]\n", f"[series.idling]\n{model}")
    data = compile_source(parse(text.encode(), "test")).data
    (tmp_path / "pack.cbor").write_bytes(data)
    run_on("micropython32", "install_pack.py", tmp_path / "pack.cbor", "bus", tmp_path, heap=SMALL, modules=modules)
    assert (tmp_path / "pack_program.py").read_text() == generate(Pack(data), "bus")[0]
    # One that the check of what looks ahead refuses, in these words on every host.
    broken = cbor.decode(data, 14)
    assert isinstance(broken, list)
    broken[16][0][4][1] = 1
    (tmp_path / "pack.cbor").write_bytes(cbor.encode(broken, 14))
    for host, small in (("cpython", {}), ("micropython32", {"heap": SMALL, "modules": modules})):
        with pytest.raises(AssertionError, match="a forecast that feeds itself and grows for ever"):
            run_on(host, "install_pack.py", tmp_path / "pack.cbor", "bus", tmp_path, **small)


@pytest.mark.full
def test_a_pack_that_a_device_refuses_leaves_the_program_as_it_was(
    modules: Path, tmp_path: Path, private_driving: Path, run_on: RunOn
) -> None:
    broken = tmp_path / "broken.cbor"
    broken.write_bytes(private_driving.read_bytes()[:-1])
    run_on("micropython32", "install_pack.py", private_driving, "car", tmp_path, heap=SMALL, modules=modules)
    before = (tmp_path / "pack_program.py").read_bytes()
    with pytest.raises(AssertionError, match="ends early"):
        run_on("micropython32", "install_pack.py", broken, "car", tmp_path, heap=SMALL, modules=modules)
    with pytest.raises(AssertionError, match="knows the classes car, taxi, bus, truck, not 'ship'"):
        run_on("micropython32", "install_pack.py", private_driving, "ship", tmp_path, heap=SMALL, modules=modules)
    with pytest.raises(AssertionError, match="MemoryError"):
        run_on("micropython32", "install_pack.py", private_driving, "truck", tmp_path, heap="40k", modules=modules)
    assert (tmp_path / "pack_program.py").read_bytes() == before
