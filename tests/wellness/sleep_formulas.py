"""The published sleep formulas in plain floating point, written from their descriptions and from nothing in Headway.

Cole et al. 1992 in ActiLife's form and Sadeh et al. 1994, as documented by actigraph.sleepr. Indices are None where the window
is not complete; recordings are not padded.
"""

import math
from statistics import mean, stdev

KRIPKE_WEIGHTS = (106, 54, 58, 76, 230, 74, 67)


def kripke(counts: list[float | None], at: int) -> float | None:
    """The index of an epoch; under 1 is sleep."""
    window = counts[at - 4 : at + 3] if at >= 4 else []
    if len(window) < 7 or any(count is None for count in window):
        return None
    return 0.001 * sum(w * min(c / 100, 300.0) for w, c in zip(KRIPKE_WEIGHTS, window, strict=True) if c is not None)


def sadeh(counts: list[float | None], at: int) -> float | None:
    """The index of an epoch; over -4 is sleep."""
    window = [None if c is None else min(c, 300.0) for c in counts[at - 5 : at + 6]] if at >= 5 else []
    known = [c for c in window if c is not None]
    if len(window) < 11 or len(known) < 11:
        return None
    nats = sum(50 <= c < 100 for c in known)
    spread = stdev(known[:6])  # the epoch and the five before
    return 7.601 - 0.065 * mean(known) - 1.08 * nats - 0.056 * spread - 0.703 * math.log(known[5] + 1)
