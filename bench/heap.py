"""How little heap installing and running a pack take on a 32-bit MicroPython, its modules compiled by mpy-cross.

The scripts are those of the tests: `tests/micropython/install_pack.py` in a boot of its own, then `tests/micropython/band.py`
over a shipped trip, or two days, ten times, with records in a flash log; then the same with a session that has some settled.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from bench.core import ROOT
from bench.rows import Rows
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_simulators.demo import shipped_sources
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recordings import read

SCRIPTS = ROOT / "tests/micropython"
PACKS = ROOT / "edge/headway_edge/packs"
HEAP_KB_MAX = 76
SETTLED = 3  # records, where the session is loaded
CLASSES = {"commercial-driving": "bus", "private-driving": "bus", "eco-driving": "bus", "wellness": "actigraph"}


def compile_modules(folder: Path) -> None:
    """Compile what a device without Linux runs, for 31-bit small integers, to .mpy files in `folder`."""
    sources = [
        *(ROOT / "protocol/headway_protocol").glob("*.py"),
        *(ROOT / "edge/headway_edge/core").rglob("*.py"),
        *(
            ROOT / "edge/headway_edge" / name
            for name in ("__init__.py", "installed_pack.py", "session.py", "orders/__init__.py", "orders/freshness.py")
        ),
        *(ROOT / "edge/headway_edge/flash").glob("*.py"),
        *(ROOT / "edge/headway_edge/band").glob("*.py"),
    ]
    for source in sources:
        name = Path(*source.relative_to(ROOT).parts[1:])
        target = folder / name.with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        # The module's own name stands for the file in a traceback: a device has that string already.
        shown = ".".join(name.with_suffix("").parts).removesuffix(".__init__")
        options = ["-msmall-int-bits=31", "-O3", "-s", shown, "-o", str(target), str(source)]
        subprocess.run([sys.executable, "-m", "mpy_cross", *options], check=True)


def samples_text(pack: Pack) -> str:
    """Ten times a simulated driver's day, as `band.py` reads it; for a pack of days, twenty days awake and asleep."""
    if pack.kind == "day":
        return 10 * "".join(map(_line, [60_000] * 2880, _epochs(pack)))
    recording = read(shipped_sources()[0].files[0])
    wanted = [SignalQuantum(signal[0], signal[2], signal[3]) for signal in pack.signals]
    times = [sample.wall_ms for sample in recording.samples]
    steps = [0, *(later - sooner for sooner, later in pairwise(times))]
    return 10 * "".join(map(_line, steps, map(list, recording.signals(wanted, Counter()))))


def _epochs(pack: Pack) -> Iterator[list[int]]:
    for minute in range(2880):
        awake = 420 < minute % 1440 < 1380
        row = [MISSING if signal[7] else min(signal[5], 900 if awake else minute % 5) for signal in pack.signals]
        row[pack.clock] = minute % 1440
        yield row


def _line(dt_ms: int, numbers: list[int]) -> str:
    return " ".join([str(dt_ms), *("-" if number == MISSING else str(number) for number in numbers)]) + "\n"


def figures() -> Rows:
    """Yield the smallest heap in which each shipped pack is installed, and in which it runs; in whole KB."""
    interpreter = shutil.which("micropython32")
    if interpreter is None:
        yield "heap of a pack", "-", "", "micropython32 is not installed"
        return
    with tempfile.TemporaryDirectory() as name:
        modules, samples, device = (Path(name) / part for part in ("modules", "samples.txt", "device"))
        compile_modules(modules)
        for pack_name, vehicle_class in CLASSES.items():
            path = PACKS / f"{pack_name}.cbor"
            pack = Pack(path.read_bytes())
            samples.write_text(samples_text(pack))
            for what, script, arguments in (
                ("install", "install_pack.py", (path, vehicle_class, device)),
                ("run", "band.py", (device, samples, 0)),
                ("run with session", "band.py", (device, samples, SETTLED)),
            ):
                heap_kb = _smallest(interpreter, modules, device, [str(SCRIPTS / script), *map(str, arguments)])
                yield (
                    f"heap to {what} {pack_name}",
                    f"{heap_kb}" if heap_kb else f"> {HEAP_KB_MAX}",
                    "KB",
                    f"{vehicle_class}, 32-bit MicroPython, .mpy, fresh boot",
                )
            shutil.rmtree(device)


def _smallest(interpreter: str, modules: Path, device: Path, command: list[str]) -> int:
    # Downwards, because what happens to fit a smaller heap again is luck.
    environment = os.environ | {"MICROPYPATH": f"{modules}:.frozen"}
    fits_kb = 0
    for heap_kb in range(HEAP_KB_MAX, 0, -1):
        device.mkdir(exist_ok=True)
        for left in [*device.glob("log*"), *device.glob("boot*"), *device.glob("ledger*")]:
            left.unlink()
        done = subprocess.run(
            [interpreter, "-X", f"heapsize={heap_kb}k", *command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            fits_kb = heap_kb
        elif "memory allocation" in done.stderr or "MemoryError" in done.stderr:
            break
        else:
            raise RuntimeError(f"{command[0]} in {heap_kb} KB: {done.stderr[-500:]}")
    return fits_kb
