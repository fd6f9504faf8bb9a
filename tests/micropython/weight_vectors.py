"""Weights of many customers, printed; where the heap can be locked, worked out with it locked."""

import sys

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython

    def heap_lock():
        """Nothing to lock."""

    def heap_unlock():
        """Nothing to unlock."""


from headway_edge.core.forecast.factor_weight import BANDS, MISSING, NAMES, SLOPE, check, weight

WEIGHTS = [
    [BANDS, [-342, 342], [20000, 0, -30000]],
    [NAMES, [3277, -3277, 32768, -32768]],
    [SLOPE, -17, 9001],
    [SLOPE, 500, -7001],
]
check(WEIGHTS)


def run(found, values):
    """Fill `found` with the weights of made customers."""
    state = 1
    for i in range(len(found)):
        for j in range(4):
            state = (state * 1229 + 12345) & 0x1FFF
            values[j] = (state >> 3) % 5 if j == 1 else MISSING if state % 11 == 0 else (state % 2600) - 1300
        found[i] = weight(WEIGHTS, values)


found = [0] * 400
values = [0, 0, 0, 0]
if "locked" in sys.argv:
    heap_lock()
    run(found, values)
    heap_unlock()
else:
    run(found, values)
print(found)
