"""What a sample costs in the core, on each interpreter there is."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Rows
from headway_simulators.demo import shipped_sources
from headway_simulators.recordings import read

ROOT = Path(__file__).parents[1]
PACK = ROOT / "edge/headway_edge/packs/private-driving.cbor"
REPEATS = 5
# The same script everywhere: a block of samples is read first, so that only the updates are timed, and a small one, so
# that the collector has little to look through, as on a device.
SCRIPT = """
import sys, time
from array import array
from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack

ticks = time.perf_counter if hasattr(time, "perf_counter") else time.time
with open(sys.argv[2], "rb") as file:
    core = EpisodeCore(Pack(file.read()), "car")
update, signals, speed = core.update, core.signals, core.pack.speed


def block(lines, count):
    steps, speeds = array("i"), array("i")
    for line in lines:
        step, number = line.split()
        steps.append(int(step))
        speeds.append(int(number))
        if len(steps) == count:
            break
    start = ticks()
    for i in range(len(steps)):
        signals[speed] = speeds[i]
        update(steps[i])
    return ticks() - start, len(steps)


spent, samples = 0, 0
with open(sys.argv[1]) as lines:
    while True:
        seconds, count = block(lines, 500)
        if not count:
            break
        spent += seconds
        samples += count
print(spent * 1000000 / samples)
"""


def figures() -> Rows:
    """Yield µs per sample."""
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder) / "script.py", Path(folder) / "samples.txt"
        script.write_text(SCRIPT)
        data.write_text(samples_text())
        for name, command in (
            ("CPython", sys.executable),
            ("MicroPython", shutil.which("micropython")),
            ("MicroPython, 31-bit integers", shutil.which("micropython32")),
        ):
            if command is None:
                yield f"core, {name}", "-", "", "not installed"
                continue
            yield (
                f"core, {name}",
                f"{statistics.median(_measure(command, script, data) for _ in range(REPEATS)):.2f}",
                "µs/sample",
                f"EpisodeCore.update, {PACK.stem}, shipped trips, median of {REPEATS}",
            )


def samples_text() -> str:
    """The shipped trips, one sample a line: milliseconds since the one before, centi-km/h."""
    lines, last_ms = [], 0
    for source in shipped_sources():
        for sample in read(source.files[0]).samples:
            lines.append(f"{min(max(sample.wall_ms - last_ms, 0), 2**29)} {sample.speed_ckmh}\n")
            last_ms = sample.wall_ms
    return "".join(lines)


def _measure(command: str, script: Path, data: Path) -> float:
    path = [str(ROOT / "protocol"), str(ROOT / "edge")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "MICROPYPATH": ":".join([*path, ".frozen"])}
    done = subprocess.run(
        [command, str(script), str(data), str(PACK)], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
