"""Running a script of this folder on CPython, MicroPython and MicroPython with 31-bit small integers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench.heap import compile_modules

# Run by MicroPython only.
collect_ignore = [
    "band.py",
    "linked_band.py",
    "cut_band.py",
    "full_band.py",
    "fast_clock.py",
    "hostile_packets.py",
    "no_broker.py",
    "offer_vectors.py",
    "clock_vectors.py",
    "control_vectors.py",
    "pack_vectors.py",
    "pack_no_allocation.py",
    "pack_heap.py",
    "heap_use.py",
    "block_device.py",
    "flash_cuts.py",
    "flash_wear.py",
    "littlefs_cuts.py",
    "install_pack.py",
    "no_allocation.py",
    "forecast_vectors.py",
    "series_vectors.py",
    "step_vectors.py",
    "weight_vectors.py",
]

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("bulk", "vectors")]  # made_packs, golden

INSTALL = {
    "micropython": "apt-get install micropython (Debian 13 or later)",
    "micropython32": "the i386 build of the same package under this name: its small integers have 31 bits",
}


@pytest.fixture
def private_driving() -> Path:
    """The compiled pack that comes with the agent."""
    return ROOT / "edge/headway_edge/packs/private-driving.cbor"


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules of a device without Linux, compiled for 31-bit small integers."""
    folder = tmp_path_factory.mktemp("modules")
    compile_modules(folder)
    return folder


@pytest.fixture(scope="session")
def command_on() -> Callable[..., tuple[list[str], dict[str, str]]]:
    """A function of (host, script, *arguments, heap=None, modules=None) that returns a command and its environment.

    heap: its size, as MicroPython takes it. modules: a folder that MicroPython imports from in place of the sources.
    """

    def command_and_environment(
        host: str, script: str, *arguments: str | Path | int, heap: str | None = None, modules: Path | None = None
    ) -> tuple[list[str], dict[str, str]]:
        environment = dict(os.environ)
        if host == "cpython":
            command = [sys.executable]
            environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "protocol"), str(ROOT / "edge")])
        else:
            found = shutil.which(host)
            if found is None:
                # Not a skip: a full run without MicroPython has not shown what it is there to show.
                pytest.fail(f"{host} is not on the PATH. Install {INSTALL[host]}; .ci/run shows how it is done there.")
            command = [found]
            environment["MICROPYPATH"] = f"{modules or f'{ROOT}/protocol:{ROOT}/edge'}:.frozen"
        if heap is not None:
            command += ["-X", f"heapsize={heap}"]
        return [*command, str(HERE / script), *map(str, arguments)], environment

    return command_and_environment


@pytest.fixture
def run_on(command_on: Callable[..., tuple[list[str], dict[str, str]]]) -> Callable[..., str]:
    """A function with the arguments of `command_on` that returns what the script printed; fails if the script fails."""

    def run(host: str, script: str, *arguments: str | Path, **settings: Any) -> str:
        command, environment = command_on(host, script, *arguments, **settings)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, f"{host} {script}: {done.stdout[-500:]}\n{done.stderr[-2000:]}"
        assert done.stderr == ""
        return done.stdout

    return run
