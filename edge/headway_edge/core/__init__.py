"""The pure core: integers in, integers out; no clock, no file, no socket, no float.

The same files run on a microcontroller, an onboard unit, in the simulators, and on the server, which computes again what
devices report. Modules are imported by name, so that a microcontroller loads only what it uses.
"""
