"""Which model forecasts a series, by what its pack says, and what a person's classes weigh in it.

>>> from headway_edge.core.forecast.factor_weight import MISSING
>>> from headway_edge.core.forecast.fixed_point import gain
>>> adapted = [1, gain(3, 10), gain(1, 2), gain(1, 2), [[8192, 0, -8192], []]]
>>> type(model_of(adapted, 7)).__name__, type(model_of([], 7)).__name__
('CustomerFactorSmoothing', 'Choice')
>>> weight_of(adapted, [2, MISSING]), weight_of(adapted, [MISSING, 0]), weight_of([], [0, 0])
(-8192, 0, 0)
"""

from headway_edge.core.forecast.customer_factor import CustomerFactorSmoothing, RecursiveFactorSmoothing
from headway_edge.core.forecast.factor_weight import NAMES, weight
from headway_edge.core.pack_limits import R2

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from headway_edge.core.forecast.choice import Choice


def model_of(model: list, season: int) -> "Choice | CustomerFactorSmoothing":
    """Return the model of a series that has not seen a number yet.

    model: as in the pack, [] where no customer factors move it. season: steps in a season, 0 for none; customer factors go
    without one. Raises ValueError for gains under which a forecast would grow for ever.
    """
    if not model:
        from headway_edge.core.forecast.choice import Choice  # noqa: PLC0415 - whoever only checks has no use for it

        return Choice(season)
    how, alpha, b, rho, _ = model
    if how == R2:
        return RecursiveFactorSmoothing(alpha, b, rho=rho)
    return CustomerFactorSmoothing(alpha, b, rho=rho)


def weight_of(model: list, classes: list) -> int:
    """Return what a person weighs, -32768..32768 for -1 to 1; 0 for a model without customer factors.

    classes: for each factor of the pack the place of the person's class, MISSING where it is not known.
    """
    return weight([[NAMES, weights] for weights in model[4]], classes) if model else 0
