"""Data-quality gates: what an episode's data lacked, counted; and what an update of a core reports.

The order is the order on the wire; new gates are appended.
"""

from headway_protocol import counts as packed

GAPS = 0  # times that two samples lay further apart than near_ms within the episode
GAP_TIME = 1  # time nobody observed, in those gaps
BRIDGED = 2  # m of the distance that a straight line through those gaps accounts for
DUPLICATE = 3  # samples at the time of the one before
BACKWARDS = 4  # samples older than the one before
OUT_OF_RANGE = 5  # speeds over what a speed can be
NO_SPEED = 6  # samples without a speed
TOO_SHORT = 7  # episodes before this one that were none: too short a way or time
GATES = 8

# What an update reports, as bits; those above are the core's events.
OPENED = 1  # an episode began `lead_ms` before this sample
CLOSED = 2  # an episode ended before this sample: read `closed` and `closed_gates`


def wire_gates(gates: object) -> bytes:
    """Pack a closed episode's gate counters for the wire, the time from ms to tenths of a second, half up."""
    return packed.pack([(n + 50) // 100 if i == GAP_TIME else n for i, n in enumerate(gates)])  # type: ignore[arg-type,var-annotated]
