"""What a simulation is given: its size, its seed, and the explicit list of faults that are to happen.

A script is all there is to a run: the same script gives the same events, and a script with a fault taken out is another
script. As JSON it can be kept beside a bug.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from headway_simulators.errors import SimulatorError

FORMAT = 1
FLEET = -1  # a fault's device where it happens to the broker or the server


@dataclass(frozen=True, order=True)
class Fault:
    """One fault.

    at_ms: when it begins, since the begin of the simulation. kind: of `headway_simulators.chaos.faults.KINDS`.
    device: number of the device, FLEET for one of the broker or the server. for_ms: how long it lasts, 0 where it is
    over at once. n, m: the kind's numbers (how much, how many, after how many), as its description says.
    """

    at_ms: int
    kind: str
    device: int = FLEET
    for_ms: int = 0
    n: int = 0
    m: int = 0


@dataclass(frozen=True)
class Script:
    """A simulation of `devices` devices over `days` days. seed: of everything random that is no fault of the list."""

    seed: int
    devices: int
    days: int
    faults: tuple[Fault, ...] = field(default=())

    def with_faults(self, faults: list[Fault]) -> "Script":
        """Return the same simulation with other faults."""
        return replace(self, faults=tuple(faults))

    def to_json(self) -> str:
        """Return the script as JSON, a fault a line."""
        head = json.dumps({"headway-chaos": FORMAT, "seed": self.seed, "devices": self.devices, "days": self.days})
        lines = ",\n".join("  " + json.dumps(asdict(fault)) for fault in self.faults)
        return head[:-1] + ', "faults": [\n' + lines + "\n]}\n"


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
        if not isinstance(fault.kind, str) or any(type(n) is not int for n in (fault.at_ms, fault.device, fault.for_ms, fault.n, fault.m)):
            raise TypeError(f"{fault}")
    return Script(int(found["seed"]), int(found["devices"]), int(found["days"]), faults)
