"""The agent on the vehicle or the wrist: watches one customer process, keeps its records, compares, shows.

`core` is pure and runs unmodified on MicroPython; the rest is thin and replaceable per platform.
"""

VERSION = "0.1.0"
