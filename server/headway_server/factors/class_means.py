"""Weights as class means, shrunk towards none: the default, for few observations and factors of any kind.

The weight of a class, a band or a name of a factor, is n / (n + kappa) times the mean of its n targets: with kappa
observations it is half of what they say (empirical Bayes, kappa being the variance within a class over that between
classes). Several factors are fitted by turns, each on what the others leave over, so that two factors that say the same
share the weight instead of counting it twice (backfitting: Hastie and Tibshirani, Generalized Additive Models, 1990).
"""

from collections.abc import Sequence

from headway_edge.core.forecast.factor_weight import BANDS, MISSING, NAMES, WEIGHT_ONE
from headway_server.factors.scales import BAND_EDGES, NameScale, NumberScale

_TURNS = 20  # of which the last changes nothing that quantisation would keep


def fit(
    scales: Sequence[NumberScale | NameScale], rows: Sequence[Sequence[int]], targets: Sequence[float], kappa: float
) -> list[list[object]]:
    """Return weights as `headway_edge.core.forecast.factor_weight` takes them.

    rows: for each observation the index of each factor by its scale. targets: as many, -1 to 1, of mean 0. kappa: > 0.
    """
    classes = [[_class(scale, row[i]) for row in rows] for i, scale in enumerate(scales)]
    sizes = [len(scale.names) if isinstance(scale, NameScale) else len(BAND_EDGES) + 1 for scale in scales]
    weights = [[0.0] * size for size in sizes]
    left = list(targets)
    for _ in range(_TURNS):
        for i, size in enumerate(sizes):
            sums, counts = [0.0] * size, [0] * size
            for j, which in enumerate(classes[i]):
                if which is not None:
                    sums[which] += left[j] + weights[i][which]
                    counts[which] += 1
            found = [total / (count + kappa) for total, count in zip(sums, counts, strict=True)]
            for j, which in enumerate(classes[i]):
                if which is not None:
                    left[j] += weights[i][which] - found[which]
            weights[i] = found
    fitted: list[list[object]] = []
    for scale, found in zip(scales, weights, strict=True):
        whole = [_quantised(weight) for weight in found]
        fitted.append([NAMES, whole] if isinstance(scale, NameScale) else [BANDS, list(BAND_EDGES), whole])
    return fitted


def _class(scale: NumberScale | NameScale, index: int) -> int | None:
    if index == MISSING:
        return None
    return index if isinstance(scale, NameScale) else sum(index >= edge for edge in BAND_EDGES)


def _quantised(weight: float) -> int:
    return max(-WEIGHT_ONE, min(WEIGHT_ONE, round(weight * WEIGHT_ONE)))
