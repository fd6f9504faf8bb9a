"""What devices and the fleet server say to each other, as bytes; no socket, no clock, no file.

Every module here runs unmodified on CPython and MicroPython and is imported by name
(`from headway_protocol import record`), so that a microcontroller loads only what it uses.

>>> WIRE_VERSION
1
"""

WIRE_VERSION = 1
