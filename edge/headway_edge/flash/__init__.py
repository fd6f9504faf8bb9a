"""The parts of `headway_edge.flash_log`. They run on MicroPython and know nothing of what a record means, but for a LOSS."""
