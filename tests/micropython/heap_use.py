"""Import what `band.py` does, in its order, and print what each part keeps of the heap; MicroPython only.

    heap_use.py FOLDER

FOLDER is where `install_pack.py` has put the program.
"""

import gc
import sys

gc.threshold(4096)


def kept():
    """Bytes of the heap in use."""
    gc.collect()
    return gc.mem_alloc()


at = [kept()]
sys.path.insert(0, sys.argv[1])
import pack_program  # noqa: E402 - the heap before the import is measured

at.append(kept())
from headway_edge.core import data_quality  # noqa: E402, F401
from headway_edge.core.program import Program  # noqa: E402

if pack_program.KIND == "day":
    from headway_edge.core.day import DayCore as Core
else:
    from headway_edge.core.episode import EpisodeCore as Core

at.append(kept())
program = Program(pack_program.__dict__)
core = Core(program, program.vehicle_class)
at.append(kept())
from headway_edge.flash.flash_log import FlashLog  # noqa: E402, F401
from headway_edge.flash.log_folder import LogFolder  # noqa: E402, F401
from headway_edge.session import Session  # noqa: E402, F401
from headway_protocol import ack, record  # noqa: E402, F401

at.append(kept())
for i, name in enumerate(("program", "modules of the core", "core", "modules of record, outbox and session")):
    print(name, at[i + 1] - at[i])
print("free", gc.mem_free())
