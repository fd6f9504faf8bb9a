"""What devices and the fleet server say to each other, as bytes; no socket, no clock, no file.

Every module here runs unmodified on CPython and MicroPython and is imported by name
(`from headway_protocol import record`), so that a microcontroller loads only what it uses.

>>> WIRE_VERSION
1
"""


def const(value: int) -> int:
    """Return `value`. MicroPython's compiler puts the number in the place of a name that begins with an underscore.

    So the name takes no heap; this function is then not called.
    """
    return value


WIRE_VERSION = 1
