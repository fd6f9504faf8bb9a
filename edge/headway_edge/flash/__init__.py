"""The outbox of a microcontroller, `flash_log`, and its parts, which know nothing of what a record means but for a LOSS.

What is seldom needed is in modules that are imported when it is, and forgotten afterwards: heap is shorter than time.
"""

import gc
import sys


def forget(*names: str) -> None:
    """Let go of modules of this package, where memory is short."""
    if sys.implementation.name == "micropython":
        for name in names:
            sys.modules.pop("headway_edge.flash." + name, None)
            globals().pop(name, None)
        gc.collect()
