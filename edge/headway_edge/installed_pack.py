"""Installing a pack on a microcontroller: checked once, written as a program, and only that is loaded from then on.

    install(data, "bus", "/lib")        # checks, and writes /lib/pack_program.py
    reset()
    import pack_program                 # first of all imports: compiling it takes the largest piece of heap
    program = Program(pack_program.__dict__)
    core = EpisodeCore(program, program.vehicle_class)

Runs on MicroPython and CPython. Checking takes modules that running has no use for, so a device does it in a boot of its own.
Not for Linux: there a pack is small, and `Process` reads what a device does not keep.
"""

import gc
import os
import sys

from headway_edge import core

PROGRAM = "pack_program"  # the module's name
_CHECKING = ("pack_check", "pack_outlook", "pack_trees", "day_pack", "pack_limits", "forecast")  # modules of the core


def install(data: bytes, vehicle_class: str, folder: str) -> None:
    """Check a compiled pack and write its program for a vehicle class as a module in `folder`, which is on the path.

    The old program stays until the new one is whole. Raises ValueError or DecodeError for a pack that this device refuses,
    with the reason, OSError when the medium refuses, and MemoryError for a pack that is too large for the heap.
    """
    from headway_edge.core.pack import Pack  # noqa: PLC0415 - each when it is needed: what came before is garbage by then

    pack = Pack(data, lean=True)
    if sys.implementation.name == "micropython":
        _forget(_CHECKING)  # 10 KB, and writing takes more than checking did
    from headway_edge.core.pack_code import write  # noqa: PLC0415

    path = folder + "/" + PROGRAM + ".py"
    with open(path + ".new", "w") as program:
        write(pack, vehicle_class, program)
    os.rename(path + ".new", path)


def _forget(names: "tuple[str, ...]") -> None:
    # A module lives as long as it is in one of these two places; one within a package as long as the package does.
    for name in names:
        full = "headway_edge.core." + name
        for module in list(sys.modules):
            if module == full or module.startswith(full + "."):
                sys.modules.pop(module)
        if hasattr(core, name):
            delattr(core, name)
    gc.collect()
