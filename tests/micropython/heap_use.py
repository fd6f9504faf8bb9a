"""Import what `band.py` does, in its order, and print what each part keeps of the heap; MicroPython only.

    heap_use.py FOLDER [linked]

FOLDER is where `install_pack.py` has put the program. With `linked`, the link to a broker as well.
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

program = Program(pack_program.__dict__)
if program.kind == "day":
    from headway_edge.core.day import DayCore as Core
else:
    from headway_edge.core.episode import EpisodeCore as Core

at.append(kept())
core = Core(program, program.vehicle_class)
at.append(kept())
from headway_edge.flash.flash_log import FlashLog  # noqa: E402, F401
from headway_edge.flash.log_folder import LogFolder  # noqa: E402, F401
from headway_edge.session import Session  # noqa: E402, F401
from headway_protocol import ack, record  # noqa: E402, F401

at.append(kept())
names = ["program", "modules of the core", "core", "modules of record, outbox and session"]
if "linked" in sys.argv:
    from headway_edge.band.band_exchange import BandExchange  # noqa: F401
    from headway_edge.band.band_link import BandLink
    from headway_edge.band.tcp_stream import TcpStream  # noqa: F401

    at.append(kept())
    link = BandLink(None, "depot-7", "band-3", 1, None, None)
    at.append(kept())
    names += ["modules of the link", "link"]
for i, name in enumerate(names):
    print(name, at[i + 1] - at[i])
print("free", gc.mem_free())
