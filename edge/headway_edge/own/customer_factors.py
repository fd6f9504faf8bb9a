"""Which class a person is of, for each customer factor that a pack knows."""

from collections.abc import Mapping

import structlog

from headway_edge.core.forecast.factor_weight import MISSING
from headway_edge.core.pack import Pack

log = structlog.get_logger("headway.agent")


def classes_of(pack: Pack, factors: Mapping[str, str]) -> list[int]:
    """Return for each customer factor of a pack the place of the person's class; MISSING where it is not known.

    factors: class by factor, as the device was told of its person. What the pack does not know weighs nothing: one that
    is offered later may.
    """
    found = []
    for name, classes in pack.factors:
        told = factors.get(name)
        if told is not None and told not in classes:
            log.warning("agent.customer_class_unknown", factor=name, told=told, known=list(classes), weight=0)
        found.append(classes.index(told) if told in classes else MISSING)
    return found
