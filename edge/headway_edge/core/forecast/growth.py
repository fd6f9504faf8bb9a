"""Whether a forecast that customer factors move feeds itself and grows for ever: asked when a pack is checked, and of the model.

>>> from headway_edge.core.forecast.fixed_point import gain
>>> grows(gain(1, 10), gain(1, 1), gain(1, 2)), grows(gain(4, 10), gain(1, 1), gain(1, 2))
(True, False)
"""

from headway_edge.core.forecast.fixed_point import GAIN_ONE, times


def grows(alpha: int, b: int, rho: int) -> bool:
    """Tell whether a weight of 1 would let R2 grow for ever: b * rho >= alpha / (1 - alpha). All are gains."""
    return times(GAIN_ONE - alpha, times(b, rho)) >= alpha
