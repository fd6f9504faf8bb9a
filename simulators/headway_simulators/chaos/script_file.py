"""A script as a file: what `headway chaos` wrote beside a violation, to be run again."""

import json
from pathlib import Path
from typing import Any

from headway_simulators.chaos.faults import KINDS
from headway_simulators.chaos.script import FORMAT, Fault, Script
from headway_simulators.errors import SimulatorError


def read_script(path: Path) -> Script:
    """Return the script in a file. Raises SimulatorError that says what is wrong with it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SimulatorError(f"{path} is no script of `headway chaos`: {error}") from error
    try:
        return _script(found)
    except (KeyError, TypeError, ValueError) as error:
        raise SimulatorError(f"{path} is no script of `headway chaos`: {error!r}") from error


def _script(found: Any) -> Script:
    if found["headway-chaos"] != FORMAT:
        raise ValueError(f"it is of format {found['headway-chaos']}, this version knows {FORMAT}")
    faults = tuple(Fault(**item) for item in found["faults"])
    for fault in faults:
        if fault.kind not in KINDS:
            raise ValueError(f"there is no kind {fault.kind!r}")
        if any(type(n) is not int for n in (fault.at_ms, fault.device, fault.for_ms, fault.n, fault.m)):
            raise TypeError(f"not whole numbers: {fault}")
    return Script(int(found["seed"]), int(found["devices"]), int(found["days"]), faults)
