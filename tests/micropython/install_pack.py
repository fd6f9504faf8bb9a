"""Install a pack on a device of plain files: `band.py` then runs it from there.

    install_pack.py PACK CLASS FOLDER

Runs on CPython and MicroPython. PACK is compiled.
"""

import gc
import sys

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # what is left over must not lie about between what is kept

from headway_edge.installed_pack import install

with open(sys.argv[1], "rb") as pack:
    install(pack.read(), sys.argv[2], sys.argv[3])
