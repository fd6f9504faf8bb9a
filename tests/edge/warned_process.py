"""A process whose vehicle has warning codes: the smallest pack of the tests, with a signal, warnings and advice more."""

from pathlib import Path
from typing import Any

from headway_edge import packs
from headway_edge.core.process import Process
from headway_server.packs.catalogue import for_device
from headway_server.packs.compile import compile_source
from headway_server.packs.source import parse

MINIMAL = Path(__file__).parents[1] / "packs" / "minimal.toml"
WARNED = """
[signals.trouble]
vss = "Vehicle.Headway.TroubleCode"
unit = ""
quantum = 1
min = 0
max = 65535
about = "The trouble code that is on."

[signals.coolant]
vss = "Vehicle.Powertrain.CombustionEngine.ECT"
unit = "celsius"
quantum = 0.5
min = -40
max = 200
about = "Temperature of the coolant."

[warnings]
code = "trouble"
condition = ["speed", "coolant"]

[advice.hot]
title = "Engine too hot"
code = "P0217"
times = 2
days = 30
do = "Have the cooling system checked"
about = "Twice a month is no accident."

[advice.any]
title = "Warning light"
times = 4
days = 7
do = "Have the vehicle looked at"
about = "Whatever it is."
"""
SPEED, HEADING, TROUBLE, COOLANT = range(4)
HOT, OTHER = 0x0217, 0x0301


def warned_pack() -> tuple[bytes, dict[str, Any]]:
    """Return it compiled, with its catalogue."""
    text = MINIMAL.read_text(encoding="utf-8") + WARNED
    compiled = compile_source(parse(text.encode(), "warned.toml"))
    return compiled.data, for_device(compiled.catalogue)


def warned_process() -> Process:
    """Return it as a device runs it."""
    return packs.process(*warned_pack())
