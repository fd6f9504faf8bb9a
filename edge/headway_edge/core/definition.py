"""The definition of the first process, driving: what is counted, with which thresholds, in which order on the wire.

A record's counts are positional: the order here is the wire order, and new counts are appended. `pack_id` is a hash over
all of it, so that a changed threshold is another definition, whose values are never compared or merged with these.

Sources: speed bands of 5 mph as in NREL's Transportation Secure Data Center trip summaries; short trips under 18 km and
low speed under 29 km/h from Lim et al. (customer process management, Table II); hard acceleration and braking from the
criteria for digital tachographs of the Korean transport ministry of May 2022, as quoted by public implementations
(classes taxi, bus, truck; a private car uses taxi).
"""

import hashlib

from headway_edge.core.data_quality import GATES
from headway_protocol import cbor

NAME = "private-driving"
VERSION = 1

# What a trip counts: index on the wire. Times are in ms inside the core and in tenths of a second on the wire.
ELAPSED = 0  # first to last sample of the trip, gaps included
DISTANCE = 1  # m
LOW_SPEED = 2  # time under LOW_SPEED_CKMH, standing included
IDLE = 3  # time standing with the engine running (or its state unknown)
STOPS = 4  # from moving to standing
SPEED_MAX = 5  # centi-km/h
HARD_ACCELERATION = 6  # events
HARD_BRAKING = 7  # events
BAND_0 = 8  # time standing; then one band for each 5 mph of speed
BANDS = 17
COUNTS = BAND_0 + BANDS
TIMES = (ELAPSED, LOW_SPEED, IDLE) + tuple(range(BAND_0, COUNTS))

# Upper edges of the bands above standing, k * 8.04672 km/h in centi-km/h; the last band is open.
BAND_EDGES_CKMH = tuple((k * 804672 + 500) // 1000 for k in range(1, BANDS - 1))

SHORT_TRIP_M = 18000
LOW_SPEED_CKMH = 2900
SPEED_LIMIT_CKMH = 30000

# Episode rules. NREL cuts trips where nothing was recorded for more than 300 s; without an ignition signal so do we.
NEAR_MS = 1500
TRIP_GAP_MS = 300000
STANDING_MS = 1800000  # standing this long ends a trip when nothing says that the engine runs
# A trip still open then is cut in two: an ignition signal that is stuck must not run the 32-bit counts over.
TRIP_LIMIT_MS = 432000000  # 5 days
# Just enough to be a trip at all: the shortest of NREL's 241 is 38 m in 16 s.
MIN_DISTANCE_M = 20
MIN_ELAPSED_MS = 10000

# Thresholds by vehicle class, km/h gained or lost within one second:
# acceleration from 6..10, 10..20, over 20 km/h; start; deceleration from up to 30, 50, over 50 km/h; stop.
HARD_CHANGE = {
    "taxi": (12, 10, 8, 10, 14, 15, 15, 14),
    "bus": (8, 7, 6, 8, 9, 10, 12, 9),
    "truck": (7, 6, 5, 6, 8, 8, 8, 8),
}
CLASS_RULES = {"car": "taxi", "taxi": "taxi", "bus": "bus", "truck": "truck"}


def content() -> list:
    """Everything that gives the counts their meaning, as plain data."""
    return [
        NAME,
        VERSION,
        COUNTS,
        GATES,
        list(BAND_EDGES_CKMH),
        [SHORT_TRIP_M, LOW_SPEED_CKMH, SPEED_LIMIT_CKMH],
        [NEAR_MS, TRIP_GAP_MS, STANDING_MS, TRIP_LIMIT_MS, MIN_DISTANCE_M, MIN_ELAPSED_MS],
        [[name, list(HARD_CHANGE[CLASS_RULES[name]])] for name in sorted(CLASS_RULES)],
    ]


def pack_id() -> bytes:
    """The first 8 bytes of the SHA-256 of `content` in canonical CBOR."""
    return hashlib.sha256(cbor.encode(content())).digest()[:8]
