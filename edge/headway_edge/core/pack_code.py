"""Code from a pack: the device writes the function that folds a sample, once, and then just runs it.

Walking trees on every sample would cost several times a hand-written version. What is written is described in
`headway_edge.core.program_code`. `write` writes it line by line as it comes to be, so that a device never holds all of it;
`generate` returns it.
"""

from headway_edge.core.expression_code import Plan
from headway_edge.core.pack import Pack
from headway_edge.core.program_code import ProgramWriter


def generate(pack: Pack, vehicle_class: str) -> tuple:
    """Return (source, Plan) for one vehicle class of a pack. Raises ValueError for a class it does not know."""
    lines = _Lines()
    plan = write(pack, vehicle_class, lines)
    return "".join(lines.written), plan


def write(pack: Pack, vehicle_class: str, out: object) -> Plan:
    """Write the source for one vehicle class of a pack to `out`, which has write(text); return its Plan.

    Raises ValueError for a class it does not know, before anything is written.
    """
    parameters = pack.parameters[pack.class_index(vehicle_class)]
    if pack.kind == "day":
        from headway_edge.core.day_code import DayWriter  # noqa: PLC0415 - vehicles have no use for it

        writer = DayWriter(pack, parameters, out)  # type: ProgramWriter
    else:
        writer = ProgramWriter(pack, parameters, out)
    writer.functions()
    writer.constants(vehicle_class)
    return writer.plan


class _Lines:
    def __init__(self) -> None:
        self.written = []  # type: list
        self.write = self.written.append
