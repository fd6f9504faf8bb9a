"""The program of a pack where there is memory for both: its source is written and run at once."""

from headway_edge.core.pack_code import generate
from headway_edge.core.program import Program


def program_of(pack: object, vehicle_class: str, kind: str) -> Program:
    """Return the program of a checked pack for a vehicle class.

    kind: "trip" or "day". Raises ValueError for a pack of another kind, and for a class that the pack does not know.
    """
    if pack.kind != kind:  # type: ignore[attr-defined]
        raise ValueError("pack %s is of kind %r, not %r" % (pack.name, pack.kind, kind))  # type: ignore[attr-defined]
    source, _ = generate(pack, vehicle_class)  # type: ignore[arg-type]
    names = {}  # type: dict
    exec(source, names)  # noqa: S102 - written by us from a checked pack: integers and our own names
    return Program(names)
