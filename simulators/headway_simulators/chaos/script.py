"""What a simulation is given: its size, its seed, and the explicit list of faults that are to happen.

A script is all there is to a run: the same script gives the same events, and a script with a fault taken out is another
script. As JSON it can be kept beside a bug.
"""

import json
from dataclasses import asdict, dataclass, field, replace

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
