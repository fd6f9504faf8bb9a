"""What running a pack costs beside the same indicators written by hand, in the same process, sample for sample."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.core import ROOT, samples_text
from bench.hand_written import as_pack
from bench.rows import Rows
from headway_server.packs import library
from headway_server.packs.compile import compile_file

REPEATS = 5
# Blocks of both in turn, so that a noisy machine is as unkind to one as to the other. Private-driving counts several times
# as much as the core written by hand: it is told beside the pack of the same indicators.
SCRIPT = """
import sys, time
from array import array
from bench.hand_written.trip import TripCore
from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack

ticks = time.perf_counter if hasattr(time, "perf_counter") else time.time
by_hand = TripCore("car").update
with open(sys.argv[2], "rb") as file:
    core = EpisodeCore(Pack(file.read()), "car")
by_pack, signals = core.update, core.signals


def hand(steps, speeds):
    start = ticks()
    for i in range(len(steps)):
        by_hand(steps[i], speeds[i])
    return ticks() - start


def pack(steps, speeds):
    start = ticks()
    for i in range(len(steps)):
        signals[0] = speeds[i]
        by_pack(steps[i])
    return ticks() - start


spent = [0, 0]
with open(sys.argv[1]) as lines:
    while True:
        steps, speeds = array("i"), array("i")
        for line in lines:
            step, speed = line.split()
            steps.append(int(step))
            speeds.append(int(speed))
            if len(steps) == 500:
                break
        if not len(steps):
            break
        spent[0] += hand(steps, speeds)
        spent[1] += pack(steps, speeds)
print(spent[1] / spent[0])
"""


def figures() -> Rows:
    """Yield the cost of a pack as a multiple of the hand-written core's."""
    with tempfile.TemporaryDirectory() as folder:
        script, data, same, whole = (
            Path(folder) / name for name in ("script.py", "samples.txt", "same.cbor", "whole.cbor")
        )
        script.write_text(SCRIPT)
        data.write_text(samples_text())
        same.write_bytes(as_pack.compiled())
        whole.write_bytes(compile_file(library.path("private-driving")).data)
        for name, command in (
            ("CPython", sys.executable),
            ("MicroPython", shutil.which("micropython")),
            ("MicroPython, 31-bit integers", shutil.which("micropython32")),
        ):
            if command is None:
                yield f"pack / by hand, {name}", "-", "", "not installed"
                continue
            for what, pack in (
                ("the same indicators", same),
                ("private-driving, which counts much more", whole),
            ):
                ratio = statistics.median(_measure(command, script, data, pack) for _ in range(REPEATS))
                row = "pack" if pack is same else "private-driving"
                yield f"{row} / by hand, {name}", f"{ratio:.2f}", "times", f"{what}, median of {REPEATS}"


def _measure(command: str, script: Path, data: Path, pack: Path) -> float:
    path = [str(ROOT), str(ROOT / "protocol"), str(ROOT / "edge")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "MICROPYPATH": ":".join([*path, ".frozen"])}
    arguments = [command, str(script), str(data), str(pack)]
    return float(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout)
