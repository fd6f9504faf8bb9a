"""Three whole real vehicles: the same records, byte for byte, on every interpreter; and a device made of plain files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from golden import line

from headway_edge import packs
from headway_edge.core.program import MISSING
from headway_simulators import nrel
from headway_simulators.offline_replay import rows_of
from headway_simulators.recordings import read

pytestmark = pytest.mark.full

HOSTS = ("cpython", "micropython", "micropython32")
VEHICLES = {"4107032_1": 46, "4109114_1": 31, "4115766_1": 6}


def samples_file(name: str, folder: Path) -> Path:
    vehicle = next(item for item in nrel.vehicles() if item.name == name)
    process = packs.load("private-driving")
    lines: list[str] = []
    last_ms = None
    for time_ms, row in (row for path in vehicle.day_files for row in rows_of(read(path), process)):
        dt_ms = 0 if last_ms is None else time_ms - last_ms
        last_ms = time_ms
        lines.append(line(dt_ms, [None if number == MISSING else number for number in row]))
    path = folder / "samples.txt"
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("name", VEHICLES)
def test_a_whole_real_vehicle_gives_the_same_bytes_everywhere(
    name: str, tmp_path: Path, private_driving: Path, run_on: Callable[..., str]
) -> None:
    path = samples_file(name, tmp_path)
    records = {host: run_on(host, "core_vectors.py", private_driving, "car", "1000", path) for host in HOSTS}
    assert len(records["cpython"].splitlines()) == VEHICLES[name]
    assert records["micropython"] == records["cpython"]
    assert records["micropython32"] == records["cpython"]


def test_a_device_of_plain_files_keeps_and_sends_the_same_on_every_interpreter(
    tmp_path: Path, private_driving: Path, run_on: Callable[..., str]
) -> None:
    path = samples_file("4118093_1", tmp_path)
    outputs = {}
    for host in HOSTS:
        folder = tmp_path / host
        folder.mkdir()
        run_on(host, "install_pack.py", private_driving, "car", folder)
        first = run_on(host, "band.py", folder, path, 5)
        second = run_on(host, "band.py", folder, path, 0)
        assert second.startswith(first)
        outputs[host] = second
    # Boot 1: a birth and 11 trips, of which 5 were settled; boot 2: the same 12 again.
    assert len(outputs["cpython"].splitlines()) == 12 - 5 + 12
    assert outputs["micropython"] == outputs["cpython"]
    assert outputs["micropython32"] == outputs["cpython"]
