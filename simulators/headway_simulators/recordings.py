"""Reads recorded trips: any CSV with a `timestamp` and columns named by COVESA VSS, NREL's day files, digital tachographs'.

Tolerant in a stated way: what cannot be understood is missing or dropped, counted and shown; `recorded_rows` says which.
A file that is no recording at all is refused with the reason.
"""

import hashlib
from collections import Counter
from itertools import chain
from pathlib import Path

from headway_simulators import tachograph
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_rows import header_of, rows_in, samples_of
from headway_simulators.recorded_signals import vss_names
from headway_simulators.recording import Recording, content
from headway_simulators.wearables import reading

_SNIFF_BYTES = 4096


def read(path: Path) -> Recording:
    """Read one recording: CSV, a digital tachograph's file, or a wearable's epochs, also in gzip; the content says which.

    Of a wearable's file with several persons, `FILE#PERSON` is one. Raises SimulatorError: missing, empty, binary, no such
    columns, no usable sample, no such person.
    """
    file, sign, person = str(path).rpartition("#")
    is_person = bool(sign) and not path.exists() and Path(file).exists()
    data = content(Path(file) if is_person else path)
    if not data.strip():
        raise SimulatorError(f"{path} is empty. A recording needs a header line and samples.")
    if is_person or reading.recognized(data) is not None:
        return reading.recording_of(Path(file) if is_person else path, data, person if is_person else "")
    problems: Counter[str] = Counter()
    if tachograph.recognizes(data):
        columns, samples, hint = tachograph.SIGNALS, list(tachograph.samples(data, problems)), "Fetch the file again."
    elif b"\x00" in data[:_SNIFF_BYTES]:
        raise SimulatorError(
            f"{path} is a binary file. Headway reads CSV (or CSV in gzip); export the recording as CSV."
        )
    else:
        rows = rows_in(data)
        header = header_of(rows)
        columns, hint = vss_names(header), "Check the timestamp column."
        samples = list(samples_of(chain([header], rows), str(path), problems))
    if not samples:
        raise SimulatorError(f"{path} has a header but no usable sample: {_tally(problems)}. {hint}")
    return Recording(path, samples, problems, columns, hashlib.sha256(data).digest())


def _tally(problems: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(problems.items())) or "nothing after the header"
