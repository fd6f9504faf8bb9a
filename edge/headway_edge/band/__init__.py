"""The link of a microcontroller to its broker, and what is said over it; runs on MicroPython and CPython."""
