"""What the hand-written core counts, with which thresholds, as constants.

The numbers are those of the pack `private-driving`, which says where each comes from: this is the same definition as code.
"""

# What a trip counts, by index. Times are in ms.
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

# Upper edges of the bands above standing, k * 8.04672 km/h in centi-km/h; the last band is open.
BAND_EDGES_CKMH = tuple((k * 804672 + 500) // 1000 for k in range(1, BANDS - 1))

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
