"""Names of the data-quality gates in their order, for people; see `headway_edge.core.data_quality`."""

GATE_NAMES = (
    "gaps",
    "gap_s",
    "bridged_m",
    "duplicate",
    "backwards",
    "out_of_range",
    "missing",
    "too_short",
)
